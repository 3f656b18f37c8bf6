import type { DurableEvent } from "../core/event.ts";
import type { Model } from "../core/model.ts";
import type { Need } from "../core/permission.ts";
import { limitsCost, plansOf, type Plan } from "../core/plan.ts";
import { ok } from "../core/result.ts";
import type { Environment } from "../host/machine.ts";
import type { ContextOptions } from "../loop/context.ts";
import type { Gauge } from "../loop/measure.ts";
import { chooseModels, modelLabel, modelsOf } from "../models/choose.ts";
import { createModel, unpriced } from "../models/index.ts";
import { priceOf } from "../models/prices.ts";
import type { ModelProblem } from "../models/problem.ts";
import { attachmentTokens, countingOf } from "../models/token-counts.ts";
import type { Actor, Common } from "./crew.ts";
import { modelDeps, modelNeeds, passNeeds } from "./model.ts";
import { keepAnswers } from "./needs.ts";

/** The model that writes a plan's summaries; undefined where none does. */
function summarizerOf({ context, models }: Plan, environment: Environment) {
  if (context.compact !== "summarize" || context.model === undefined) return undefined;
  const key = (name: string) => environment[name];
  const chosen = chooseModels({ flag: undefined, variable: undefined, file: [context.model], models, key });
  return chosen.ok ? ok(modelsOf(chosen.value)) : chosen;
}

/** What the model of a plan's summaries cannot be reached without. */
export function summarizerNeeds(plan: Plan, environment: Environment): Need[] {
  const named = summarizerOf(plan, environment);
  return named?.ok ? named.value.flatMap((one) => modelNeeds(one, plan.folder, environment["HOME"])) : [];
}

/** A model of summaries, a plan's or one of its sub-agents', whose price is not known where each must be. */
export function unpricedSummarizer(
  plan: Plan,
  environment: Environment,
): { ok: false; error: ModelProblem } | undefined {
  if (!limitsCost(plan)) return undefined;
  const named = plansOf(plan).flatMap((one) => {
    const models = summarizerOf(one, environment);
    return models?.ok ? models.value : [];
  });
  const unknown = named.find(({ spec }) => priceOf(spec, (name) => environment[name]) === undefined);
  return unknown === undefined ? undefined : unpriced(modelLabel(unknown.spec));
}

/** What an agent's conversation is kept within its model's window by. Nothing of it is loaded before it is needed. */
export function contextOf(
  { plan, model, host, signal, emit }: Pick<Actor, "plan" | "model" | "host" | "signal" | "emit">,
  { request, clock }: Pick<Common, "request" | "clock">,
): { options: Pick<ContextOptions, "spec" | "gauge" | "summarizer">; close(): void } {
  const named = summarizerOf(plan, request.environment);
  let made: Model | undefined;
  const summarizer: ContextOptions["summarizer"] =
    named &&
    (async () => {
      if (made !== undefined) return { ok: true, value: made };
      const chosen = named.ok ? named.value[0] : undefined;
      if (chosen === undefined) return { ok: false, error: named.ok ? "there is no such model" : named.error.message };
      const answers: DurableEvent[] = [];
      const needs = modelNeeds(chosen, plan.folder, request.environment["HOME"]);
      const reached = await passNeeds(needs, host, keepAnswers(answers), signal);
      for (const answer of answers) await emit(answer);
      if (!reached.ok) return { ok: false, error: reached.error.message };
      const folders = { agentFolder: plan.folder, scriptFolder: plan.folder };
      const deps = modelDeps({ host, clock, ...request, ...folders, retryAfterText: true });
      const created = await createModel(chosen.spec, deps);
      if (!created.ok) return { ok: false, error: created.error.message };
      made = created.value;
      return { ok: true, value: made };
    });
  return {
    options: { spec: plan.context, gauge: gaugeOf(model.name), ...(summarizer === undefined ? {} : { summarizer }) },
    close: () => made?.close?.(),
  };
}

function gaugeOf(name: string): Gauge {
  const { encoding, ratio } = countingOf(name);
  return {
    ratio,
    count: async (text) => (await import("../native/tokens.ts")).countTokens(text, encoding),
    attachment: (attachment) => attachmentTokens(name, attachment),
  };
}
