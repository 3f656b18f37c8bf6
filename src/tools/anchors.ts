import { fail, ok, type Result } from "../core/result.ts";
import { shownLine } from "./near-miss.ts";
import type { PlainText } from "./splice.ts";

/**
 * Anchors name lines: `12:kfa`, the line's number and a hash of the text from its start to the end of that line. So an anchor
 * holds only while nothing before it has changed, and two of them hold for all that stands between them.
 */

const alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
/** One stale anchor in 32 ** 3 passes. */
const digits = 3;

/** The hash of each line. */
export function hashesOf(whole: PlainText): string[] {
  const hashes: string[] = [];
  let hash = 0;
  for (let line = 0; line < whole.lines; line++) {
    hash = Bun.hash.crc32(`${whole.line(line)}\n`, hash);
    let shown = "";
    for (let rest = hash >>> 0; shown.length < digits; rest >>>= 5) shown += alphabet.charAt(rest & 31);
    hashes.push(shown);
  }
  return hashes;
}

/** A line as it is shown with its anchor. */
export function anchoredLine(whole: PlainText, hashes: readonly string[], line: number): string {
  return `${line + 1}:${hashes[line]}|${whole.line(line)}`;
}

/** The line that an anchor names, counted from 0. The failure shows which lines stand there now. */
export function lineOf(anchor: string, whole: PlainText, hashes: readonly string[]): Result<number> {
  const [, number, hash] = /^\s*(\d{1,9}):([a-z2-9]+)\s*(?:\|[^]*)?$/.exec(anchor) ?? [];
  if (number === undefined) {
    const form = "an anchor is what stands before the '|' of a line that file_read shows with anchors: true";
    return fail("invalid", `'${anchor.slice(0, 100)}' is no anchor; ${form}, for example 12:kfa`);
  }
  const line = Number(number) - 1;
  if (hashes[line] === hash) return ok(line);
  const first = Math.max(0, Math.min(line, whole.lines - 1) - around);
  const shown: string[] = [];
  for (let near = first; near < Math.min(whole.lines, line + around + 1, first + 2 * around + 1); near++) {
    shown.push(shownLine(anchoredLine(whole, hashes, near)));
  }
  const now = shown.length === 0 ? "The file is empty now" : `These lines stand there now:\n${shown.join("\n")}`;
  return fail("changed", `the anchor '${number}:${hash}' is stale: the file has changed there or before it. ${now}`);
}

const around = 3;
