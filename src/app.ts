import { summarizerNeeds, unpricedSummarizer } from "./app/context.ts";
import { journalPath } from "./app/journal.ts";
import type { RouteQuestion } from "./app/explain-route.ts";
import type { DoctorRequest } from "./app/doctor.ts";
import {
  bytesPerToken,
  decide,
  listsOf,
  readyChoice,
  standing,
  type Decision,
  type ReadyChoice,
} from "./app/candidates.ts";
import { chosenModels, modelDeps, modelNeeds, offeredModel, passNeeds } from "./app/model.ts";
import { keepAnswers, unmetNeeds, type Staffed } from "./app/needs.ts";
import { problemOf, type Problem } from "./core/problem.ts";
import type { PreparedRun, RunRequest, Texts } from "./app/request.ts";
import type { Resumed, RunEnd } from "./app/resume.ts";
import { secrecyOf, secretDoors } from "./app/secrecy.ts";
import { startRun } from "./app/start.ts";
import { asText, fillIn, templateValues } from "./app/texts.ts";
import { openToolbox } from "./app/toolbox.ts";
import type { DurableEvent } from "./core/event.ts";
import { exitCode, type Interruption } from "./core/exit.ts";
import type { Clock } from "./core/host.ts";
import type { Model } from "./core/model.ts";
import type { Ask, Need } from "./core/permission.ts";
import { plansOf, type InputValues, type Plan } from "./core/plan.ts";
import type { RunResult } from "./core/result-document.ts";
import type { ExplainedRoute, RouteStats } from "./core/route.ts";
import { fail, type Result } from "./core/result.ts";
import type { ServiceCheck } from "./core/service-check.ts";
import type { Reader, Store } from "./core/store.ts";
import type { Tool } from "./core/tool.ts";
import { systemClock } from "./host/clock.ts";
import { openHost, type OpenHost } from "./host/host.ts";
import { readMachine, type Environment, type Machine } from "./host/machine.ts";
import { modelsOf, type Choice } from "./models/choose.ts";
import { describe } from "./permit/describe.ts";
import { makePolicy, type Policy } from "./permit/policy.ts";
import { policyWithin } from "./permit/within.ts";

export const clock: Clock = systemClock;

/** Taken where a model's window is not known: more than any service offers. */
const largestWindow = 2_000_000;

/** Checks a plan against what was granted and what this machine has, and makes all that its run needs. */
export async function prepareRun(request: RunRequest): Promise<Result<PreparedRun, Problem>> {
  const { plan, environment } = request;
  const machine = readMachine({ cwd: request.cwd, agentFolder: plan.folder, environment });
  if (!machine.ok) return problemOf("usage", machine.error.message);
  const granted = makePolicy(plan, request.grants, machine.value);
  if (!granted.ok) return problemOf("usage", granted.error.join("\n"));
  const { resumed } = request;
  const policy = resumed === undefined ? granted : noWider(granted.value, resumed, machine.value);
  if (!policy.ok) return problemOf("usage", policy.error.join("\n"));
  const chosen = await chooseOrOffer(request);
  if (!chosen.ok && !(request.dryRun && chosen.error.outcome === "credentials")) return chosen;
  const unpriced = unpricedSummarizer(plan, environment);
  if (unpriced !== undefined) return unpriced;
  const own = [
    ...(chosen.ok ? modelsOf(chosen.value).flatMap((one) => modelNeeds(one, plan.folder, machine.value.home)) : []),
    ...summarizerNeeds(plan, environment),
    ...plan.env.map((target): Need => ({ kind: "env", target })),
  ];

  const deadline = new AbortController();
  const settled = new AbortController();
  if (request.lasting !== true)
    void clock.sleep(plan.limits.time, settled.signal).then(() => {
      if (!settled.signal.aborted) deadline.abort("timeout" satisfies Interruption);
    });
  const signal = AbortSignal.any([request.interrupts, deadline.signal]);
  const inputs = new Map<string, string>();
  const plans = plansOf(plan);
  const secrecy = secrecyOf(plan, [], environment);
  const { mask, secretNames } = secrecy;
  const ask = request.ask === undefined ? undefined : oneAtATime(request.ask);
  const options = {
    machine: machine.value,
    policy: policy.value,
    clock,
    environment,
    ...secretDoors(plan, plan, secrecy, request),
    inputs,
  };
  const host = openHost(ask === undefined ? options : { ...options, ask });
  const held = new Map<string, Model>();
  const close = async () => {
    settled.abort();
    for (const model of held.values()) model.close?.();
    await servers?.close();
    await host.close();
  };

  const answers: DurableEvent[] = [];
  const { inputs: _inputs, ...doors } = ask === undefined ? options : { ...options, ask };
  // A look loads no modules and starts no servers.
  const mcp = plan.mcp.length === 0 ? undefined : await import("./app/mcp.ts");
  const servers = request.dryRun ? undefined : mcp?.makeMcp({ plan, doors, mask, clock, answers });
  const planned = request.dryRun ? plan.tools.filter(({ kind }) => kind !== "unloaded" && kind !== "mcp") : plan.tools;
  const about = servers === undefined ? plan : { ...plan, servers: () => servers.door() };
  const tools = await openToolbox(planned, host, about);
  const crew =
    request.dryRun || plans.length === 1
      ? noCrew
      : await (await import("./app/hire.ts")).judgeCrew(plan, request, host, clock);
  const agents = crew.ok ? [{ plan, tools, own, servers: mcp?.mcpNeeds(plan, environment) ?? [] }, ...crew.value] : [];
  const unmet = request.dryRun ? undefined : unmetNeeds(request, agents, machine.value, policy.value);
  const missing = crew.ok
    ? unmet && asAtFirst(unmet, unmetNeeds(request, agents, machine.value, granted.value))
    : crew.error;
  if (missing !== undefined) {
    await close();
    return { ok: false, error: missing };
  }
  const passed = request.dryRun ? undefined : await passNeeds(own, host, keepAnswers(answers), signal);
  if (passed?.ok === false) {
    await close();
    return problemOf("denied", passed.error.message);
  }
  await servers?.begin();
  const choice = chosen.ok ? await readyModels(request, chosen.value, host) : chosen;
  if (!choice.ok && !(request.dryRun && choice.error.outcome === "credentials")) {
    await close();
    return choice;
  }
  /** What answers: another model can take its place between two runs. */
  let using = choice.ok && chosen.ok ? { ready: choice.value, chosen: chosen.value, request } : undefined;
  const ready = using?.ready;
  const promptLimit = largestOf(ready) * bytesPerToken;
  const id = resumed?.id ?? clock.id();
  const fill = (texts: Texts, prompt = true) =>
    fillIn(prompt ? request : { ...request, plan: withoutPrompt(plan) }, id, promptLimit, mask, texts);
  /** What a run was asked when it began. Instructions of a file that has changed are as they are now. */
  const askedAtFirst = ({ instructions, prompt, attachments, hash, input }: Resumed) => {
    const same = { ok: true as const, value: { instructions, prompt, attachments } };
    if (hash === plan.hash) return same;
    const filled = fill({ input, prompt: undefined, files: [] }, false);
    return filled.ok
      ? { ok: true as const, value: { ...same.value, instructions: filled.value.instructions } }
      : filled;
  };
  let offered: Tool[] | undefined;
  const offer = async (input: InputValues, until: AbortSignal): Promise<Result<Tool[], Problem>> => {
    if (offered === undefined) {
      for (const [name, value] of Object.entries(input)) inputs.set(name, mask.text(asText(value)));
      const all = await servers?.ready(templateValues(request, id, input), tools, until);
      if (all?.ok === false) return all;
      offered = all?.value ?? tools;
    }
    return { ok: true, value: offered };
  };
  /** A model is made once, however many runs it has. */
  const stand = async (decision: Decision): Promise<Model> => {
    const names = [decision.list, ...(decision.stronger === undefined ? [] : [decision.stronger])];
    const key = JSON.stringify(names.map(({ candidates }) => candidates.map(({ name }) => name)));
    const model = held.get(key) ?? (await standing(decision, !request.streamed));
    held.set(key, model);
    return model;
  };
  return {
    ok: true,
    value: {
      id,
      signal,
      promptLimit,
      async look(texts) {
        const filled = fill(texts);
        if (!filled.ok) return filled;
        const offered = tools.map(({ name, description, input }) => ({ name, description, input }));
        const { instructions, prompt } = filled.value;
        const { viewCrew } = await import("./app/crew-view.ts");
        const agents = viewCrew(request, policy.value);
        if (!agents.ok) return agents;
        const permissions = describe(policy.value);
        const { attachments } = filled.value;
        const task = { prompt, attachments, tools: plan.tools.length };
        const decision = ready === undefined ? undefined : await decide(ready, task);
        // A model that was named and has no key yet is told by its name.
        const named = chosen.ok ? (modelsOf(chosen.value)[0]?.spec.model ?? null) : null;
        const [model = named, ...fallback] = (decision?.list.candidates ?? []).map(({ name }) => name);
        const route = decision?.routed ?? null;
        const seen = { instructions, prompt, tools: offered, agents: agents.value, permissions };
        return { ok: true, value: { plan, model, fallback, route, ...seen } };
      },
      async start(texts, observe, turn) {
        const filled = resumed === undefined ? fill(texts, turn?.first) : askedAtFirst(resumed);
        if (!filled.ok) return filled;
        if (using === undefined) throw new Error("A dry run has no model to start");
        const run = turn ?? { id, signal };
        const all = await offer(texts.input, run.signal);
        if (!all.ok) return all;
        const { prompt, attachments } = filled.value;
        const decision = await decide(
          using.ready,
          { prompt, attachments, tools: plan.tools.length },
          resumed?.past.events.filter(({ agent_id }) => agent_id === undefined),
        );
        answers.push(...decision.events);
        const model = await stand(decision);
        const { list, stronger } = decision;
        const models = { models: list.models, ...(stronger === undefined ? {} : { stronger: stronger.models }) };
        const named = { ...models, ...foldersOf(using.request, using.chosen), agents: [] };
        const made = {
          id: run.id,
          signal: run.signal,
          host,
          policy: policy.value,
          clock,
          model,
          named,
          mask,
          secretNames,
        };
        const asked = ask === undefined ? using.request : { ...using.request, ask };
        const more = turn === undefined ? {} : { turn };
        return startRun(
          asked,
          { ...made, servers, tools: all.value, answers, input: texts.input, ...filled.value, ...more },
          observe,
        );
      },
      async useModel(name) {
        const changed = { ...request, model: name };
        const other = chosenModels(plan, name, environment);
        if (!other.ok) return other;
        const needs = modelsOf(other.value).flatMap((one) => modelNeeds(one, plan.folder, machine.value.home));
        const allowed = await passNeeds(needs, host, keepAnswers(answers), signal);
        if (!allowed.ok) return problemOf("denied", allowed.error.message);
        const made = await readyModels(changed, other.value, host);
        if (!made.ok) return made;
        using = { ready: made.value, chosen: other.value, request: changed };
        return { ok: true, value: undefined };
      },
      parts: {
        host,
        policy: policy.value,
        mask,
        servers,
        instructions(input) {
          const filled = fill({ input, prompt: undefined, files: [] }, false);
          return filled.ok ? { ok: true, value: filled.value.instructions } : filled;
        },
        tools: offer,
        model: async () =>
          using && stand(await decide(using.ready, { prompt: "", attachments: [], tools: plan.tools.length })),
      },
      close,
    },
  };
}

async function chooseOrOffer(request: RunRequest): Promise<Result<Choice, Problem>> {
  const { plan, environment, confirm, cwd, interrupts } = request;
  const chosen = chosenModels(plan, request.model, environment);
  if (chosen.ok || chosen.error.outcome !== "credentials" || confirm === undefined || request.dryRun) return chosen;
  const offered = await offeredModel(confirm, environment, cwd, interrupts);
  return offered === undefined ? chosen : { ok: true, value: [offered] };
}

/** A run to go on with, or its end where it has nothing left to do. `wait`: while another process has it, until that signal. */
export async function takeRun(
  environment: Environment,
  name: string,
  wait: AbortSignal | undefined,
): Promise<Result<Resumed | RunEnd, Problem>> {
  const { takeRun: take } = await import("./app/resume.ts");
  return take(environment, name, wait);
}

/** What `rein doctor` shows. */
export async function examineServices(request: Omit<DoctorRequest, "clock">): Promise<Result<ServiceCheck[]>> {
  const { examine } = await import("./app/doctor.ts");
  return examine({ ...request, clock });
}

/** What `rein route` tells of a prompt. */
export async function explainRoute(question: RouteQuestion): Promise<Result<ExplainedRoute, Problem>> {
  const { explainRoute: explain } = await import("./app/explain-route.ts");
  return explain(question);
}

/** What `rein route --stats` shows. */
export async function routeStats(environment: Environment, since: number): Promise<Result<RouteStats[]>> {
  const { routeStats: fold } = await import("./app/route-stats.ts");
  return readStore(environment, async (store) => {
    const rows = await store.routes(since);
    return rows.ok ? { ok: true, value: fold(rows.value) } : rows;
  });
}

/** The sessions of this user's journal; a failure when it cannot be read. Nothing is made where there is none. */
export async function readStore<T>(
  environment: Environment,
  read: (store: Reader) => Promise<Result<T>>,
): Promise<Result<T>> {
  const location = journalPath(environment);
  const { findStore } = await import("./store/open.ts");
  const opened = await findStore(location);
  if (!opened.ok) return opened;
  try {
    return await read(opened.value);
  } finally {
    await opened.value.close();
  }
}

/** The same, to change what is in it. */
export async function changeStore<T>(
  environment: Environment,
  change: (store: Store) => Promise<Result<T>>,
): Promise<Result<T>> {
  const location = journalPath(environment);
  if (location === undefined) return fail("failed", "There is no journal: neither XDG_STATE_HOME nor HOME is set");
  const { openStore } = await import("./store/open.ts");
  const opened = await openStore(location);
  if (!opened.ok) return opened;
  try {
    return await change(opened.value);
  } finally {
    await opened.value.close();
  }
}

/** The result of a run that never began. */
export function problemResult(run: string, { outcome, message, hint }: Problem): RunResult {
  const error = hint === undefined ? { message } : { message, hint };
  return {
    outcome,
    exit_code: exitCode(outcome),
    answer: null,
    error,
    model: null,
    usage: {},
    cost: null,
    denied: [],
    run_id: run,
  };
}

function readyModels(request: RunRequest, chosen: Choice, host: OpenHost): Promise<Result<ReadyChoice, Problem>> {
  const { environment, cwd, files, streamed, resumed } = request;
  const folders = foldersOf(request, chosen);
  return readyChoice(
    chosen,
    modelDeps({
      host,
      clock,
      environment,
      files,
      cwd,
      plan: request.plan,
      retryAfterText: !streamed,
      ...(resumed === undefined ? {} : { past: scriptsOf(resumed) }),
      ...folders,
    }),
  );
}

/** The most tokens that one of the models could read. */
function largestOf(choice: ReadyChoice | undefined): number {
  const windows = (choice === undefined ? [] : listsOf(choice)).flatMap(({ candidates }) =>
    candidates.map(({ window = largestWindow }) => window),
  );
  return windows.length === 0 ? largestWindow : Math.max(...windows);
}

/** A file names its script relative to itself, a flag or variable relative to where it was typed. */
function foldersOf({ plan, cwd }: RunRequest, choice: Choice) {
  const typed = modelsOf(choice).some(({ from }) => from === "caller");
  return { scriptFolder: typed ? cwd : plan.folder, agentFolder: plan.folder };
}

/** The same where the file's own prompt was said before. */
function withoutPrompt({ prompt: _said, ...plan }: Plan): Plan {
  return plan;
}

/** What a scripted model must know of a run that goes on. */
function scriptsOf({ past: { events }, journal: { history } }: Resumed) {
  const results = history.messages.map((message) => (message.role === "tool" ? message.results.length : 0));
  return { events, earlierResults: results.reduce((sum, one) => sum + one, 0) };
}

/** What is granted now, as far as the file of that time requested it and it was granted when the run began. */
function noWider(granted: Policy, { launch }: Resumed, machine: Machine): Result<Policy, string[]> {
  const { permissions = {}, deny = {}, grants } = launch;
  const first = makePolicy({ permissions, deny }, grants, machine);
  return first.ok ? { ok: true, value: policyWithin(first.value, granted) } : first;
}

/** What a run that goes on can do nothing without, and cannot get any more. */
function asAtFirst(missing: Problem, now: Problem | undefined): Problem {
  if (now !== undefined) return missing;
  const { hint: _flags, ...rest } = missing;
  return { ...rest, hint: "a run that goes on gets no more than it had at first: begin a new one" };
}

/** A run without sub-agents. */
const noCrew: Result<Staffed[], Problem> = { ok: true, value: [] };

/** Puts a question when the one before it was answered, whichever agent asks. */
function oneAtATime(ask: Ask): Ask {
  let last: Promise<unknown> = Promise.resolve();
  return (request, signal) => {
    const answer = last.then(() => (signal.aborted ? ("no" as const) : ask(request, signal)));
    last = answer.catch(() => undefined);
    return answer;
  };
}
