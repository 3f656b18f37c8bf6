import type { DurableEvent } from "../core/event.ts";
import type { Attachment } from "../core/message.ts";
import type { Model } from "../core/model.ts";
import { ok, type Result } from "../core/result.ts";
import { sides, type Route, type Routed, type Side } from "../core/route.ts";
import { decideRoute, type Judged } from "../loop/route.ts";
import { featuresOf } from "../loop/route-features.ts";
import { modelLabel, type Choice, type ModelList } from "../models/choose.ts";
import { withFallback, type Candidate } from "../models/fallback.ts";
import { readyModel, type ModelDeps } from "../models/index.ts";
import { problem, type ModelProblem } from "../models/problem.ts";
import { localProvider } from "../models/providers.ts";

/** A model of a list that cannot be had on this machine: nothing is sent to it. */
type Missing = { model: string; reason: string };

/** A list of models: the candidates among them, that nothing is missing for, and those before the first that cannot be had. */
export type ReadyList = { models: ModelList; candidates: [Candidate, ...Candidate[]]; missing: Missing[] };

/** The most bytes that one token stands for in practice: long runs of blanks or dashes are single tokens. */
export const bytesPerToken = 16;

export type ReadyChoice = ReadyList | { route: Route; lists: Record<Side, ReadyList> };

/** The lists of a choice. */
export function listsOf(choice: ReadyChoice): ReadyList[] {
  return "route" in choice ? sides.map((side) => choice.lists[side]) : [choice];
}

/** Looks which models of a choice can be had. Each of its lists must have one. */
export async function readyChoice(choice: Choice, deps: ModelDeps): Promise<Result<ReadyChoice, ModelProblem>> {
  if (Array.isArray(choice)) return readyList(choice, deps);
  const simple = await readyList(choice.lists.simple, deps);
  if (!simple.ok) return simple;
  const complex = await readyList(choice.lists.complex, deps);
  if (!complex.ok) return complex;
  return ok({ route: choice.route, lists: { simple: simple.value, complex: complex.value } });
}

export async function readyList(models: ModelList, deps: ModelDeps): Promise<Result<ReadyList, ModelProblem>> {
  const candidates: Candidate[] = [];
  const missing: Missing[] = [];
  const problems: ModelProblem[] = [];
  for (const { spec } of models) {
    const ready = await readyModel(spec, deps);
    if (ready.ok) {
      candidates.push(ready.value);
      continue;
    }
    // What is wrong on any machine is no reason to ask another model.
    const here = ready.error.outcome === "credentials" || spec.model.startsWith(`${localProvider.name}/`);
    if (models.length === 1 || !here) return ready;
    if (candidates.length === 0) missing.push({ model: modelLabel(spec), reason: ready.error.message });
    problems.push(ready.error);
  }
  const [first, ...others] = candidates;
  if (first !== undefined) return ok({ models, candidates: [first, ...others], missing });
  const outcome = problems.some((one) => one.outcome === "credentials") ? "credentials" : "usage";
  return problem(outcome, `None of the models can be had: ${missing.map(({ reason }) => reason).join("; ")}`);
}

/** What a route looks at. */
export type Task = { prompt: string; attachments: readonly Attachment[]; tools: number };

/** The models that a run has, and how that came about. */
export type Decision = { list: ReadyList; stronger?: ReadyList; routed?: Routed; events: DurableEvent[] };

/** Which models answer a task. Nothing is asked for it. `past`: what was decided, and who has stood in, before the run goes on. */
export async function decide(choice: ReadyChoice, task: Task, past: readonly DurableEvent[] = []): Promise<Decision> {
  if (!("route" in choice)) {
    const list = standingIn(largeEnough(choice, task.prompt), past);
    return { list, events: past.length === 0 ? passedOver(list) : [] };
  }
  const { route, lists } = choice;
  const before = past.find((event) => event.type === "route");
  if (before?.type === "route") {
    const { type: _type, model: _model, ...routed } = before;
    const list = standingIn(largeEnough(lists[routed.side], task.prompt), past);
    const next = routed.scorer === "cascade" ? { stronger: standingIn(lists.complex, past) } : {};
    return { list, ...next, routed, events: [] };
  }
  const routed = await decideRoute(route, judgedBy(task));
  const list = largeEnough(lists[routed.side], task.prompt);
  const event: DurableEvent = { type: "route", model: list.candidates[0].name, ...routed };
  const events = [event, ...passedOver(list)];
  return { list, ...(route.scorer === "cascade" ? { stronger: lists.complex } : {}), routed, events };
}

/** A task as a route judges it: its tokens are counted where they count. */
export function judgedBy({ prompt, attachments, tools }: Task): Judged {
  return {
    prompt,
    features: () =>
      featuresOf(prompt, {
        tokens: async (text) => (await import("../native/tokens.ts")).countTokens(text, "o200k"),
        attached: attachments.length,
        tools,
      }),
  };
}

/** The same from the one on that stands in for those before it already. */
function standingIn(list: ReadyList, past: readonly DurableEvent[]): ReadyList {
  const { candidates } = list;
  const at = past.reduce((from, event) => {
    const found = event.type === "fallback" ? candidates.findIndex(({ name }) => name === event.to) : -1;
    return Math.max(from, found);
  }, 0);
  const [first = candidates[0], ...others] = candidates.slice(at);
  return { ...list, candidates: [first, ...others] };
}

/** The same without those that could never hold the prompt; all of them where none could. */
function largeEnough(list: ReadyList, prompt: string): ReadyList {
  const least = Buffer.byteLength(prompt) / bytesPerToken;
  const fits = ({ window = Infinity }: Candidate) => least <= window;
  const [first, ...others] = list.candidates.filter(fits);
  if (first === undefined) return list;
  const before = list.candidates.slice(0, list.candidates.indexOf(first));
  const small = before.map(({ name }) => ({ model: name, reason: `'${name}' cannot hold a prompt as long as this` }));
  return { ...list, candidates: [first, ...others], missing: [...list.missing, ...small] };
}

/** The first that can be had is asked in place of those before it. */
function passedOver({ candidates: [{ name: to }], missing }: ReadyList): DurableEvent[] {
  return missing.map(({ model, reason }) => ({ type: "fallback", from: model, to, reason }));
}

/** Makes the first model of a decision; the others are made when they are asked. */
export async function standing({ list, stronger }: Decision, afterText: boolean): Promise<Model> {
  const [first, ...others] = list.candidates;
  const next = stronger === undefined ? undefined : await standing({ list: stronger, events: [] }, afterText);
  const options = { afterText, ...(next === undefined ? {} : { stronger: next }) };
  return withFallback(await first.make(), others, options);
}
