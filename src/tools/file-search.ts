import type { FileKind, Host } from "../core/host.ts";
import type { JsonObject } from "../core/json.ts";
import { ok } from "../core/result.ts";
import type { Result } from "../core/result.ts";
import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { flag, number, pathSchema, text } from "./arguments.ts";
import { bytes, grouped, mostCharacters, shownPath } from "./bound.ts";
import { failed } from "./failed.ts";
import { globFilter } from "./glob.ts";
import { matcherOf } from "./matcher.ts";
import type { Matcher } from "./matcher.ts";
import { openText } from "./text.ts";
import { joined, mostEntries, walk } from "./walk.ts";
import type { WalkNotes } from "./walk.ts";

const usualLimit = 100;

/** A larger file is searched only when it is named itself. */
const hugeFile = 50_000_000;

/** A search ends after this much text. */
const mostSearched = 1_000_000_000;

/** A longer line is searched in parts, since it is held whole. */
const longestLine = 64 * 1024;

/** A longer line is shown as a part around its match. */
const widestLine = 400;

export const fileSearch: Tool = {
  name: "file_search",
  description:
    "Searches text files, line by line. Returns for each file its path, then its matching lines as 'number: text'. " +
    "Binary files, files above 50 MB, what .gitignore rules out and the folder .git are left out.",
  input: {
    type: "object",
    properties: {
      pattern: {
        type: "string",
        minLength: 1,
        maxLength: 1000,
        description: "A regular expression, for example TODO|FIXME (RE2: no look-around, no backreferences)",
      },
      path: pathSchema("The folder or file to search. Default: the working folder"),
      glob: {
        type: "string",
        minLength: 1,
        maxLength: 1000,
        description:
          "Only files that match, for example *.ts (in any folder), src/**/*.{js,ts} or !*.lock (all but these)",
      },
      literal: { type: "boolean", description: "The pattern is plain text, no regular expression. Default: false" },
      ignore_case: { type: "boolean", description: "Upper and lower case are the same. Default: false" },
      context: {
        type: "integer",
        minimum: 0,
        maximum: 50,
        description: "Lines to show before and after each match, as 'number- text'. Default: 0",
      },
      output: {
        enum: ["lines", "files", "counts"],
        description: "lines: matching lines (default). files: only the paths. counts: matching lines per file",
      },
      all: { type: "boolean", description: "Also what .gitignore rules out, and .git. Default: false" },
      offset: {
        type: "integer",
        minimum: 1,
        description: "The first match (or file) to show, counted from 1. Default: 1",
      },
      limit: {
        type: "integer",
        minimum: 1,
        maximum: 5000,
        description: `How many matches (or files) to show. Default: ${usualLimit}`,
      },
    },
    required: ["pattern"],
    additionalProperties: false,
  },
  examples: [
    { request: "Where does 'timeout' stand in the files of src?", input: { pattern: "timeout", path: "src" } },
    { request: "Find FIXME", input: { pattern: "FIXME" } },
  ],
  needs: [{ kind: "read" }],
  effects: () => "read",
  run,
};

async function run(input: JsonObject, { host, signal }: ToolContext): Promise<ToolOutcome> {
  const path = text(input, "path", ".");
  const how = { literal: flag(input, "literal"), ignoreCase: flag(input, "ignore_case") };
  const matcher = await matcherOf(text(input, "pattern"), how);
  if (!matcher.ok) return { content: matcher.error.message, error: true };
  const root = await host.fs.stat(path);
  if (!root.ok) return failed(root.error, host, path);
  const notes: Notes = { unreadable: 0, tooMany: false, binary: 0, huge: [], stopped: false };
  const page = new Page(number(input, "offset", 1), number(input, "limit", usualLimit));
  const output = text(input, "output", "lines");
  const search: Search = {
    host,
    matcher: matcher.value,
    page,
    context: number(input, "context", 0),
    lines: output === "lines",
  };
  let searched = 0;
  const files = filesOf(path, root.value.kind, { input, host, signal, notes });
  for (;;) {
    const next = await files.next();
    if (next.done === true) {
      if (next.value.ok) break;
      return failed(next.value.error, host, path);
    }
    const found = await searchFile(next.value, search, signal);
    if (signal.aborted) return { content: `Cannot search '${shownPath(path)}': cancelled`, error: true };
    if (!found.ok) {
      if (next.value === path) return failed(found.error, host, path);
      notes.unreadable++;
    } else if (found.value.binary) notes.binary++;
    else {
      searched += found.value.searched;
      if (output === "files" && found.value.matches > 0) page.item(`${shownPath(next.value)}\n`);
      if (output === "counts" && found.value.matches > 0)
        page.item(`${shownPath(next.value)}: ${found.value.matches}\n`);
    }
    notes.stopped = searched > mostSearched;
    if (notes.stopped) break;
  }
  const content = page.content + summary(page, notes, output === "lines" ? "matches" : "files");
  return { content: content.replace(/\n$/, "") };
}

/** What was left out of a search. */
type Notes = WalkNotes & { binary: number; huge: string[]; stopped: boolean };

/** The files to search, as the host is asked for them. */
async function* filesOf(
  path: string,
  kind: FileKind,
  options: { input: JsonObject; host: Host; signal: AbortSignal; notes: Notes },
): AsyncGenerator<string, Result<undefined>> {
  const { input, host, signal, notes } = options;
  if (kind !== "folder") {
    yield path;
    return ok(undefined);
  }
  const wanted = globFilter(text(input, "glob"));
  const entries = walk(path, { host, signal, depth: Number.MAX_SAFE_INTEGER, all: flag(input, "all"), notes });
  for (;;) {
    const next = await entries.next();
    if (next.done === true) return next.value === undefined ? ok(undefined) : { ok: false, error: next.value };
    const { value } = next;
    if (value.kind !== "file" || !wanted(value.path)) continue;
    const file = joined(path, value.path);
    if (value.size > hugeFile) notes.huge.push(`${shownPath(file)} (${bytes(value.size)})`);
    else yield file;
  }
}

type Search = { host: Host; matcher: Matcher; page: Page; context: number; lines: boolean };
type Searched = { binary: boolean; matches: number; searched: number };

async function searchFile(path: string, search: Search, signal: AbortSignal): Promise<Result<Searched>> {
  const opened = await openText(search.host, path);
  if (!opened.ok) return opened;
  if (opened.value.kind === "binary") return ok({ binary: true, matches: 0, searched: 0 });
  const lines = new LineSearch(path, search);
  let searched = 0;
  let rest = "";
  for await (const piece of opened.value.pieces()) {
    if (!piece.ok) return piece;
    if (signal.aborted) break;
    searched += piece.value.length;
    const parts = (rest + piece.value).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) lines.line(part.endsWith("\r") ? part.slice(0, -1) : part, true);
    for (; rest.length > longestLine; rest = rest.slice(longestLine)) lines.line(rest.slice(0, longestLine), false);
  }
  if (rest !== "") lines.line(rest, true);
  return ok({ binary: false, matches: lines.matches, searched });
}

/** Takes a file's lines and puts those that match on the page, with their context. */
class LineSearch {
  matches = 0;
  #number = 1;
  /** Lines before the current one that may become context, newest last. */
  #before: string[] = [];
  #after = 0;
  #lastShown = 0;
  readonly #path: string;
  readonly #search: Search;

  constructor(path: string, search: Search) {
    this.#path = path;
    this.#search = search;
  }

  /** `ends` is false for a part of an overlong line that is not its last. */
  line(line: string, ends: boolean): void {
    const { matcher, page, context, lines } = this.#search;
    const at = matcher(line);
    if (at >= 0) this.matches++;
    if (lines && at >= 0 && page.item(this.#block(line, at))) {
      this.#lastShown = this.#number;
      this.#after = context;
      this.#before = [];
    } else if (lines && this.#after > 0) {
      if (page.more(`${this.#number}- ${clipped(line, 0)}\n`)) this.#lastShown = this.#number;
      this.#after--;
    } else if (lines && context > 0) {
      this.#before.push(line);
      if (this.#before.length > context) this.#before.shift();
    }
    if (ends) this.#number++;
  }

  /** A matching line with what stands before it: the file's name or a gap, and context. */
  #block(line: string, at: number): string {
    const first = this.#number - this.#before.length;
    let start = "";
    if (this.#lastShown === 0) start = `${this.#search.page.content === "" ? "" : "\n"}${shownPath(this.#path)}\n`;
    else if (this.#search.context > 0 && first > this.#lastShown + 1) start = "--\n";
    const before = this.#before.map((text, index) => `${first + index}- ${clipped(text, 0)}\n`);
    return `${start}${before.join("")}${this.#number}: ${clipped(line, at)}\n`;
  }
}

/** A line, or the part of a long one around `at`. */
function clipped(line: string, at: number): string {
  if (line.length <= widestLine) return line;
  const start = Math.max(0, Math.min(at - widestLine / 4, line.length - widestLine));
  const end = start + widestLine;
  const part = line.slice(start, end).toWellFormed();
  return `${start > 0 ? "…" : ""}${part}${end < line.length ? `… (${grouped(line.length)} characters)` : ""}`;
}

/** The part of all results that is shown: from `offset` on, at most `limit`, and no more than fits. */
class Page {
  content = "";
  count = 0;
  last: number;
  readonly offset: number;
  readonly #limit: number;

  constructor(offset: number, limit: number) {
    this.offset = offset;
    this.last = offset - 1;
    this.#limit = limit;
  }

  /** Counts a result; true when it is shown. */
  item(text: string): boolean {
    this.count++;
    // `last` stays behind as soon as one result did not fit.
    if (this.count !== this.last + 1 || this.count >= this.offset + this.#limit || !this.more(text)) return false;
    this.last = this.count;
    return true;
  }

  /** Adds text that belongs to the last result shown, if it fits. */
  more(text: string): boolean {
    if (this.content.length + text.length > mostCharacters) return false;
    this.content += text;
    return true;
  }
}

function summary(page: Page, notes: Notes, what: string): string {
  const { offset, last, count } = page;
  const lines = [];
  if (count === 0) lines.push("no matches");
  else if (last < offset) lines.push(`there are only ${grouped(count)} ${what}`);
  else if (offset > 1 || last < count) {
    const next = last < count ? `; the next ones: offset ${last + 1}` : "";
    lines.push(`${what} ${offset}-${last} of ${grouped(count)}${next}`);
  }
  if (notes.binary > 0) lines.push(`binary files left out: ${notes.binary}`);
  if (notes.huge.length > 0)
    lines.push(`files above ${bytes(hugeFile)} left out: ${few(notes.huge)}; name one as path to search it`);
  if (notes.unreadable > 0) lines.push(`files and folders that could not be read: ${notes.unreadable}`);
  if (notes.tooMany) lines.push(`stopped after ${grouped(mostEntries)} entries: search a folder further down`);
  if (notes.stopped)
    lines.push(`stopped after ${bytes(mostSearched)} of text: search a folder further down or use a glob`);
  return lines.map((line) => `[${line}]`).join("\n");
}

function few(names: string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
