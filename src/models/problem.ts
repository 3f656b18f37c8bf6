import type { OutcomeName } from "../core/exit.ts";

/** Why there is no model, and the outcome of a run that ends by it. */
export type ModelProblem = {
  outcome: Extract<OutcomeName, "usage" | "credentials">;
  message: string;
  hint?: string;
};

export function problem(
  outcome: ModelProblem["outcome"],
  message: string,
  hint?: string,
): { ok: false; error: ModelProblem } {
  return { ok: false, error: hint === undefined ? { outcome, message } : { outcome, message, hint } };
}
