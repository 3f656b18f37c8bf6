import type { PlainText } from "./splice.ts";

/** A longer text is not compared: it would take a second. */
const mostCompared = 1_000_000;

/** Of what was looked for and is not there: the lines that are most like it, and how they differ. */
export function nearMiss(whole: PlainText, wanted: string): string {
  if (whole.text.length > mostCompared) return "The file is too large to show what is like it: search it.";
  const lines = Array.from({ length: whole.lines }, (_, line) => whole.line(line));
  const sought = wanted.replace(/^(?:[^\S\n]*\n)+/, "").trimEnd();
  if (sought === "") return "It is only white space.";
  const parts = sought.split("\n");
  for (const { differs, likened } of likenings) {
    const at = findWindow(lines.map(likened), parts.map(likened));
    if (at !== undefined) return report(lines, parts, at, `They differ in ${differs}`);
  }
  const at = mostAlike(lines, parts);
  if (at === undefined) return "Nothing in the file is like it: read the file again.";
  return report(lines, parts, at, "They differ in more than white space");
}

/** Ways to see two lines as the same, the closest first. */
const likenings: ReadonlyArray<{ differs: string; likened(line: string): string }> = [
  { differs: "white space", likened: (line) => spaced(line) },
  { differs: "quotes", likened: (line) => unquoted(line).trim() },
  { differs: "white space and quotes", likened: (line) => spaced(unquoted(line)) },
  { differs: "capital letters", likened: (line) => spaced(unquoted(line)).toLowerCase() },
];

function spaced(line: string): string {
  return line.replace(/\s+/g, " ").trim();
}

function unquoted(line: string): string {
  return line.replace(/["`‘’‚“”„«»]/g, "'").replace(/[‐‑–—]/g, "-");
}

/** In a text that repeats itself so many lines are compared. */
const mostTried = 1_000_000;

/** Where the parts stand one after the other: the first may be the end of its line, the last the beginning of one. */
function findWindow(lines: readonly string[], parts: readonly string[]): number | undefined {
  const last = parts.length - 1;
  const fits = (line: string, part: string, index: number): boolean => {
    if (last === 0) return line.includes(part);
    if (index === 0) return line.endsWith(part);
    return index === last ? line.startsWith(part) : line === part;
  };
  let tried = 0;
  for (let at = 0; at + last < lines.length; at++) {
    let fitting = 0;
    while (fitting <= last && fits(lines[at + fitting] ?? "", parts[fitting] ?? "", fitting)) fitting++;
    if (fitting > last) return at;
    tried += fitting + 1;
    if (tried > mostTried) break;
  }
  return undefined;
}

/** Only a place with this share of the words is like what was looked for. */
const leastShare = 0.4;

/** The line where most words of the parts stand in lines as far from each other as they are. */
function mostAlike(lines: readonly string[], parts: readonly string[]): number | undefined {
  /** Each word's lines in what was looked for, but for words that stand in many of them. */
  const where = new Map<string, number[]>();
  let words = 0;
  for (const [index, part] of parts.slice(0, 200).entries()) {
    for (const word of wordsOf(part)) {
      const places = where.get(word) ?? [];
      if (places.length >= 5) continue;
      where.set(word, [...places, index]);
      words++;
    }
  }
  const votes = new Map<number, number>();
  for (const [index, line] of lines.entries()) {
    for (const word of wordsOf(line)) {
      for (const place of where.get(word) ?? []) votes.set(index - place, (votes.get(index - place) ?? 0) + 1);
    }
  }
  let best: number | undefined;
  let most = Math.max(1, words * leastShare);
  for (const [at, count] of votes) {
    if (count < most || (count === most && best !== undefined && best < at)) continue;
    best = at;
    most = count;
  }
  return best === undefined ? undefined : Math.max(0, best);
}

function wordsOf(line: string): Set<string> {
  return new Set(line.toLowerCase().match(/[\p{L}\p{N}_]+/gu));
}

const mostShown = 12;

function report(lines: readonly string[], parts: readonly string[], at: number, differs: string): string {
  const found = lines.slice(at, at + parts.length);
  const shown = found.slice(0, mostShown).map((line, index) => shownLine(`${at + index + 1}|${line}`));
  if (found.length > mostShown) shown.push(`[${found.length - mostShown} more lines]`);
  const where = found.length === 1 ? `line ${at + 1}` : `lines ${at + 1}-${at + found.length}`;
  const first = parts.findIndex((part, index) => !(found[index] ?? "").includes(part));
  const index = first < 0 ? 0 : first;
  const pair =
    `. Line ${at + index + 1} of the file is ${JSON.stringify(shownLine(found[index] ?? ""))}, ` +
    `and what was looked for has ${JSON.stringify(shownLine(parts[index] ?? ""))}`;
  return `The closest is ${where}. ${differs}${pair}:\n${shown.join("\n")}`;
}

/** A line of an error message. */
export function shownLine(line: string): string {
  return line.length <= 200 ? line : `${line.slice(0, 200).toWellFormed()}…`;
}
