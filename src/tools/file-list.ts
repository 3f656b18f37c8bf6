import type { ListQuery, ListSummary, TreeEntry } from "../core/tree.ts";
import type { ToolContext, ToolOutcome } from "../core/tool.ts";
import { flag, number, pathSchema, text } from "./arguments.ts";
import { bytes, grouped, shownPath } from "./bound.ts";
import { builtIn, schemaOf, type FromSchema } from "./built-in.ts";
import { failed } from "./failed.ts";
import { globSchemas, globsOf, noted, Page, shownBelow } from "./page.ts";

const usualLimit = 500;
const usualDepth = 2;

const schema = schemaOf({
  type: "object",
  properties: {
    path: pathSchema("The folder. Default: the working folder"),
    ...globSchemas,
    depth: {
      type: "integer",
      minimum: 1,
      description: `How many levels deep. 1 is the folder itself. Default: ${usualDepth}, with glob or sort all levels`,
    },
    tree: {
      type: "boolean",
      description: "Show names only, indented below their folders: shorter than whole paths. Default: false",
    },
    times: { type: "boolean", description: "Show when each was changed last (UTC). Default: false" },
    sort: {
      enum: ["path", "size", "time"],
      description: "size: only files, the largest first. time: what changed last first. Default: path",
    },
    offset: { type: "integer", minimum: 1, description: "The first entry to show, counted from 1. Default: 1" },
    limit: { type: "integer", minimum: 1, maximum: 5000, description: `How many to show. Default: ${usualLimit}` },
  },
  additionalProperties: false,
});

type Input = FromSchema<typeof schema>;

export const fileList = builtIn({
  name: "file_list",
  description:
    "Lists what is in a folder: one path a line, folders end with /, files have their size. Sorted by path. " +
    "What .gitignore rules out and the folder .git are left out.",
  input: schema,
  examples: [
    { request: "Which files are in the folder src?", input: { path: "src" } },
    { request: "What is in docs/images?", input: { path: "docs/images" } },
  ],
  needs: [{ kind: "read" }],
  effects: () => "read",
  run,
});

async function run(input: Input, { host, signal }: ToolContext): Promise<ToolOutcome> {
  const path = text(input, "path", ".");
  const globs = globsOf(text(input, "glob"), text(input, "exclude"));
  const sort = sortOf(text(input, "sort"));
  const tree = flag(input, "tree");
  if (tree && sort !== "path") {
    return {
      content: `Cannot list '${shownPath(path)}': a tree is sorted by path; leave out tree or sort`,
      error: true,
    };
  }
  const page = new Page(number(input, "offset", 1));
  const lines = tree ? new Tree() : { of: (entry: TreeEntry) => shownBelow(path, entry.path) };
  const times = flag(input, "times") || sort === "time";
  const wide = text(input, "glob") !== "" || sort !== "path";
  const query: ListQuery = {
    globs,
    sort,
    all: flag(input, "all"),
    offset: page.offset,
    limit: number(input, "limit", usualLimit),
    depth: number(input, "depth", wide ? Number.MAX_SAFE_INTEGER : usualDepth),
  };
  const listed = await host.fs.tree(path, query, signal, (entries) => {
    for (const entry of entries) page.item(`${lines.of(entry)}${detail(entry, times)}\n`);
  });
  if (listed.ok) return { content: noted(page.content, notes(path, globs, page, listed.value)) };
  const outcome = await failed(listed.error, host, path);
  const isFile = listed.error.code === "not_a_folder";
  return isFile ? { ...outcome, content: `${outcome.content}; read or search it if it is a file` } : outcome;
}

function sortOf(name: string): ListQuery["sort"] {
  return name === "size" || name === "time" ? name : "path";
}

/** What stands behind an entry's name. */
function detail({ kind, size, modifiedMs }: TreeEntry, times: boolean): string {
  const is = { folder: "", file: bytes(size), symlink: "symbolic link", other: "device, socket or pipe" }[kind];
  const time = times ? new Date(modifiedMs).toISOString().slice(0, 16).replace("T", " ") : "";
  const inside = [is, time].filter((part) => part !== "").join(", ");
  return `${kind === "folder" ? "/" : ""}${inside === "" ? "" : ` (${inside})`}`;
}

/** Names below their folders. Folders that lead to an entry are shown too: those that a glob or an earlier page left out. */
class Tree {
  #folders: string[] = [];

  of(entry: TreeEntry): string {
    const steps = entry.path.split("/");
    const name = steps.pop() ?? "";
    const same = steps.findIndex((step, level) => this.#folders[level] !== step);
    const from = same < 0 ? steps.length : same;
    const above = steps.slice(from).map((step, index) => `${"  ".repeat(from + index)}${shownPath(step)}/\n`);
    this.#folders = entry.kind === "folder" ? [...steps, name] : steps;
    return `${above.join("")}${"  ".repeat(steps.length)}${shownPath(name)}`;
  }
}

function notes(
  path: string,
  globs: string[],
  page: Page,
  { entries, ...rest }: ListSummary,
): Array<string | undefined> {
  const nothing = globs.length === 0 ? `${shownPath(path)} is empty` : `nothing matches '${globs.join("' and '")}'`;
  return [
    entries === 0 ? nothing : page.note("entries", entries),
    rest.unreadable > 0 ? `folders that could not be read: ${rest.unreadable}` : undefined,
    rest.tooMany ? `stopped after ${grouped(entries)} entries: list a folder further down` : undefined,
  ];
}
