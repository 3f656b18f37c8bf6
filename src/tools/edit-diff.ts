import { fail, ok, type Result } from "../core/result.ts";
import { nearMiss } from "./near-miss.ts";
import { plain, replaceLines, type PlainText, type Splice } from "./splice.ts";

/**
 * A unified diff as models write them: the numbers in its headers are often wrong or missing, so that hunks are found by their lines.
 * This is why no library does it: `diff` (npm) takes the nearest of several places, says nothing of why a hunk fits nowhere, and
 * goes by a header's numbers.
 */

/** `line`: where its header says that it begins, counted from 0. `endsWithNewline`: what it says of the file's end. */
type Hunk = { name: string; line: number | undefined; changes: Change[]; endsWithNewline?: boolean };
type Change = { kind: " " | "-" | "+"; text: string };

/** The changes that a diff makes. */
export function diffSplices(whole: PlainText, diff: string): Result<Splice[]> {
  const hunks = readHunks(plain(diff).split("\n"), whole.text === "");
  if (!hunks.ok) return hunks;
  const splices: Splice[] = [];
  const budget = { left: mostCompared };
  let drift = 0;
  for (const hunk of hunks.value) {
    const expected = hunk.line === undefined ? undefined : hunk.line + drift;
    const place = findPlace(whole, hunk, expected, budget);
    if (!place.ok) return fail(place.error.code, `${hunk.name} ${place.error.message}`);
    if (hunk.line !== undefined) drift = place.value.line - place.value.skipped - hunk.line;
    for (const splice of changedLines(whole, hunk, place.value)) splices.push(splice);
  }
  return ok(splices);
}

/**
 * What a diff can say beside its hunks that is no change of a file's text: made in part it would be lost. `toEmpty`: of an empty file
 * it is one.
 */
const beyondText: ReadonlyArray<{ line: RegExp; why: string; toEmpty?: true }> = [
  {
    line: /^--- \/dev\/null\s*$|^new file mode /,
    why: "the diff creates the file, and it is there: use file_write to replace it",
    toEmpty: true,
  },
  {
    line: /^\+\+\+ \/dev\/null\s*$|^deleted file mode /,
    why: "the diff deletes the file, which file_edit does not: use file_delete",
  },
  {
    line: /^(rename|copy) (from|to) /,
    why: "the diff renames or copies the file, which file_edit does not: send only its hunks",
  },
  { line: /^(old|new) mode /, why: "the diff changes the file's mode, which file_edit does not: send only its hunks" },
  { line: /^GIT binary patch\s*$|^Binary files .* differ\s*$/, why: "the diff is of a binary file" },
];

function readHunks(lines: readonly string[], empty: boolean): Result<Hunk[]> {
  const hunks: Hunk[] = [];
  let hunk: Hunk | undefined;
  const written = lines.at(-1) === "" ? lines.slice(0, -1) : lines;
  for (const [index, line] of written.entries()) {
    const header = /^@@(?: -(\d{1,9})(?:,(\d{1,9}))? \+\d+(?:,\d+)?)?/.exec(line);
    if (header !== null) {
      const [, number, count] = header;
      // Of no lines the number is that of the line before.
      const line = number === undefined ? undefined : Number(number) - (count === "0" ? 0 : 1);
      hunk = { name: `hunk ${hunks.length + 1}`, line, changes: [] };
      hunks.push(hunk);
      continue;
    }
    const file = line.startsWith("diff --git ") || (line.startsWith("--- ") && written[index + 1]?.startsWith("+++ "));
    if (file && hunk !== undefined) return fail("invalid", "the diff is of several files: make one call for each");
    if (hunk === undefined) {
      const more = beyondText.find(({ line: sign, toEmpty }) => sign.test(line) && !(empty && toEmpty));
      if (more !== undefined) return fail("invalid", more.why);
      continue;
    }
    if (line.startsWith("```")) break;
    const last = hunk.changes.at(-1);
    const kind = line.charAt(0);
    if (kind === "\\") {
      // Behind a line that stays it says nothing new.
      if (last?.kind === "-") hunk.endsWithNewline = true;
      if (last?.kind === "+") hunk.endsWithNewline = false;
    } else if (kind === " " || kind === "-" || kind === "+" || kind === "") {
      hunk.changes.push({ kind: kind === "" ? " " : kind, text: line.slice(1) });
    } else {
      const begin = "begin each line of a hunk with ' ', '-' or '+'";
      return fail("invalid", `line ${index + 1} of the diff is no part of one (${begin}): ${line.slice(0, 100)}`);
    }
  }
  if (hunks.length === 0) return fail("invalid", "the diff has no hunk: begin each with a line '@@'");
  const idle = hunks.find(({ changes }) => changes.every(({ kind }) => kind === " "));
  return idle === undefined
    ? ok(hunks)
    : fail("invalid", `${idle.name} changes nothing: it has no line with '-' or '+'`);
}

/** `skipped` lines at the hunk's beginning are not compared, and `line` is where the first one after them stands. */
type Place = { line: number; skipped: number };

/** How hunks are looked for: first as they are, at last with up to this many lines less around the changes. */
const ways: ReadonlyArray<{ fuzz: number; same(line: string): string }> = [
  { fuzz: 0, same: (line) => line },
  { fuzz: 0, same: (line) => line.trimEnd() },
  { fuzz: 1, same: (line) => line.trimEnd() },
  { fuzz: 2, same: (line) => line.trimEnd() },
];

/** Looking for a hunk compares so many lines, in all. */
const mostCompared = 5_000_000;

function findPlace(
  whole: PlainText,
  { line, changes }: Hunk,
  expected: number | undefined,
  budget: { left: number },
): Result<Place> {
  const old = changes.filter(({ kind }) => kind !== "+").map(({ text }) => text);
  if (old.length === 0) {
    if (whole.lines === 0) return ok({ line: 0, skipped: 0 });
    if (line !== undefined && line <= whole.lines && line >= 0) return ok({ line, skipped: 0 });
    return fail("invalid", "says not where: show some lines around what it adds");
  }
  const above = changes.findIndex(({ kind }) => kind !== " ");
  const below = changes.length - 1 - changes.findLastIndex(({ kind }) => kind !== " ");
  for (const { fuzz, same } of ways) {
    const skipped = Math.min(fuzz, above);
    const wanted = old.slice(skipped, old.length - Math.min(fuzz, below)).map(same);
    if (wanted.every((text) => text.trim() === "") && fuzz > 0) continue;
    const places: number[] = [];
    for (let at = 0; at + wanted.length <= whole.lines; at++) {
      let matched = 0;
      while (matched < wanted.length && same(whole.line(at + matched)) === wanted[matched]) matched++;
      budget.left -= matched + 1;
      if (budget.left < 0) return fail("too_large", "fits almost everywhere: the file repeats itself too much");
      if (matched === wanted.length) places.push(at);
    }
    const [first] = places;
    if (first === undefined) continue;
    const named = places.find((place) => expected !== undefined && place === expected + skipped);
    if (named !== undefined || places.length === 1) return ok({ line: named ?? first, skipped });
    const numbers = places.slice(0, 5).map((place) => place + 1 - skipped);
    const more = places.length > 5 ? "…" : "";
    return fail("invalid", `fits at lines ${numbers.join(", ")}${more}: show more lines around the change`);
  }
  return fail("not_found", `fits nowhere. ${nearMiss(whole, old.join("\n"))}`);
}

/** The changes of a hunk, where it was found: neighbouring lines together. What stays is left as it stands in the file. */
function changedLines(whole: PlainText, { name, changes, endsWithNewline }: Hunk, { line, skipped }: Place): Splice[] {
  const splices: Splice[] = [];
  let at = line - skipped;
  for (let index = 0; index < changes.length;) {
    if (changes[index]?.kind === " ") {
      at++;
      index++;
      continue;
    }
    const from = at;
    const added: string[] = [];
    for (let change = changes[index]; change !== undefined && change.kind !== " "; change = changes[++index]) {
      if (change.kind === "+") added.push(change.text);
      else at++;
    }
    splices.push(replaceLines(whole, from, at, added, name, endsWithNewline));
  }
  return splices;
}
