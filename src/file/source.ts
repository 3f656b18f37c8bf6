import type { Diagnostic, DiagnosticCode } from "../core/diagnostic.ts";
import type { Place } from "../core/mcp.ts";
import { ok, type Result } from "../core/result.ts";

/** A file as it came. `file` is as the user named it, `folder` the absolute folder it lies in. */
export type Source = { file: string; folder: string; bytes: Uint8Array };

/** Offsets into the decoded text, in UTF-16 units; the end is not included. */
export type Range = readonly [start: number, end: number];

/** What is wrong with a range of a text, before the text's lines come into it. */
export type Problem = {
  code: DiagnosticCode;
  severity?: Diagnostic["severity"];
  at: Range;
  message: string;
  hint?: string | undefined;
};

/** The largest agent file or script, in bytes. */
export const maxFileBytes = 1024 * 1024;

/** More than these are not shown, only that there are more: nobody reads them, and a hostile file could have a million. */
export const maxDiagnostics = 200;

/** The text of a file, or why it has none. A byte order mark is dropped. */
export function decode(source: Source): Result<string, Diagnostic> {
  const { bytes, file } = source;
  const refuse = (code: DiagnosticCode, message: string, hint?: string) =>
    ({ ok: false, error: unreadable(file, message, code, hint) }) as const;
  if (bytes.length > maxFileBytes) {
    return refuse("too_large", `The file is larger than 1 MiB (${bytes.length} bytes)`, "put large data into inputs");
  }
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return refuse("unreadable", "The file is UTF-16, not UTF-8", "save it as UTF-8");
  }
  if (bytes.includes(0)) return refuse("unreadable", "The file is binary: it has a NUL byte");
  try {
    return ok(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return refuse(
      "unreadable",
      `The file is not UTF-8: line ${brokenLine(bytes)} has a wrong byte`,
      "save it as UTF-8",
    );
  }
}

/** A diagnostic for a file that gave no text at all. */
export function unreadable(
  file: string,
  message: string,
  code: DiagnosticCode = "unreadable",
  hint?: string,
): Diagnostic {
  return {
    code,
    severity: "error",
    message,
    ...(hint === undefined ? {} : { hint }),
    file,
    line: 1,
    column: 1,
    width: 1,
    source: "",
  };
}

/** Problems with their places, in the order of the text; what was found twice is told once. */
export function locate(file: string, text: string, problems: Problem[]): Diagnostic[] {
  const lines = lineStarts(text);
  const told = new Set<string>();
  const diagnostics: Diagnostic[] = [];
  const inOrder = problems.toSorted((a, b) => a.at[0] - b.at[0]);
  for (const [index, problem] of inOrder.entries()) {
    const key = `${problem.at[0]} ${problem.message}`;
    if (told.has(key)) continue;
    told.add(key);
    if (diagnostics.length === maxDiagnostics) {
      // The file has errors also when they are among what is not shown.
      const worst = inOrder.slice(index).find(({ severity }) => severity !== "warning") ?? problem;
      const more = { at: problem.at, message: "More is wrong from here on, which is not shown", hint: undefined };
      diagnostics.push(diagnose(file, text, lines, { ...worst, ...more }));
      break;
    }
    diagnostics.push(diagnose(file, text, lines, problem));
  }
  return diagnostics;
}

function diagnose(file: string, text: string, lines: number[], problem: Problem): Diagnostic {
  const [start, end] = problem.at;
  const line = lineOf(lines, start);
  const from = lines[line] ?? 0;
  const source = text.slice(from, lines[line + 1]).replace(/\r?\n$/, "");
  const stop = Math.min(end, from + source.length);
  return {
    code: problem.code,
    severity: problem.severity ?? "error",
    message: problem.message,
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    file,
    line: line + 1,
    column: codePoints(text.slice(from, start)) + 1,
    width: Math.max(1, codePoints(text.slice(start, stop).trimEnd())),
    source,
  };
}

/** A place of a text, as messages name it. */
export function placeOf(file: string, text: string, [start]: Range): Place {
  const line = text.lastIndexOf("\n", start - 1) + 1;
  const before = text.slice(0, line);
  return {
    file,
    line: start === 0 ? 1 : before.split("\n").length,
    column: codePoints(text.slice(start === 0 ? 0 : line, start)) + 1,
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** The index of the line that an offset stands in. */
function lineOf(lines: number[], offset: number): number {
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((lines[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

function codePoints(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1) count++;
  return count;
}

/** The line of the first byte that is not UTF-8. */
function brokenLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(10, start);
    const end = newline === -1 ? bytes.length : newline + 1;
    try {
      decoder.decode(bytes.subarray(start, end));
    } catch {
      return line;
    }
    line++;
    start = end;
  }
  return line;
}
