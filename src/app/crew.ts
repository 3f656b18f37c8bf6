import type { AgentDoor, AgentRun, AgentTask } from "../core/agents.ts";
import type { Emit } from "../core/event.ts";
import { exitCode, type Interruption } from "../core/exit.ts";
import type { Clock } from "../core/host.ts";
import type { Mask } from "../core/mask.ts";
import type { Attachment, AttachmentFacts, KeptText } from "../core/message.ts";
import type { Model } from "../core/model.ts";
import type { InputValues, Plan, SubAgent } from "../core/plan.ts";
import type { RecallDoor } from "../core/recall.ts";
import type { RunResult } from "../core/result-document.ts";
import { fail, ok, type Failure, type Result } from "../core/result.ts";
import type { Tool } from "../core/tool.ts";
import type { OpenHost } from "../host/host.ts";
import { pastAgents, type PastAgent, type PastRun } from "../loop/past.ts";
import type { Tally } from "../loop/tally.ts";
import type { Policy } from "../permit/policy.ts";
import type { KeepChanges } from "./changes.ts";
import { askOf, hire, type Hired } from "./hire.ts";
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
  /** What it has done before it goes on. */
  past?: PastRun;
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
  /** Sets those to work again that had been at work in the background when the run was ended before. */
  revive(): Promise<void>;
  /** Ends those that still run, and says so. */
  settle(): Promise<void>;
};

/** Agents spawn each other no deeper than this, and no agent has more than so many at work. */
const deepest = 5;
const mostRunning = 8;

type Started = AgentRun & { begun: Promise<void>; end(why: string): void };

export function openCrew(parent: Actor, tally: Tally, common: Common, perform: Perform): Crew {
  const { events: before = [], data = () => undefined } = parent.past ?? {};
  const past = pastAgents(before);
  const started: Started[] = past.flatMap((agent) => (agent.told && agent.result ? [over(agent, agent.result)] : []));
  let begun = Math.max(0, ...past.map(({ id }) => Number(id.slice(1))));
  /** Those that are made ready and do not run yet. */
  let hiring = 0;

  /** What rein itself was refused for a sub-agent counts like what a call of it is refused. */
  async function refused({ denial }: Failure): Promise<void> {
    if (denial === undefined) return;
    tally.addDenial(denial);
    await parent.emit({ type: "decision", verdict: "deny", by: "gate", ...denial });
  }

  async function start(task: AgentTask, call: string): Promise<Result<AgentRun>> {
    const sub = ownSub(task.agent);
    if (sub === undefined) return fail("not_found", `There is no agent '${task.agent}'`);
    if (parent.depth >= deepest) return fail("unsupported", `Agents are spawned at most ${deepest} deep`);
    const running = started.filter((run) => run.result() === undefined).map(({ id }) => id);
    if (running.length + hiring >= mostRunning) {
      const which = running.length === 0 ? "" : ` (${running.join(", ")})`;
      return fail("unsupported", `${mostRunning} agents are at work${which}: wait for one, or stop it`);
    }
    const known = past.find((one) => !one.told && one.call === call && one.agent === task.agent);
    if (known !== undefined) known.told = true;
    if (known?.result !== undefined) {
      const ended = over(known, known.result);
      started.push(ended);
      return ok(ended);
    }
    const run = await employ(sub, task, call, known);
    // What it is to do is in the journal before the call can end.
    if (run.ok) await Promise.race([run.value.begun, run.value.ended]);
    return run;
  }

  async function employ(
    sub: SubAgent,
    task: AgentTask,
    call: string,
    known: PastAgent | undefined,
  ): Promise<Result<Started>> {
    // One that was asked nothing yet has no past.
    const begins = !known?.events.some((event) => event.type === "user" && event.agent_id === undefined);
    const its = !begins && known !== undefined ? { past: { events: known.events, data } } : {};
    const id = known?.id ?? `a${begun + 1}`;
    const asked = askOf(parent, common, sub, task, { id, ...its });
    if (!asked.ok) return asked;
    begun = Math.max(begun, Number(id.slice(1)));
    hiring++;
    const about = { agent: task.agent, id, asked: asked.value, ...its };
    const hired = await hire(parent, common, sub, about).finally(() => hiring--);
    if (!hired.ok) {
      await refused(hired.error);
      return hired;
    }
    const run = set({ ...hired.value, ...its }, id, task.agent, call);
    started.push(run);
    return ok(run);
  }

  async function revive(): Promise<void> {
    for (const agent of past) {
      const sub = agent.told && agent.result === undefined ? ownSub(agent.agent) : undefined;
      if (sub === undefined) continue;
      const run = await employ(sub, { agent: agent.agent, input: {}, prompt: "" }, agent.call ?? "", agent);
      if (run.ok) continue;
      const message = `Agent '${agent.agent}' (${agent.id}) does not go on: ${run.error.message}`;
      await parent.emit({ type: "warning", message });
    }
  }

  function ownSub(agent: string): SubAgent | undefined {
    return Object.hasOwn(parent.plan.agents, agent) ? parent.plan.agents[agent] : undefined;
  }

  /** Sets a sub-agent to work. */
  function set(hired: Hired & Pick<Actor, "past">, id: string, agent: string, call: string): Started {
    const { sub, tools, answers, close, ...ready } = hired;
    const ending = new AbortController();
    const settled = new AbortController();
    const { plan } = sub;
    let asked: () => void = () => undefined;
    void common.clock.sleep(plan.limits.time, settled.signal).then(() => {
      if (!settled.signal.aborted) ending.abort("timeout" satisfies Interruption);
    });
    const seen = watch(hired.past?.events);
    const begun = new Promise<void>((resolve) => (asked = resolve));
    const emit: Emit = async (event, durability) => {
      seen.see(event);
      if (event.agent_id !== undefined) {
        await parent.emit({ ...event, agent_id: `${id}.${event.agent_id}` }, durability);
        return;
      }
      // Ended with the run around it, it would go on with that.
      const cut = event.type === "run_end" && parent.signal.aborted ? { interrupted: true as const } : {};
      const told = event.type === "run_end" ? { ...event, result: worded(event.result) } : event;
      await parent.emit({ ...told, ...cut, agent_id: id }, durability);
      if (event.type === "user" || event.type === "run_resume") asked();
      if (event.type === "run_start" || event.type === "run_resume") for (const answer of answers) await emit(answer);
    };
    let result: RunResult | undefined;
    let stopped = false;
    /** Why it was ended before its time, while the run around it went on. */
    let why: string | undefined;
    const worded = (its: RunResult): RunResult =>
      its.outcome === "terminated" && why !== undefined ? { ...its, error: { message: why } } : its;
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
        result = worded(await perform(actor, tools));
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
    const end = (message: string): void => {
      if (!parent.signal.aborted) why ??= message;
      ending.abort("terminated" satisfies Interruption);
    };
    return {
      id,
      agent,
      progress: seen.progress,
      result: () => result,
      begun,
      ended: work(),
      stop: () => {
        stopped = true;
        end("Stopped by the agent that spawned it");
      },
      stopped: () => stopped,
      end,
    };
  }

  return {
    door: (call) => ({ start: (task) => start(task, call), runs: () => started }),
    revive,
    settle: async () => {
      const running = started.filter((run) => run.result() === undefined);
      for (const run of running) {
        run.end("Ended with the agent that spawned it");
        if (!parent.signal.aborted) {
          const message = `Agent '${run.agent}' (${run.id}) was ended: it still worked when the one that spawned it was done`;
          await parent.emit({ type: "warning", message });
        }
      }
      await Promise.all(running.map(({ ended }) => ended));
    },
  };
}

/** An agent that was over before the run goes on. */
function over({ id, agent, events }: PastAgent, result: RunResult): Started {
  return {
    id,
    agent,
    progress: watch(events).progress,
    result: () => result,
    begun: Promise.resolve(),
    ended: Promise.resolve(result),
    stop: () => undefined,
    // Nothing else ends a sub-agent so, while the run around it goes on.
    stopped: () => result.outcome === "terminated",
    end: () => undefined,
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
