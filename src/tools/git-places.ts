import { join, resolve } from "node:path";
import type { Host } from "../core/host.ts";
import { fail, ok, type Result } from "../core/result.ts";

/** What git reads of a git folder by names of its own, each of which may be a link to somewhere else. */
const followed =
  "HEAD index packed-refs refs refs/heads refs/remotes refs/tags logs shallow objects objects/info objects/pack".split(
    " ",
  );

/** Git follows alternates no deeper. */
const deepest = 5;

/** More links than these are in no repository. */
const mostLinks = 300;

/** A longer list of alternates, in bytes, is not read. */
const mostAlternates = 10_000;

/**
 * Judges all that git would read behind a git folder's back: what links in it lead to, and the folders that it takes objects from
 * (`objects/info/alternates`). Else a link in a repository, or a line that a model writes, would show it any other repository.
 */
export async function passPlaces(gitFolder: string, fs: Host["fs"]): Promise<Result<void>> {
  for (const name of followed) {
    const passed = await passIfThere(join(gitFolder, name), fs);
    if (!passed.ok) return passed;
  }
  return passObjects(join(gitFolder, "objects"), fs, 0);
}

async function passObjects(objects: string, fs: Host["fs"], depth: number): Promise<Result<void>> {
  for (const folder of [objects, join(objects, "pack")]) {
    const entries = await fs.list(folder);
    if (!entries.ok && entries.error.code !== "not_found") return entries;
    const links = entries.ok ? entries.value.filter(({ kind }) => kind === "symlink") : [];
    if (links.length > mostLinks) return fail("unsupported", `Cannot use '${folder}': it is full of links`);
    for (const { name } of links) {
      const passed = await passIfThere(join(folder, name), fs);
      if (!passed.ok) return passed;
    }
  }
  const read = await fs.read(join(objects, "info/alternates"), { offset: 0, limit: mostAlternates });
  if (!read.ok) return read.error.code === "not_found" ? ok(undefined) : read;
  const whole = read.value.size <= read.value.bytes.length;
  const lines = new TextDecoder().decode(read.value.bytes).split("\n");
  for (const line of lines.filter((one) => one !== "" && !one.startsWith("#"))) {
    if (!whole || line.startsWith('"') || depth === deepest) {
      return fail("unsupported", `Cannot use '${objects}': its alternates cannot be followed`);
    }
    const other = resolve(objects, line);
    const passed = await fs.pass("read", other);
    if (!passed.ok && passed.error.code !== "not_found") return passed;
    const inner = passed.ok ? await passObjects(passed.value, fs, depth + 1) : passed;
    if (!inner.ok && inner.error.code !== "not_found") return inner;
  }
  return ok(undefined);
}

async function passIfThere(path: string, fs: Host["fs"]): Promise<Result<void>> {
  const passed = await fs.pass("read", path);
  if (passed.ok || passed.error.code === "not_found") return ok(undefined);
  return passed;
}
