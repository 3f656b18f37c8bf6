import { commandLabel } from "../core/command-label.ts";
import type { Json, JsonSchema } from "../core/json.ts";
import type { Mask } from "../core/mask.ts";
import type { Denial } from "../core/permission.ts";
import type { Check } from "../core/plan.ts";
import { ended, interrupted, type Ending } from "./ending.ts";
import { checkKey, type Past } from "./past.ts";
import type { Tally } from "./tally.ts";

/** How one check of the answer came out. */
export type CheckOutcome = { ok: boolean; detail: string; denial?: Denial };

/** What an answer is judged by. */
export type JudgeOptions = {
  output?: JsonSchema;
  checks: Check[];
  check(check: Check, answer: string): Promise<CheckOutcome>;
  denied: "fail" | "report";
  mask: Mask;
  signal: AbortSignal;
};

/** The run ended by itself: the checks decide, then the denials. */
export async function judge(
  answer: Json,
  turn: number,
  options: JudgeOptions,
  tally: Tally,
  past: Past,
): Promise<Ending> {
  const written = typeof answer === "string" && options.output === undefined ? answer : JSON.stringify(answer);
  let broken: string | undefined;
  for (const check of options.checks) {
    const judged = await past.step("check", checkKey(turn, check.run), async () => {
      const { ok, detail, denial } = await options.check(check, written);
      if (options.signal.aborted) return undefined;
      if (denial !== undefined) tally.addDenial(denial);
      return { type: "check", run: check.run, ok, detail: options.mask.text(detail) };
    });
    if (judged === undefined) return interrupted(options.signal);
    if (!judged.ok) broken ??= `The check '${commandLabel(check.run)}' failed: ${judged.detail}`;
  }
  if (broken !== undefined) return ended("unfit", answer, broken);
  if (tally.denied.length > 0 && options.denied === "fail") {
    const count = tally.denied.length;
    return ended("denied", answer, count === 1 ? "A permission was refused" : `${count} permissions were refused`);
  }
  return { outcome: "done", answer, error: null };
}
