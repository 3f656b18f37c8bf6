import type { RunResult } from "../core/result-document.ts";
import { clean, cleanLine } from "./clean.ts";
import { paint } from "./format.ts";

/** What stderr says at the end of a run: its error with a hint, and each thing that was refused with the flag that allows it. */
export function errorText(result: Pick<RunResult, "error" | "denied">, color: boolean): string {
  const lines: string[] = [];
  if (result.error !== null) {
    lines.push(entry(paint("error:", "red", color), result.error.message));
    if (result.error.hint !== undefined) lines.push(entry(paint("hint:", "cyan", color), result.error.hint));
  }
  for (const { kind, target, reason, flag } of result.denied) {
    const allow = flag === undefined ? "" : ` (${flag} allows it)`;
    lines.push(`${paint("denied:", "yellow", color)} ${kind} '${cleanLine(target)}': ${cleanLine(reason + allow)}`);
  }
  return [...new Set(lines)].map((line) => `${line}\n`).join("");
}

/** Further lines are indented: a message that quotes others cannot pass for one of ours. */
function entry(label: string, text: string): string {
  return `${label} ${clean(text).trimEnd().replaceAll("\n", "\n  ")}`;
}
