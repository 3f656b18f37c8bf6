import { join, resolve } from "node:path";
import type { Host } from "../core/host.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { ToolContext } from "../core/tool.ts";
import type { ListQuery } from "../core/tree.ts";

/** Git follows alternates no deeper. */
const deepest = 5;

/** More links than these are in no repository. */
const mostLinks = 300;

/** A longer list of alternates, in bytes, is not read. */
const mostAlternates = 10_000;

/** What is judged, for reading or for writing too, and which folders have been gone through. */
type Search = { fs: Host["fs"]; write: boolean; signal: AbortSignal; seen: Set<string> };

/**
 * Judges all that git would read or write behind a git folder's back: what links in it lead to, and the folders that it takes
 * objects from (`objects/info/alternates`). Else a link in a repository, or a line that a model writes, would show it any other
 * repository.
 */
export async function passPlaces(
  gitFolder: string,
  access: "read" | "write",
  { host, signal }: ToolContext,
): Promise<Result<void>> {
  const search: Search = { fs: host.fs, write: access === "write", signal, seen: new Set() };
  // No hook runs, so that what one is a link to does not matter.
  const passed = await passLinks(gitFolder, search, (path) => path !== "hooks" && !path.startsWith("hooks/"));
  return passed.ok ? passAlternates(join(gitFolder, "objects"), search, 0) : passed;
}

/** Judges what the links in a folder lead to, and where that is a folder, those in it. */
async function passLinks(
  folder: string,
  search: Search,
  counts: (path: string) => boolean = () => true,
): Promise<Result<void>> {
  const { fs, write, signal, seen } = search;
  const links: string[] = [];
  const query: ListQuery = { sort: "path", links: true, all: true, globs: [], offset: 1, limit: mostLinks + 1 };
  const walked = await fs.tree(folder, query, signal, (found) => links.push(...found.map(({ path }) => path)));
  if (!walked.ok) return ["not_a_folder", "not_found"].includes(walked.error.code) ? ok(undefined) : walked;
  const { entries, unreadable, tooMany } = walked.value;
  // What is not UTF-8 cannot be asked for.
  if (entries > mostLinks || unreadable > 0 || tooMany || links.some((path) => path.includes("\uFFFD"))) {
    return fail("unsupported", `Cannot use '${folder}': not all that it links to can be looked at`);
  }
  for (const path of links.filter(counts).map((link) => join(folder, link))) {
    const read = await fs.pass("read", path);
    if (!read.ok && read.error.code !== "not_found") return read;
    const written = write ? await fs.pass("write", path) : read;
    if (!written.ok && written.error.code !== "not_found") return written;
    if (!read.ok || seen.has(read.value)) continue;
    seen.add(read.value);
    const inner = await passLinks(read.value, search);
    if (!inner.ok) return inner;
  }
  return ok(undefined);
}

async function passAlternates(named: string, search: Search, depth: number): Promise<Result<void>> {
  const { fs } = search;
  // Git takes what its alternates name from where the folder really is.
  const real = await fs.pass("read", named);
  if (!real.ok) return real.error.code === "not_found" ? ok(undefined) : real;
  const objects = real.value;
  const read = await fs.read(join(objects, "info/alternates"), { offset: 0, limit: mostAlternates });
  if (!read.ok) return read.error.code === "not_found" ? ok(undefined) : read;
  const whole = read.value.size <= read.value.bytes.length;
  const lines = new TextDecoder().decode(read.value.bytes).split("\n");
  for (const line of lines.filter((one) => one !== "" && !one.startsWith("#"))) {
    if (!whole || line.startsWith('"') || line.includes("\uFFFD") || depth === deepest) {
      return fail("unsupported", `Cannot use '${objects}': its alternates cannot be followed`);
    }
    const other = resolve(objects, line);
    // Nothing is ever written there.
    const passed = await passLinks(other, { ...search, write: false });
    const inner = passed.ok ? await passAlternates(other, search, depth + 1) : passed;
    if (!inner.ok) return inner;
  }
  return ok(undefined);
}
