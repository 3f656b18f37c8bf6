import type { FoundFile, FoundLine, SearchQuery, SearchSummary } from "../core/tree.ts";
import type { ToolContext, ToolOutcome } from "../core/tool.ts";
import { flag, number, pathSchema, text } from "./arguments.ts";
import { bytes, grouped } from "./bound.ts";
import { builtIn, schemaOf, type FromSchema } from "./built-in.ts";
import { failed } from "./failed.ts";
import { globSchemas, globsOf, noted, Page, shownBelow } from "./page.ts";

const usualLimit = 100;

const contextSchema = { type: "integer", minimum: 0, maximum: 50 } as const;

const schema = schemaOf({
  type: "object",
  properties: {
    pattern: {
      type: "string",
      minLength: 1,
      maxLength: 1000,
      description: "A regular expression, for example TODO|FIXME (as in ripgrep: no look-around, no backreferences)",
    },
    path: pathSchema("The folder or file to search. Default: the working folder"),
    ...globSchemas,
    type: {
      type: "string",
      minLength: 1,
      maxLength: 50,
      description: "Only files of this type: ts, js, py, rust, go, java, c, cpp, md, json, yaml…",
    },
    literal: { type: "boolean", description: "The pattern is plain text, no regular expression. Default: false" },
    case: {
      enum: ["sensitive", "ignore", "smart"],
      description:
        "ignore: upper and lower case are the same. smart: they are, unless the pattern has upper case. Default: sensitive",
    },
    multiline: {
      type: "boolean",
      description: "A match may span lines: the pattern may hold \\n, and (?s) lets . match it. Default: false",
    },
    context: {
      ...contextSchema,
      description: "Lines to show before and after each match, as 'number- text'. Default: 0",
    },
    before: { ...contextSchema, description: "Lines to show before each match, instead of context" },
    after: { ...contextSchema, description: "Lines to show after each match, instead of context" },
    output: {
      enum: ["lines", "files", "counts"],
      description: "lines: matching lines (default). files: only the paths. counts: matching lines per file",
    },
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
});

type Input = FromSchema<typeof schema>;

export const fileSearch = builtIn({
  name: "file_search",
  description:
    "Searches text files, line by line. Returns for each file its path, then its matching lines as 'number: text'. " +
    "Binary files, files above 50 MB, what .gitignore rules out and the folder .git are left out.",
  input: schema,
  examples: [
    { request: "Where does 'timeout' stand in the files of src?", input: { pattern: "timeout", path: "src" } },
    { request: "Find FIXME", input: { pattern: "FIXME" } },
  ],
  needs: [{ kind: "read" }],
  effects: () => "read",
  run,
});

async function run(input: Input, { host, signal }: ToolContext): Promise<ToolOutcome> {
  const path = text(input, "path", ".");
  const type = text(input, "type");
  const context = number(input, "context", 0);
  const page = new Page(number(input, "offset", 1));
  const query: SearchQuery = {
    pattern: text(input, "pattern"),
    literal: flag(input, "literal"),
    case: caseOf(text(input, "case")),
    multiline: flag(input, "multiline"),
    globs: globsOf(text(input, "glob"), text(input, "exclude")),
    types: type === "" ? [] : [type],
    all: flag(input, "all"),
    before: number(input, "before", context),
    after: number(input, "after", context),
    output: outputOf(text(input, "output")),
    offset: page.offset,
    limit: number(input, "limit", usualLimit),
  };
  const searched = await host.fs.search(path, query, signal, (files) => {
    for (const file of files) show(page, query, shownBelow(path, file.path), file);
  });
  if (searched.ok) return { content: noted(page.content, notes(path, query, page, searched.value)) };
  const outcome = await failed(searched.error, host, path);
  const other =
    searched.error.code === "invalid" && !query.literal && searched.error.message.includes(" at character ");
  return other
    ? { ...outcome, content: `${outcome.content}; or set literal to search for the text as it is` }
    : outcome;
}

function caseOf(name: string): SearchQuery["case"] {
  return name === "ignore" || name === "smart" ? name : "sensitive";
}

function outputOf(name: string): SearchQuery["output"] {
  return name === "files" || name === "counts" ? name : "lines";
}

/** Adds a file to the page: a line, or its path and its lines. */
function show(page: Page, query: SearchQuery, path: string, { lines, rows }: FoundFile): void {
  if (query.output === "files") page.item(`${path}\n`);
  if (query.output === "counts") page.item(`${path}: ${grouped(lines)}\n`);
  if (query.output !== "lines") return;
  const gaps = query.before + query.after > 0;
  let start = `${page.content === "" ? "" : "\n"}${path}\n`;
  let last: number | undefined;
  for (const row of rows) {
    const gap = gaps && last !== undefined && row.kind !== "left" && row.number > last + 1 ? "--\n" : "";
    start += `${gap}${shownRow(row)}\n`;
    if (row.kind !== "left") last = row.number;
    // What stands before a match comes with it.
    if (row.kind === "context") continue;
    if (!(row.kind === "match" ? page.item(start) : page.more(start))) return;
    start = "";
  }
  page.more(start);
}

function shownRow({ number, kind, text, clipped }: FoundLine): string {
  if (kind === "left") return `(… ${grouped(number)} more lines of this match)`;
  const start = clipped?.before === true ? "…" : "";
  const end = clipped === undefined ? "" : `… (${grouped(clipped.length)} characters)`;
  return `${number}${kind === "context" ? "-" : ":"} ${start}${text}${end}`;
}

function notes(path: string, query: SearchQuery, page: Page, found: SearchSummary): Array<string | undefined> {
  const what = query.output === "lines" ? "matches" : "files";
  const files = `${grouped(found.searched)} ${found.searched === 1 ? "file" : "files"}`;
  const nothing = found.searched === 0 ? "no matches: there was no text file to search" : `no matches in ${files}`;
  return [
    found.results === 0 ? nothing : page.note(what, found.results),
    found.binary > 0 ? `binary files left out: ${grouped(found.binary)}` : undefined,
    found.huge > 0 ? `files above 50 MB left out: ${hugeFiles(path, found)}; name one as path to search it` : undefined,
    found.unreadable > 0 ? `files and folders that could not be read: ${grouped(found.unreadable)}` : undefined,
    found.tooMany || found.stopped ? `stopped after ${files}: search a folder further down or use a glob` : undefined,
  ];
}

function hugeFiles(root: string, { named, huge }: SearchSummary): string {
  const shown = named.map(({ path, size }) => `${shownBelow(root, path)} (${bytes(size)})`).join(", ");
  return huge > named.length ? `${shown} and ${grouped(huge - named.length)} more` : shown;
}
