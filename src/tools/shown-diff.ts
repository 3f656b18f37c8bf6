import { grouped, shownPath } from "./bound.ts";

/** A longer diff is cut. */
const mostDiff = 10_000;

/** How a file's text changed, as the model reads it: a unified diff, cut where it is long. */
export async function shownDiff(path: string, before: string, after: string): Promise<string> {
  const { unifiedDiff } = await import("../native/diff.ts");
  const name = shownPath(path);
  const whole = await unifiedDiff(before, after, { oldName: name, newName: name, context: 3 });
  if (whole.length <= mostDiff) return whole;
  const lineEnd = whole.lastIndexOf("\n", mostDiff);
  const shown = whole.slice(0, lineEnd > 0 ? lineEnd : mostDiff);
  return `${shown.toWellFormed()}\n[the diff is cut: ${grouped(whole.length - shown.length)} more characters]`;
}
