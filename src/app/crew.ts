import type { AgentDoor, AgentRun, AgentTask } from "../core/agents.ts";
import type { DurableEvent, Emit } from "../core/event.ts";
import { exitCode, type Interruption } from "../core/exit.ts";
import type { Clock } from "../core/host.ts";
import type { Mask } from "../core/mask.ts";
import type { Attachment, AttachmentFacts } from "../core/message.ts";
import type { Model } from "../core/model.ts";
import type { Need } from "../core/permission.ts";
import { plansOf, type InputValues, type Plan, type SubAgent } from "../core/plan.ts";
import type { Problem } from "../core/problem.ts";
import type { RunResult } from "../core/result-document.ts";
import { fail, ok, type Failure, type Result } from "../core/result.ts";
import { openHost, type OpenHost } from "../host/host.ts";
import { readMachine } from "../host/machine.ts";
import type { Tally } from "../loop/tally.ts";
import { createModel } from "../models/index.ts";
import { makePolicy, type Policy } from "../permit/policy.ts";
import { policyWithin } from "../permit/within.ts";
import { chosenModel, isScripted, modelDeps, modelNeeds, passNeeds, type NamedModel } from "./model.ts";
import { keepAnswers, type Staffed } from "./needs.ts";
import type { RunRequest } from "./request.ts";
import { agentInput } from "./agent-input.ts";
import { openToolbox, withheldVariables } from "./toolbox.ts";
import { asText, fillIn, templateValues } from "./texts.ts";
import { watch, type Watch } from "./watch.ts";

/** What all agents of one run share. */
export type Common = {
  request: Pick<RunRequest, "environment" | "cwd" | "files" | "ask" | "model">;
  clock: Clock;
  mask: Mask;
  secretNames: readonly string[];
  keep(attachments: readonly Attachment[]): Promise<AttachmentFacts[]>;
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
  /** How many agents are above it. */
  depth: number;
  /** That of the agent that has spawned it, and the call that did. */
  within?: Tally;
  spawnedBy?: string;
};

/** Runs an agent to its end. */
export type Perform = (actor: Actor, tools: Awaited<ReturnType<typeof openToolbox>>) => Promise<RunResult>;

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

  async function start(task: AgentTask, call: string): Promise<Result<AgentRun>> {
    const sub = Object.hasOwn(parent.plan.agents, task.agent) ? parent.plan.agents[task.agent] : undefined;
    if (sub === undefined) return fail("not_found", `There is no agent '${task.agent}'`);
    if (parent.depth >= deepest) return fail("unsupported", `Agents are spawned at most ${deepest} deep`);
    const running = started.filter((run) => run.result() === undefined).map(({ id }) => id);
    if (running.length >= mostRunning) {
      return fail("unsupported", `${mostRunning} agents are at work (${running.join(", ")}): wait for one, or stop it`);
    }
    const id = `a${++begun}`;
    const hired = await hire(sub, task, id);
    if (!hired.ok) return hired;
    const run = set(hired.value, id, task.agent, call);
    started.push(run);
    return ok(run);
  }

  /** All that one agent needs; nothing of it runs yet. */
  async function hire(sub: SubAgent, task: AgentTask, id: string): Promise<Result<Hired>> {
    const { plan } = sub;
    const { request, clock, mask, secretNames } = common;
    const outer = templateValues({ plan: parent.plan, environment: request.environment }, parent.id, parent.input);
    const input = agentInput(task.agent, sub, task.input, outer);
    if (!input.ok) return input;
    const policy = policyOf(plan);
    if (!policy.ok) return policy;
    const inputs = new Map(Object.entries(input.value).map(([name, value]) => [name, mask.text(asText(value))]));
    const { environment, ask } = request;
    const base = {
      machine: policy.value.machine,
      policy: policy.value.policy,
      clock,
      environment,
      secretNames,
      secrets: plan.secrets,
      withheld: withheldVariables(plan.tools),
      inputs,
    };
    const host = openHost(ask === undefined ? base : { ...base, ask });
    const answers: DurableEvent[] = [];
    const modelled = await modelFor(sub, task.agent, host, answers);
    const filled = modelled.ok
      ? fillIn({ plan, environment }, `${parent.id}.${id}`, Infinity, mask, {
          input: input.value,
          prompt: task.prompt,
          files: [],
        })
      : modelled;
    if (!modelled.ok || !filled.ok) {
      await host.close();
      return modelled.ok ? (filled.ok ? fail("failed", "") : fail("invalid", filled.error.message)) : modelled;
    }
    const { instructions, prompt } = filled.value;
    if (prompt === "") {
      await host.close();
      return fail("invalid", `Agent '${task.agent}' has no prompt of its own: say in 'prompt' what it shall do`);
    }
    const tools = await openToolbox(plan.tools, host, plan);
    const { model, named, owned } = modelled.value;
    const close = async () => {
      if (owned) model.close?.();
      await host.close();
    };
    return ok({
      sub,
      input: input.value,
      instructions,
      prompt,
      model,
      named,
      host,
      policy: policy.value.policy,
      tools,
      answers,
      close,
    });
  }

  function policyOf(plan: Plan) {
    const { cwd, environment } = common.request;
    const machine = readMachine({ cwd, agentFolder: plan.folder, environment });
    if (!machine.ok) return machine;
    const own = makePolicy(plan, { all: true, allow: {}, deny: {} }, machine.value);
    if (!own.ok) return fail("invalid", own.error.join("; "));
    return ok({ machine: machine.value, policy: policyWithin(parent.policy, own.value) });
  }

  /** The model that the caller named is everyone's; else each has its own, or that of whoever spawns it. */
  async function modelFor(
    sub: SubAgent,
    agent: string,
    host: OpenHost,
    answers: DurableEvent[],
  ): Promise<Result<Modelled>> {
    const { request, clock } = common;
    const { plan } = sub;
    const inherited = { ...parent.named, agents: [...parent.named.agents, agent] };
    const own = ownModel(plan, request);
    const named: NamedModel =
      own === undefined
        ? inherited
        : own.ok
          ? { chosen: own.value, scriptFolder: plan.folder, agentFolder: plan.folder, agents: [] }
          : inherited;
    if (own?.ok === false) return fail("invalid", own.error.message);
    const env = plan.env.map((target): Need => ({ kind: "env", target }));
    const needs = own === undefined ? [] : modelNeeds(named.chosen, plan.folder, request.environment["HOME"]);
    // A model of the other's file is that one's to reach.
    const passed =
      (await firstRefused(
        [
          [needs, sub.inline ? parent.host : host],
          [env, host],
        ],
        answers,
      )) ?? undefined;
    if (passed !== undefined) return refused(passed);
    if (own === undefined && !isScripted(named.chosen.spec)) return ok({ model: parent.model, named, owned: false });
    const made = await createModel(
      named.chosen.spec,
      modelDeps({ host, clock, ...request, ...named, retryAfterText: true }),
    );
    return made.ok ? ok({ model: made.value, named, owned: true }) : fail("failed", made.error.message);
  }

  async function firstRefused(needs: Array<[Need[], OpenHost]>, answers: DurableEvent[]): Promise<Failure | undefined> {
    for (const [some, host] of needs) {
      const passed = await passNeeds(some, host, keepAnswers(answers), parent.signal);
      if (!passed.ok) return passed.error;
    }
    return undefined;
  }

  async function refused(error: Failure): Promise<{ ok: false; error: Failure }> {
    const { denial } = error;
    if (denial !== undefined) {
      tally.addDenial(denial);
      await parent.emit({ type: "decision", verdict: "deny", by: "gate", ...denial });
    }
    return { ok: false, error };
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
    const seen: Watch = watch();
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

type Modelled = { model: Model; named: NamedModel; owned: boolean };

type Hired = Pick<Actor, "input" | "instructions" | "prompt" | "model" | "named" | "host" | "policy"> & {
  sub: SubAgent;
  tools: Awaited<ReturnType<typeof openToolbox>>;
  answers: DurableEvent[];
  close(): Promise<void>;
};

const broken: Omit<RunResult, "run_id" | "error"> = {
  outcome: "bug",
  exit_code: exitCode("bug"),
  answer: null,
  usage: {},
  cost: null,
  denied: [],
};

/** The model that a sub-agent's own file names for it; undefined where it has that of another. */
export function ownModel(plan: Plan, { model, environment }: Pick<RunRequest, "model" | "environment">) {
  if (plan.model === undefined || model || environment["REIN_MODEL"]) return undefined;
  return chosenModel(plan, undefined, {});
}

/** The sub-agents that a plan leads to, ready to be judged before the run: each with a model that can be had. */
export async function judgeCrew(
  plan: Plan,
  request: RunRequest,
  host: OpenHost,
  clock: Clock,
): Promise<Result<Staffed[], Problem>> {
  const staffed: Staffed[] = [];
  const { environment, cwd, files } = request;
  for (const sub of plansOf(plan).flatMap(({ agents }) => Object.values(agents))) {
    if (staffed.some((one) => one.plan === sub.plan)) continue;
    const own: Need[] = sub.plan.env.map((target) => ({ kind: "env", target }));
    const chosen = ownModel(sub.plan, request);
    if (chosen?.ok === false) return chosen;
    const { folder } = sub.plan;
    if (chosen !== undefined) {
      own.push(...modelNeeds(chosen.value, folder, environment["HOME"]));
      const folders = { agentFolder: folder, scriptFolder: folder };
      const deps = modelDeps({ host, clock, environment, files, cwd, retryAfterText: true, ...folders });
      const made = await createModel(chosen.value.spec, deps);
      if (!made.ok) return made;
      made.value.close?.();
    }
    staffed.push({ plan: sub.plan, tools: await openToolbox(sub.plan.tools, host, sub.plan), own });
  }
  return { ok: true, value: staffed };
}
