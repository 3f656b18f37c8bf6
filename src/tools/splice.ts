import { fail, ok, type Result } from "../core/result.ts";

/** What stands from `start` to `end` becomes `text`. `by` names the edit in messages: "edit 2". */
export type Splice = { start: number; end: number; text: string; by: string };

/** A text whose lines all end in LF, and the way back to how they ended. Nothing else of it is changed. */
export class PlainText {
  readonly text: string;
  /** Where each line begins. The last one is only a line if something stands in it. */
  readonly starts: readonly number[];
  readonly #raw: string;
  /** The line feeds that had a carriage return before them, by their place in `text`. */
  readonly #returns: readonly number[];
  readonly #lineEnd: "\n" | "\r\n";

  constructor(raw: string) {
    this.#raw = raw;
    this.text = plain(raw);
    const starts = [0];
    const returns: number[] = [];
    let at = 0;
    for (let feed = this.text.indexOf("\n"); feed >= 0; feed = this.text.indexOf("\n", feed + 1)) {
      starts.push(feed + 1);
      if (raw.charCodeAt(feed + at) === 0x0d && raw.charCodeAt(feed + at + 1) === 0x0a) {
        returns.push(feed);
        at++;
      }
    }
    this.starts = starts;
    this.#returns = returns;
    this.#lineEnd = returns.length * 2 > starts.length - 1 ? "\r\n" : "\n";
  }

  /** How many lines there are. */
  get lines(): number {
    return this.starts.length - (this.text.endsWith("\n") || this.text === "" ? 1 : 0);
  }

  /** A line without its end, counted from 0. */
  line(index: number): string {
    const next = this.starts[index + 1];
    return this.text.slice(this.starts[index], next === undefined ? undefined : next - 1);
  }

  /** The number of the line in which something stands, counted from 1. */
  lineAt(place: number): number {
    return countUpTo(this.starts, place);
  }

  /**
   * Makes all changes, each said of the text as it is. What is new gets the line ends that most of the text has. The failure names
   * two that overlap.
   */
  spliced(splices: readonly Splice[]): Result<string> {
    let result = "";
    let done = 0;
    let last: Splice | undefined;
    for (const splice of splices.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
      if (last !== undefined && (splice.start < last.end || (splice.start === last.start && splice.end === last.end))) {
        const lines = `lines ${this.lineAt(last.start)} and ${this.lineAt(splice.start)}`;
        return fail("invalid", `${last.by} and ${splice.by} change the same text (${lines}): join them`);
      }
      last = splice;
      const { start, end, text } = trimmed(splice, this.text);
      result += this.#raw.slice(done, this.#rawPlace(start));
      result += this.#lineEnd === "\n" ? text : text.replaceAll("\n", "\r\n");
      done = this.#rawPlace(end);
    }
    return ok(result + this.#raw.slice(done));
  }

  #rawPlace(place: number): number {
    return place + countUpTo(this.#returns, place - 1);
  }
}

/** A text with LF line ends. */
export function plain(text: string): string {
  return text.replaceAll("\r\n", "\n");
}

/** Without what stays the same at both ends, so that it keeps its line ends. */
function trimmed({ start, end, text }: Splice, whole: string): Omit<Splice, "by"> {
  let from = 0;
  while (from < text.length && start < end && text.charCodeAt(from) === whole.charCodeAt(start)) {
    from++;
    start++;
  }
  let to = text.length;
  while (to > from && end > start && text.charCodeAt(to - 1) === whole.charCodeAt(end - 1)) {
    to--;
    end--;
  }
  return { start, end, text: text.slice(from, to) };
}

/** How many of the sorted numbers are at most this one. */
function countUpTo(sorted: readonly number[], most: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) <= most) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Puts lines where lines `from` up to (without) `to` stand, counted from 0. The text goes on ending with a newline, or without, as it
 * does, unless `endsWithNewline` says how it shall end.
 */
export function replaceLines(
  whole: PlainText,
  from: number,
  to: number,
  lines: readonly string[],
  by: string,
  endsWithNewline?: boolean,
): Splice {
  const { text, starts } = whole;
  const atEnd = to >= whole.lines;
  const start = from >= whole.lines ? text.length : (starts[from] ?? text.length);
  const end = atEnd ? text.length : (starts[to] ?? text.length);
  const body = lines.map((line) => `${line}\n`).join("");
  if (!atEnd) return { start, end, text: body, by };
  const bare = text !== "" && !text.endsWith("\n");
  const newline = endsWithNewline ?? !bare;
  const before = bare && from >= whole.lines ? "\n" : "";
  if (newline) return { start, end, text: before + body, by };
  if (body !== "") return { start, end, text: before + body.slice(0, -1), by };
  // The last line goes: the newline before it would be the last thing.
  return { start: Math.max(0, start - 1), end, text: "", by };
}
