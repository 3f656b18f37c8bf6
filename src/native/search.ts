import type {
  FoundFile,
  ListQuery,
  ListSummary,
  SearchQuery,
  SearchSummary,
  TreeEntry,
  TreeScope,
} from "../core/tree.ts";
import { nearest } from "../core/nearest.ts";
import { ok, type Result } from "../core/result.ts";
import { frame } from "./border.ts";
import { call, callText, start } from "./library.ts";

/** Trees listed and searched on threads, as ripgrep does it. The caller has judged the root and says what is closed below it. */

/** What a walk begins with. Paths are canonical; both descriptors may be closed as soon as it is opened. */
export type TreeRoot = {
  /** Of the folder, opened to be read; or of a file, to search it alone. */
  fd: number;
  path: string;
  /** Of the root of all files. */
  files: number;
  /** What may not be read below the root, each path with all below it. */
  closed: string[];
  /** The folders above, the nearest first and "" for the root of all files, with what of their ignore files may be read. */
  above: Array<{ path: string; gitignore: boolean; exclude: boolean }>;
};

/** What is wrong with a query, in words that begin with a small letter; or an errno's name. */
export type QueryProblem = { part: "pattern" | "glob" | "type" | "errno"; message: string };

/** A walk that was opened must be run, or it holds its descriptors until the end. */
export type Walk<Found, Summary> = { id: number; found?: Found; summary?: Summary };
export type Opened<T> = Result<T, QueryProblem>;

export function openList(root: TreeRoot, query: ListQuery): Opened<Walk<TreeEntry, ListSummary>> {
  const sort = { path: 0, size: 1, time: 2 }[query.sort];
  return opened("search.open_list", root, [
    ...scopeFields(root, query, []),
    sort,
    Number(query.links === true),
    ...range(query),
  ]);
}

export function openSearch(root: TreeRoot, query: SearchQuery): Opened<Walk<FoundFile, SearchSummary>> {
  return opened("search.open", root, [
    ...scopeFields(root, query, query.types),
    query.pattern,
    Number(query.literal),
    { sensitive: 0, ignore: 1, smart: 2 }[query.case],
    Number(query.multiline),
    query.before,
    query.after,
    { lines: 0, files: 1, counts: 2 }[query.output],
    ...range(query),
  ]);
}

/** Runs an opened walk to its end. Undefined when the signal aborted. */
export async function runOpened<Found, Summary>(
  walk: Walk<Found, Summary>,
  signal: AbortSignal,
  found: (part: Found[]) => void,
): Promise<Opened<Summary> | undefined> {
  const decoder = new TextDecoder();
  try {
    for await (const chunk of start("search.run", frame([walk.id], ""), signal)) {
      const said: { found: Found[] } | { summary: Summary } | { errno: string } = JSON.parse(decoder.decode(chunk));
      if ("summary" in said) return ok(said.summary);
      if ("errno" in said) return { ok: false, error: { part: "errno", message: said.errno } };
      found(said.found);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    return undefined;
  } finally {
    call("search.close", walk.id, "");
  }
  throw new Error("A search ended without a summary");
}

/** The names of all file types. */
export function fileTypes(): string[] {
  const names = callText("search.types", 0, "");
  return names.ok ? names.value.split("\n") : [];
}

function opened<Found, Summary>(
  name: string,
  root: TreeRoot,
  fields: Array<number | string>,
): Opened<Walk<Found, Summary>> {
  const answer = callText(name, root.fd, frame(fields, ""));
  return answer.ok ? ok({ id: Number(answer.value) }) : { ok: false, error: problem(answer.error) };
}

function scopeFields(root: TreeRoot, scope: TreeScope, types: string[]): Array<number | string> {
  const inside = root.path === "/" ? "/" : `${root.path}/`;
  return [
    root.files,
    listed(root.closed.map((path) => path.slice(inside.length))),
    root.path,
    listed(root.above.map(({ path, gitignore, exclude }) => `${Number(gitignore) + 2 * Number(exclude)}${path}`)),
    Math.min(scope.depth ?? most, most),
    Number(scope.all),
    listed(scope.globs),
    listed(types),
  ];
}

/** The largest number that native code takes. */
const most = 2 ** 32 - 1;

function range({ offset, limit }: { offset: number; limit: number }): number[] {
  return [Math.min(offset, most), Math.min(limit, most)];
}

function listed(items: string[]): string {
  return items.map((item) => `${item}\0`).join("");
}

/** An errno's name, or the part of the query that is wrong on a line of its own. */
function problem(error: string): QueryProblem {
  const [part, first = "", rest = ""] = error.split("\n");
  if (part === "pattern") return { part, message: error.slice("pattern\n".length) };
  if (part === "glob") return { part, message: `the glob '${first}' is wrong: ${rest}` };
  if (part !== "type") return { part: "errno", message: error };
  const near = nearest(first, fileTypes());
  return {
    part,
    message: `there is no file type '${first}'${near === undefined ? "; use a glob" : `; did you mean '${near}'?`}`,
  };
}
