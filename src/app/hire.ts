import type { AgentTask } from "../core/agents.ts";
import type { DurableEvent } from "../core/event.ts";
import type { Clock } from "../core/host.ts";
import type { Model } from "../core/model.ts";
import type { Need } from "../core/permission.ts";
import { plansOf, type Plan, type SubAgent } from "../core/plan.ts";
import type { Problem } from "../core/problem.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Tool } from "../core/tool.ts";
import { openHost, type OpenHost } from "../host/host.ts";
import { readMachine } from "../host/machine.ts";
import { createModel } from "../models/index.ts";
import { makePolicy } from "../permit/policy.ts";
import { policyWithin } from "../permit/within.ts";
import { agentInput } from "./agent-input.ts";
import type { Actor, Common } from "./crew.ts";
import { chosenModel, isScripted, modelDeps, modelNeeds, passNeeds, type NamedModel } from "./model.ts";
import { keepAnswers, type Staffed } from "./needs.ts";
import type { RunRequest } from "./request.ts";
import { secretDoors } from "./secrecy.ts";
import { asText, fillIn, templateValues } from "./texts.ts";
import { openToolbox } from "./toolbox.ts";

/** `owned`: it ends with the agent. */
type Modelled = { model: Model; named: NamedModel; owned: boolean };

/** A sub-agent, ready to run. */
export type Hired = Pick<Actor, "input" | "instructions" | "prompt" | "model" | "named" | "host" | "policy"> & {
  sub: SubAgent;
  tools: Tool[];
  /** What was allowed by a person before there was a run to tell of it. */
  answers: DurableEvent[];
  close(): Promise<void>;
};

/** All that a sub-agent needs; nothing of it runs yet. Its policy is its own within that of who spawns it. */
export async function hire(
  parent: Actor,
  common: Common,
  sub: SubAgent,
  task: AgentTask,
  id: string,
): Promise<Result<Hired>> {
  const { plan } = sub;
  const { request, clock, mask, secretNames } = common;
  const { environment, cwd, ask } = request;
  const outer = templateValues({ plan: parent.plan, environment }, parent.id, parent.input);
  const input = agentInput(task.agent, sub, task.input, outer);
  if (!input.ok) return input;
  const texts = { input: input.value, prompt: task.prompt, files: [] };
  const filled = fillIn({ plan, environment }, `${parent.id}.${id}`, Infinity, mask, texts);
  if (!filled.ok) return fail("invalid", filled.error.message);
  const { instructions, prompt } = filled.value;
  if (prompt === "") {
    return fail("invalid", `Agent '${task.agent}' has no prompt of its own: say in 'prompt' what it shall do`);
  }
  const machine = readMachine({ cwd, agentFolder: plan.folder, environment });
  if (!machine.ok) return machine;
  const own = makePolicy(plan, { all: true, allow: {}, deny: {} }, machine.value);
  if (!own.ok) return fail("invalid", own.error.join("; "));
  const policy = policyWithin(parent.policy, own.value);
  const host = openHost({
    machine: machine.value,
    policy,
    clock,
    environment,
    ...secretDoors(plan, request.plan, { secretNames, mask }, request),
    inputs: new Map(Object.entries(input.value).map(([name, value]) => [name, mask.text(asText(value))])),
    ...(ask === undefined ? {} : { ask }),
  });
  const answers: DurableEvent[] = [];
  const modelled = await modelFor(parent, common, sub, task.agent, host, answers);
  if (!modelled.ok) {
    await host.close();
    return modelled;
  }
  const { model, named, owned } = modelled.value;
  const tools = await openToolbox(plan.tools, host, plan);
  const close = async () => {
    if (owned) model.close?.();
    await host.close();
  };
  return ok({ sub, input: input.value, instructions, prompt, model, named, host, policy, tools, answers, close });
}

/** The model that the caller named is everyone's; else each has its own, or that of whoever spawns it. */
async function modelFor(
  parent: Actor,
  { request, clock }: Common,
  sub: SubAgent,
  agent: string,
  host: OpenHost,
  answers: DurableEvent[],
): Promise<Result<Modelled>> {
  const { plan } = sub;
  const own = ownModel(plan, request);
  if (own?.ok === false) return fail("invalid", own.error.message);
  const named: NamedModel =
    own === undefined
      ? { ...parent.named, agents: [...parent.named.agents, agent] }
      : { chosen: own.value, scriptFolder: plan.folder, agentFolder: plan.folder, agents: [] };
  // A model of the other's file is that one's to reach.
  const needs = own === undefined ? [] : modelNeeds(named.chosen, plan.folder, request.environment["HOME"]);
  const reached = await passNeeds(needs, sub.inline ? parent.host : host, keepAnswers(answers), parent.signal);
  if (!reached.ok) return reached;
  const env = plan.env.map((target): Need => ({ kind: "env", target }));
  const passed = await passNeeds(env, host, keepAnswers(answers), parent.signal);
  if (!passed.ok) return passed;
  if (own === undefined && !isScripted(named.chosen.spec)) return ok({ model: parent.model, named, owned: false });
  const deps = modelDeps({ host, clock, ...request, ...named, retryAfterText: true });
  const made = await createModel(named.chosen.spec, deps);
  return made.ok ? ok({ model: made.value, named, owned: true }) : fail("failed", made.error.message);
}

/** The model that a sub-agent's own file names for it; undefined where it has that of another. */
function ownModel(plan: Plan, { model, environment }: Pick<RunRequest, "model" | "environment">) {
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
