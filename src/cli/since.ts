import { ok, type Result } from "../core/result.ts";
import type { UsageProblem } from "./flags.ts";

const units = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** What `--since` means, in milliseconds since 1970: so long ago, or a day or time in UTC. Without a value: all there is. */
export function sinceTime(text: string | undefined, now: number): Result<number, UsageProblem> {
  if (text === undefined) return ok(0);
  const ago = /^(\d{1,6})([mhdw])$/.exec(text);
  if (ago !== null) {
    const unit = Object.entries(units).find(([name]) => name === ago[2])?.[1] ?? 0;
    return ok(now - Number(ago[1]) * unit);
  }
  const day = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?Z?)?$/.test(text);
  const time = day ? Date.parse(text.includes("T") && !text.endsWith("Z") ? `${text}Z` : text) : Number.NaN;
  // What is no day of its month would be taken for one of the next.
  const real = Number.isFinite(time) && new Date(time).toISOString().startsWith(text.slice(0, 10));
  if (real) return ok(time);
  const message = `Cannot use '--since ${text}': expected '12h', '7d', '2w' or a day such as '2026-11-01'`;
  return { ok: false, error: { message } };
}
