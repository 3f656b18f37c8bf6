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
import { modelsOf, type Choice } from "../models/choose.ts";
import type { PastRun } from "../loop/past.ts";
import type { ModelDeps } from "../models/index.ts";
import type { ModelProblem } from "../models/problem.ts";
import { makePolicy } from "../permit/policy.ts";
import { policyWithin } from "../permit/within.ts";
import { agentInput } from "./agent-input.ts";
import { summarizerNeeds } from "./context.ts";
import type { Actor, Common } from "./crew.ts";
import { makeMcp, mcpNeeds } from "./mcp.ts";
import { decide, readyChoice, readyList, standing, type Decision } from "./candidates.ts";
import { areScripted, chosenModels, modelDeps, modelNeeds, passNeeds, type NamedModel } from "./model.ts";
import { keepAnswers, type Staffed } from "./needs.ts";
import type { RunRequest } from "./request.ts";
import { secretDoors } from "./secrecy.ts";
import { asText, fillIn, joined, templateValues } from "./texts.ts";
import { openToolbox } from "./toolbox.ts";

/** `owned`: it ends with the agent. */
type Modelled = { model: Model; named: NamedModel; owned: boolean };

/** A sub-agent, ready to run. */
export type Hired = Pick<
  Actor,
  "input" | "instructions" | "prompt" | "model" | "named" | "host" | "policy" | "servers"
> & {
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
  { agent, id, asked, past }: { agent: string; id: string; asked: Asked; past?: PastRun },
): Promise<Result<Hired>> {
  const { plan } = sub;
  const { request, clock, mask, secretNames } = common;
  const { environment, cwd, ask } = request;
  const { input, prompt } = asked;
  const machine = readMachine({ cwd, agentFolder: plan.folder, environment });
  if (!machine.ok) return machine;
  const own = makePolicy(plan, { all: true, allow: {}, deny: {} }, machine.value);
  if (!own.ok) return fail("invalid", own.error.join("; "));
  const policy = policyWithin(parent.policy, own.value);
  const doors = {
    machine: machine.value,
    policy,
    clock,
    environment,
    ...secretDoors(plan, request.plan, { secretNames, mask }, request),
    ...(ask === undefined ? {} : { ask }),
  };
  const inputs = new Map(Object.entries(input).map(([name, value]) => [name, mask.text(asText(value))]));
  const host = openHost({ ...doors, inputs });
  const answers: DurableEvent[] = [];
  const servers = makeMcp({ plan, doors, mask, clock, answers });
  await servers?.begin();
  const modelled = await modelFor(parent, common, sub, { agent, prompt, past: past?.events }, host, answers);
  if (!modelled.ok) {
    await servers?.close();
    await host.close();
    return modelled;
  }
  const { model, named, owned } = modelled.value;
  const about = servers === undefined ? plan : { ...plan, servers: () => servers.door() };
  const brought = await openToolbox(plan.tools, host, about);
  const close = async () => {
    if (owned) model.close?.();
    await servers?.close();
    await host.close();
  };
  const values = templateValues({ plan, environment }, `${parent.id}.${id}`, input);
  const offered = await servers?.ready(values, brought, parent.signal);
  if (offered?.ok === false) {
    await close();
    return fail("failed", offered.error.message);
  }
  const tools = offered?.value ?? brought;
  // What goes on has them from its start.
  const words = asked.before ? undefined : servers?.instructions();
  const instructions = joined(asked.instructions, words);
  const made = { sub, input, instructions, prompt, model, named, host, policy, tools, answers, close };
  return ok(servers === undefined ? made : { ...made, servers });
}

/** What an agent is asked, and the values of its inputs. `before`: by what the journal has of it. */
type Asked = Pick<Hired, "input" | "instructions" | "prompt"> & { before: boolean };

export function askOf(
  parent: Actor,
  { request: { environment }, mask }: Common,
  sub: SubAgent,
  task: AgentTask,
  { id, past }: { id: string; past?: PastRun },
): Result<Asked> {
  const asked = past && askedBefore(past);
  if (asked !== undefined) return asked;
  const { plan } = sub;
  const outer = templateValues({ plan: parent.plan, environment }, parent.id, parent.input);
  const input = agentInput(task.agent, sub, task.input, outer);
  if (!input.ok) return input;
  const texts = { input: input.value, prompt: task.prompt, files: [] };
  const filled = fillIn({ plan, environment }, `${parent.id}.${id}`, Infinity, mask, texts);
  if (!filled.ok) return fail("invalid", filled.error.message);
  const { instructions, prompt } = filled.value;
  if (prompt !== "") return ok({ input: input.value, instructions, prompt, before: false });
  return fail("invalid", `Agent '${task.agent}' has no prompt of its own: say in 'prompt' what it shall do`);
}

function askedBefore({ events }: PastRun): Result<Asked> | undefined {
  const own = events.filter(({ agent_id }) => agent_id === undefined);
  const start = own.find((event) => event.type === "run_start");
  const asked = own.find((event) => event.type === "user");
  if (start?.type !== "run_start" || asked?.type !== "user") return undefined;
  return ok({ input: start.input ?? {}, instructions: start.instructions, prompt: asked.text, before: true });
}

/**
 * The model that the caller named is everyone's; else each has its own, by a route of its own for its own prompt, or that of whoever
 * spawns it: what was decided for that one, and what stands in for it by now.
 */
async function modelFor(
  parent: Actor,
  { request, clock }: Common,
  sub: SubAgent,
  { agent, prompt, past }: { agent: string; prompt: string; past: PastRun["events"] | undefined },
  host: OpenHost,
  answers: DurableEvent[],
): Promise<Result<Modelled>> {
  const { plan } = sub;
  const own = ownModel(plan, request);
  if (own?.ok === false) return fail("invalid", own.error.message);
  const { named: theirs } = parent;
  const { agents, scriptFolder, agentFolder }: Omit<NamedModel, "models"> =
    own === undefined
      ? { ...theirs, agents: [...theirs.agents, agent] }
      : { scriptFolder: plan.folder, agentFolder: plan.folder, agents: [] };
  // A model of the other's file is that one's to reach.
  const needs =
    own === undefined
      ? []
      : modelsOf(own.value).flatMap((one) => modelNeeds(one, plan.folder, request.environment["HOME"]));
  const reached = await passNeeds(needs, sub.inline ? parent.host : host, keepAnswers(answers), parent.signal);
  if (!reached.ok) return reached;
  const env = plan.env.map((target): Need => ({ kind: "env", target }));
  const passed = await passNeeds(env, host, keepAnswers(answers), parent.signal);
  if (!passed.ok) return passed;
  if (own === undefined && !areScripted(theirs))
    return ok({ model: parent.model, named: { ...theirs, agents }, owned: false });
  const before = past === undefined ? {} : { past: { events: past, earlierResults: 0 } };
  const folders = { scriptFolder, agentFolder };
  const deps = modelDeps({ host, clock, ...request, agents, ...folders, retryAfterText: true, ...before });
  const decided = own === undefined ? await decidedAgain(theirs, deps) : await decidedAnew(own.value, deps);
  if (!decided.ok) return fail("failed", decided.error.message);
  answers.push(...decided.value.events);
  const { list, stronger } = decided.value;
  const models = { models: list.models, ...(stronger === undefined ? {} : { stronger: stronger.models }) };
  const named = { ...models, agents, scriptFolder, agentFolder };
  return ok({ model: await standing(decided.value, true), named, owned: true });

  async function decidedAnew(choice: Choice, from: ModelDeps) {
    const ready = await readyChoice(choice, from);
    return ready.ok
      ? ok(await decide(ready.value, { prompt, attachments: [], tools: plan.tools.length }, past))
      : ready;
  }
}

/** The models of another agent, made anew. */
async function decidedAgain(
  { models, stronger }: NamedModel,
  deps: ModelDeps,
): Promise<Result<Decision, ModelProblem>> {
  const list = await readyList(models, deps);
  if (!list.ok) return list;
  const next = stronger === undefined ? undefined : await readyList(stronger, deps);
  if (next?.ok === false) return next;
  return ok({ list: list.value, ...(next === undefined ? {} : { stronger: next.value }), events: [] });
}

/** What a sub-agent's file says of its model; undefined where it has that of who spawns it, or that of the caller. */
export function ownModel(plan: Plan, { model, environment }: Pick<RunRequest, "model" | "environment">) {
  if (plan.model === undefined || model || environment["REIN_MODEL"]) return undefined;
  return chosenModels(plan, undefined, {});
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
    const env = sub.plan.env.map((target): Need => ({ kind: "env", target }));
    const own: Need[] = [...env, ...summarizerNeeds(sub.plan, environment)];
    const chosen = ownModel(sub.plan, request);
    if (chosen?.ok === false) return chosen;
    const { folder } = sub.plan;
    if (chosen !== undefined) {
      own.push(...modelsOf(chosen.value).flatMap((one) => modelNeeds(one, folder, environment["HOME"])));
      const folders = { agentFolder: folder, scriptFolder: folder };
      const deps = modelDeps({ host, clock, environment, files, cwd, plan, retryAfterText: true, ...folders });
      const ready = await readyChoice(chosen.value, deps);
      if (!ready.ok) return ready;
    }
    const tools = await openToolbox(sub.plan.tools, host, sub.plan);
    staffed.push({ plan: sub.plan, tools, own, servers: mcpNeeds(sub.plan, environment) });
  }
  return { ok: true, value: staffed };
}
