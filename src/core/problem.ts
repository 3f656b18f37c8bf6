import { exits, type OutcomeName } from "./exit.ts";

/** Why a command did not do what it should, with the exit code that says so. */
export type Problem = { outcome: OutcomeName; message: string; hint?: string };

export function problemOf(outcome: OutcomeName, message: string, hint?: string): { ok: false; error: Problem } {
  return { ok: false, error: hint === undefined ? { outcome, message } : { outcome, message, hint } };
}

/** A command that a signal ended: the code is that of the interruption which is the reason of the abort. */
export function interrupted({ reason }: AbortSignal, message = "Interrupted"): { ok: false; error: Problem } {
  return problemOf(exits.find(({ name }) => name === reason)?.name ?? "interrupt", message);
}
