import type { Position } from "vscode-languageserver-protocol/node";

/** What a server counts of a line: bytes, UTF-16 units or characters. */
export type Encoding = (typeof encodings)[number];

/** Those that a server may choose of, the best first. */
export const encodings = ["utf-16", "utf-32", "utf-8"] as const;

/** Line and column, both counted from 1; the column in characters. */
export type Place = { line: number; column: number };

/** How many characters a text has; those outside of the first plane are two UTF-16 units. */
export function characters(text: string): number {
  return [...text].length;
}

/** The lines of a text, as the protocol counts them. */
export function linesOf(text: string): string[] {
  return text.split(/\r\n|\r|\n/);
}

/** A place as the server counts it. A column behind the line is its end. */
export function toPosition(lines: readonly string[], { line, column }: Place, encoding: Encoding): Position {
  const before = [...(lines[line - 1] ?? "")].slice(0, column - 1).join("");
  return { line: line - 1, character: units(before, encoding) };
}

/** A position of the server's as a place. Of a line that is not known (`lines` has it not) the units are taken for characters. */
export function toPlace(lines: readonly string[], { line, character }: Position, encoding: Encoding): Place {
  const text = lines[line];
  if (text === undefined) return { line: line + 1, column: character + 1 };
  return { line: line + 1, column: characters(text.slice(0, unitsToIndex(text, character, encoding))) + 1 };
}

/** Where a position is in a text that begins its lines at `starts`, in UTF-16 units. What lies behind a line is at its end. */
export function toOffset(
  lines: readonly string[],
  starts: readonly number[],
  { line, character }: Position,
  encoding: Encoding,
): number {
  const text = lines[line];
  if (text === undefined) return (starts.at(-1) ?? 0) + (lines.at(-1)?.length ?? 0);
  return (starts[line] ?? 0) + unitsToIndex(text, character, encoding);
}

/** Where each line of a text begins. */
export function lineStarts(text: string): number[] {
  return [0, ...[...text.matchAll(/\r\n|\r|\n/g)].map((end) => end.index + end[0].length)];
}

function units(text: string, encoding: Encoding): number {
  if (encoding === "utf-16") return text.length;
  return encoding === "utf-8" ? new TextEncoder().encode(text).length : characters(text);
}

function unitsToIndex(text: string, count: number, encoding: Encoding): number {
  if (encoding === "utf-16") return Math.min(count, text.length);
  let left = count;
  let index = 0;
  for (const character of text) {
    left -= units(character, encoding);
    if (left < 0) break;
    index += character.length;
  }
  return index;
}
