import type { AgentDoor, AgentRun, AgentTask } from "../core/agents.ts";
import type { Emit } from "../core/event.ts";
import { exitCode, type Interruption } from "../core/exit.ts";
import type { Clock } from "../core/host.ts";
import type { Mask } from "../core/mask.ts";
import type { Attachment, AttachmentFacts, KeptText } from "../core/message.ts";
import type { Model } from "../core/model.ts";
import type { InputValues, Plan } from "../core/plan.ts";
import type { RecallDoor } from "../core/recall.ts";
import type { RunResult } from "../core/result-document.ts";
import { fail, ok, type Failure, type Result } from "../core/result.ts";
import type { Tool } from "../core/tool.ts";
import type { OpenHost } from "../host/host.ts";
import type { Tally } from "../loop/tally.ts";
import type { Policy } from "../permit/policy.ts";
import type { KeepChanges } from "./changes.ts";
import { hire, type Hired } from "./hire.ts";
import type { McpRun } from "./mcp.ts";
import type { NamedModel } from "./model.ts";
import type { RunRequest } from "./request.ts";
import { watch } from "./watch.ts";

/** What all agents of one run share. */
export type Common = {
  request: Pick<RunRequest, "plan" | "environment" | "cwd" | "files" | "ask" | "tell" | "line" | "model">;
  clock: Clock;
  mask: Mask;
  secretNames: readonly string[];
  keep(attachments: readonly Attachment[]): Promise<AttachmentFacts[]>;
  keepText(text: string): Promise<KeptText | undefined>;
  /** What an agent can read of its own journal; `agent` is the id of a sub-agent. */
  recall(agent: string | null): RecallDoor;
  /** Keeps what calls change in files, so that it can be taken back; absent where it cannot be. */
  changes?: KeepChanges;
};

/** One agent, ready to run: the file's own, or one that another has spawned. */
export type Actor = {
  plan: Plan;
  /** Of its run. */
  id: string;
  input: InputValues;
  instructions: string;
  prompt: string;
  model: Model;
  named: NamedModel;
  host: OpenHost;
  policy: Policy;
  signal: AbortSignal;
  emit: Emit;
  /** Its MCP servers; absent where it has none. */
  servers?: McpRun;
  /** How many agents are above it. */
  depth: number;
  /** That of the agent that has spawned it, and the call that did. */
  within?: Tally;
  spawnedBy?: string;
};

/** Runs an agent to its end. */
export type Perform = (actor: Actor, tools: Tool[]) => Promise<RunResult>;

/** The sub-agents of one run. */
export type Crew = {
  door(call: string): AgentDoor;
  /** Ends those that still run, and says so. */
  settle(): Promise<void>;
};

/** Agents spawn each other no deeper than this, and no agent has more than so many at work. */
const deepest = 5;
const mostRunning = 8;

type Started = AgentRun & { end(reason: Interruption): void };

export function openCrew(parent: Actor, tally: Tally, common: Common, perform: Perform): Crew {
  const started: Started[] = [];
  let begun = 0;
  /** Those that are made ready and do not run yet. */
  let hiring = 0;

  /** What rein itself was refused for a sub-agent counts like what a call of it is refused. */
  async function refused({ denial }: Failure): Promise<void> {
    if (denial === undefined) return;
    tally.addDenial(denial);
    await parent.emit({ type: "decision", verdict: "deny", by: "gate", ...denial });
  }

  async function start(task: AgentTask, call: string): Promise<Result<AgentRun>> {
    const sub = Object.hasOwn(parent.plan.agents, task.agent) ? parent.plan.agents[task.agent] : undefined;
    if (sub === undefined) return fail("not_found", `There is no agent '${task.agent}'`);
    if (parent.depth >= deepest) return fail("unsupported", `Agents are spawned at most ${deepest} deep`);
    const running = started.filter((run) => run.result() === undefined).map(({ id }) => id);
    if (running.length + hiring >= mostRunning) {
      const which = running.length === 0 ? "" : ` (${running.join(", ")})`;
      return fail("unsupported", `${mostRunning} agents are at work${which}: wait for one, or stop it`);
    }
    const id = `a${++begun}`;
    hiring++;
    const hired = await hire(parent, common, sub, task, id).finally(() => hiring--);
    if (!hired.ok) {
      await refused(hired.error);
      return hired;
    }
    const run = set(hired.value, id, task.agent, call);
    started.push(run);
    return ok(run);
  }

  /** Sets a sub-agent to work. */
  function set(hired: Hired, id: string, agent: string, call: string): Started {
    const { sub, tools, answers, close, ...ready } = hired;
    const ending = new AbortController();
    const settled = new AbortController();
    const { plan } = sub;
    void common.clock.sleep(plan.limits.time, settled.signal).then(() => {
      if (!settled.signal.aborted) ending.abort("timeout" satisfies Interruption);
    });
    const seen = watch();
    const emit: Emit = async (event, durability) => {
      seen.see(event);
      const agent_id = event.agent_id === undefined ? id : `${id}.${event.agent_id}`;
      await parent.emit({ ...event, agent_id }, durability);
      if (event.type === "run_start" && event.agent_id === undefined) for (const answer of answers) await emit(answer);
    };
    let result: RunResult | undefined;
    let stopped = false;
    const actor: Actor = {
      ...ready,
      plan: { ...plan, name: agent },
      id: `${parent.id}.${id}`,
      signal: AbortSignal.any([parent.signal, ending.signal]),
      emit,
      depth: parent.depth + 1,
      within: tally,
      spawnedBy: call,
    };
    const work = async (): Promise<RunResult> => {
      try {
        result = await perform(actor, tools);
      } catch (error) {
        // The run around it goes on, or meets the same.
        const message = error instanceof Error ? error.message : String(error);
        result = { ...broken, run_id: actor.id, error: { message } };
      } finally {
        settled.abort();
        await close();
      }
      return result;
    };
    return {
      id,
      agent,
      progress: seen.progress,
      result: () => result,
      ended: work(),
      stop: () => {
        stopped = true;
        ending.abort("terminated" satisfies Interruption);
      },
      stopped: () => stopped,
      end: (reason) => ending.abort(reason),
    };
  }

  return {
    door: (call) => ({ start: (task) => start(task, call), runs: () => started }),
    settle: async () => {
      const running = started.filter((run) => run.result() === undefined);
      for (const run of running) {
        run.end("terminated");
        if (!parent.signal.aborted) {
          const message = `Agent '${run.agent}' (${run.id}) was ended: it still worked when the one that spawned it was done`;
          await parent.emit({ type: "warning", message });
        }
      }
      await Promise.all(running.map(({ ended }) => ended));
    },
  };
}

const broken: Omit<RunResult, "run_id" | "error"> = {
  outcome: "bug",
  exit_code: exitCode("bug"),
  answer: null,
  model: null,
  usage: {},
  cost: null,
  denied: [],
};
