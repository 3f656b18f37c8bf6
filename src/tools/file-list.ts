import type { JsonObject } from "../core/json.ts";
import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { flag, number, pathSchema, text } from "./arguments.ts";
import { bytes, grouped, mostCharacters, shownPath } from "./bound.ts";
import { failed } from "./failed.ts";
import { globFilter } from "./glob.ts";
import { joined, mostEntries, walk } from "./walk.ts";
import type { Found, WalkNotes } from "./walk.ts";

const usualLimit = 500;
const usualDepth = 2;

export const fileList: Tool = {
  name: "file_list",
  description:
    "Lists what is in a folder: one path a line, folders end with /, files have their size. Sorted by name. " +
    "What .gitignore rules out and the folder .git are left out.",
  input: {
    type: "object",
    properties: {
      path: pathSchema("The folder. Default: the working folder"),
      glob: {
        type: "string",
        minLength: 1,
        maxLength: 1000,
        description:
          "Only files and folders that match, for example *.ts (in any folder), src/**/*.{js,ts} or !*.lock (all but these)",
      },
      depth: {
        type: "integer",
        minimum: 1,
        description: `How many levels deep. 1 is the folder itself. Default: ${usualDepth}, with a glob all levels`,
      },
      all: { type: "boolean", description: "Also what .gitignore rules out, and .git. Default: false" },
      offset: { type: "integer", minimum: 1, description: "The first entry to show, counted from 1. Default: 1" },
      limit: { type: "integer", minimum: 1, maximum: 5000, description: `How many to show. Default: ${usualLimit}` },
    },
    additionalProperties: false,
  },
  examples: [
    { request: "Which files are in the folder src?", input: { path: "src" } },
    { request: "What is in docs/images?", input: { path: "docs/images" } },
  ],
  needs: [{ kind: "read" }],
  effects: () => "read",
  run,
};

async function run(input: JsonObject, { host, signal }: ToolContext): Promise<ToolOutcome> {
  const path = text(input, "path", ".");
  const glob = text(input, "glob");
  const offset = number(input, "offset", 1);
  const limit = number(input, "limit", usualLimit);
  const depth = number(input, "depth", glob === "" ? usualDepth : Number.MAX_SAFE_INTEGER);
  const matches = globFilter(glob);
  const notes: WalkNotes = { unreadable: 0, tooMany: false };
  const entries = walk(path, { host, signal, depth, all: flag(input, "all"), notes });
  let content = "";
  let count = 0;
  let last = offset - 1;
  for (;;) {
    const next = await entries.next();
    if (next.done === true) {
      if (next.value === undefined) break;
      const outcome = await failed(next.value, host, path);
      const isFile = next.value.code === "not_a_folder";
      return isFile ? { ...outcome, content: `${outcome.content}; read or search it if it is a file` } : outcome;
    }
    if (!matches(next.value.path)) continue;
    count++;
    // `last` stays behind as soon as one entry did not fit.
    if (count !== last + 1 || count >= offset + limit) continue;
    const line = lineOf(path, next.value);
    if (content.length + line.length > mostCharacters) continue;
    content += line;
    last = count;
  }
  content += summary({ path, glob, offset, last, count, notes });
  return { content: content.replace(/\n$/, "") };
}

function lineOf(root: string, found: Found): string {
  const path = shownPath(joined(root, found.path));
  if (found.kind === "folder") return `${path}/\n`;
  if (found.kind === "file") return `${path} (${bytes(found.size)})\n`;
  return `${path} (${found.kind === "symlink" ? "symbolic link" : "device, socket or pipe"})\n`;
}

type Listed = { path: string; glob: string; offset: number; last: number; count: number; notes: WalkNotes };

function summary({ path, glob, offset, last, count, notes }: Listed): string {
  const lines = [];
  if (count === 0) lines.push(glob === "" ? `${shownPath(path)} is empty` : `nothing matches '${glob}'`);
  else if (last < offset) lines.push(`there are only ${grouped(count)} entries`);
  else if (offset > 1 || last < count) {
    const next = last < count ? `; the next ones: offset ${last + 1}` : "";
    lines.push(`entries ${offset}-${last} of ${grouped(count)}${next}`);
  }
  if (notes.unreadable > 0) lines.push(`folders that could not be read: ${notes.unreadable}`);
  if (notes.tooMany) lines.push(`stopped after ${grouped(mostEntries)} entries: list a folder further down`);
  return lines.map((line) => `[${line}]`).join("\n");
}
