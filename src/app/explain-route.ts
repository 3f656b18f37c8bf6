import type { InputValues, Plan } from "../core/plan.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import { ok, type Result } from "../core/result.ts";
import { settingText, type ExplainedRoute } from "../core/route.ts";
import { decideRoute } from "../loop/route.ts";
import type { Environment } from "../host/machine.ts";
import { modelLabel } from "../models/choose.ts";
import { judgedBy } from "./candidates.ts";
import { chosenModels } from "./model.ts";
import { secrecyOf } from "./secrecy.ts";
import { fillIn } from "./texts.ts";

/** What is given beside the file. */
export type RouteQuestion = { plan: Plan; environment: Environment; input: InputValues; prompt: string | undefined };

/** Says what a run would decide. No model is asked, and no key is needed. */
export async function explainRoute(question: RouteQuestion): Promise<Result<ExplainedRoute, Problem>> {
  const { plan, environment, input, prompt } = question;
  const chosen = chosenModels(plan, undefined, environment);
  if (!chosen.ok) return chosen;
  const { mask } = secrecyOf(plan, [], environment);
  const filled = fillIn({ plan, environment }, "run", Infinity, mask, { input, prompt, files: [] });
  if (!filled.ok) return filled;
  if (Array.isArray(chosen.value)) {
    const [first] = chosen.value;
    if (first === undefined) throw new Error("A choice of no models");
    const none = { score: null, scorer: null, side: null, threshold: null };
    return ok({ ...none, model: modelLabel(first.spec), why: whyNoRoute(plan, environment) });
  }
  if (filled.value.prompt === "") {
    const hint = `rein route ${plan.file} 'PROMPT', or '-' to read it from stdin`;
    return problemOf("usage", "There is no prompt to judge: the file has none, and none was given", hint);
  }
  const task = { prompt: filled.value.prompt, attachments: [], tools: plan.tools.length };
  const { score, scorer, why, side, threshold } = await decideRoute(chosen.value.route, judgedBy(task));
  const [first] = chosen.value.lists[side];
  if (first === undefined) throw new Error("A side of no models");
  return ok({ score, model: modelLabel(first.spec), scorer, why, side, threshold });
}

function whyNoRoute({ model }: Plan, environment: Environment): string {
  if (environment["REIN_MODEL"]) return "REIN_MODEL names it";
  if (model === undefined) return "no model is named, and no other service's key is set";
  return `the file names no route, but ${settingText(model)}`;
}
