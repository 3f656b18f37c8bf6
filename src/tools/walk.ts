import type { FileKind, Host } from "../core/host.ts";
import type { Failure } from "../core/result.ts";
import { judge, parseIgnore } from "./ignore.ts";
import type { IgnoreRules } from "./ignore.ts";

/** More entries than this are not looked at in one call. */
export const mostEntries = 200_000;

/** `path` is that from the folder where the walk began. */
export type Found = { path: string; kind: FileKind; size: number };

/** What a walk could not or would not look at. */
export type WalkNotes = { unreadable: number; tooMany: boolean };

export type WalkOptions = {
  host: Host;
  signal: AbortSignal;
  /** How many levels deep. 1 is the folder's own entries. */
  depth: number;
  /** Also what .gitignore files rule out, and .git itself. */
  all: boolean;
  notes: WalkNotes;
};

/** The rules of one .gitignore, and how a path of the walk is one from its folder: cut `from` characters, put `inner` before. */
type Scope = { rules: IgnoreRules; from: number; inner: string };

/**
 * All entries below a folder: a folder, then what is in it, in byte order of the names. Symlinks are entries and are not
 * followed. Returns a failure when the folder itself cannot be listed.
 */
export async function* walk(root: string, options: WalkOptions): AsyncGenerator<Found, Failure | undefined> {
  const scopes = options.all ? [] : await scopesAbove(root, options.host);
  let left = mostEntries;
  return yield* enter("", scopes, 1);

  async function* enter(folder: string, outer: Scope[], level: number): AsyncGenerator<Found, Failure | undefined> {
    if (options.signal.aborted) return { code: "cancelled", message: "Cancelled" };
    const list = await options.host.fs.list(joined(root, folder));
    if (!list.ok) return list.error;
    const own = list.value.some((entry) => entry.name === ".gitignore" && entry.kind === "file");
    const rules = own && !options.all ? await rulesOf(options.host, joined(root, `${folder}.gitignore`)) : [];
    const scopes = rules.length === 0 ? outer : [...outer, { rules, from: folder.length, inner: "" }];
    for (const entry of list.value) {
      const path = folder + entry.name;
      const isFolder = entry.kind === "folder";
      if (!options.all && (entry.name === ".git" || isIgnored(scopes, path, isFolder))) continue;
      if (left-- === 0) options.notes.tooMany = true;
      if (options.notes.tooMany) return undefined;
      yield { path, kind: entry.kind, size: entry.size };
      if (!isFolder || level >= options.depth) continue;
      const failure = yield* enter(`${path}/`, scopes, level + 1);
      if (failure?.code === "cancelled") return failure;
      if (failure !== undefined) options.notes.unreadable++;
    }
    return undefined;
  }
}

/** A path below `root` as the host is asked for it, and as the model can use it in its next call. */
export function joined(root: string, path: string): string {
  const start = root.replace(/^(\.\/+)+/, "").replace(/\/+$/, "");
  if (root.startsWith("/") && start === "") return `/${path}`;
  if (start === "" || start === ".") return path.replace(/\/$/, "") || ".";
  return path === "" ? start : `${start}/${path.replace(/\/$/, "")}`;
}

/** The innermost .gitignore that has a word on it decides. */
function isIgnored(scopes: Scope[], path: string, isFolder: boolean): boolean {
  for (const { rules, from, inner } of scopes.toReversed()) {
    const verdict = judge(rules, inner + path.slice(from), isFolder);
    if (verdict !== undefined) return verdict === "ignored";
  }
  return false;
}

/** The rules that the folders from the working folder down to `root` hold. None when `root` lies elsewhere. */
async function scopesAbove(root: string, host: Host): Promise<Scope[]> {
  const inside = root === host.cwd ? "" : root.startsWith(`${host.cwd}/`) ? root.slice(host.cwd.length + 1) : root;
  const steps = inside.split("/").filter((step) => step !== "" && step !== ".");
  if (inside.startsWith("/") || steps[0] === "~" || steps.includes("..")) return [];
  const scopes: Scope[] = [];
  for (let index = 0; index < steps.length; index++) {
    const file = [...steps.slice(0, index), ".gitignore"].join("/");
    const rules = (await host.fs.may("read", file)) ? await rulesOf(host, file) : [];
    if (rules.length > 0) scopes.push({ rules, from: 0, inner: `${steps.slice(index).join("/")}/` });
  }
  return scopes;
}

/** No .gitignore is as large; what is beyond does not count. */
const mostIgnoreBytes = 1_000_000;

async function rulesOf(host: Host, file: string): Promise<IgnoreRules> {
  const read = await host.fs.read(file, { offset: 0, limit: mostIgnoreBytes });
  return read.ok ? parseIgnore(new TextDecoder().decode(read.value.bytes)) : [];
}
