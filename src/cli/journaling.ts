import { clock } from "../app.ts";
import type { Journaling } from "../app/journal.ts";
import type { Plan } from "../core/plan.ts";
import { ok, type Result } from "../core/result.ts";
import { badSessionName } from "../core/session-name.ts";
import { durationPattern, milliseconds } from "../file/duration.ts";
import type { Arguments, UsageProblem } from "./flags.ts";

/** What the flags say of a run's journal. `--wait` without a value waits until the session is free. */
export function journalingFrom(
  args: Arguments,
  interrupts: AbortSignal,
): Result<{ session: string | undefined; journaling: Omit<Journaling, "session"> }, UsageProblem> {
  const session = args.one("--session");
  const bad = session === undefined ? undefined : badSessionName(session);
  if (bad !== undefined) return wrong(bad);
  for (const flag of ["--no-session", "--ephemeral"])
    if (session !== undefined && args.has(flag)) return wrong(`'--session' does not go with '${flag}'`);
  if (args.has("--wait") && session === undefined) return wrong("'--wait' goes with '--session'");
  const wait = waitFrom(args, interrupts);
  if (!wait.ok) return wait;
  const journaling = {
    ...(args.has("--ephemeral") ? { ephemeral: true } : {}),
    ...(wait.value === undefined ? {} : { wait: wait.value }),
  };
  return ok({ session, journaling });
}

/** Until when what `--wait` waits for is waited for; undefined where it is not. */
export function waitFrom(args: Arguments, interrupts: AbortSignal): Result<AbortSignal | undefined, UsageProblem> {
  if (!args.has("--wait")) return ok(undefined);
  const most = args.one("--wait") ?? "";
  if (most === "") return ok(interrupts);
  if (!durationPattern.test(most) || milliseconds(most) > 2_000_000_000)
    return wrong(`Cannot use '--wait=${most}': expected a duration such as '10s' or '5m'`);
  const over = new AbortController();
  void clock.sleep(milliseconds(most), interrupts).then(() => over.abort());
  return ok(AbortSignal.any([interrupts, over.signal]));
}

/** A plan whose run leaves nothing behind: answers are not kept for the next one either. */
export function leavingNothing({ cache: _kept, ...plan }: Plan): Plan {
  return plan;
}

function wrong(message: string): { ok: false; error: UsageProblem } {
  return { ok: false, error: { message } };
}
