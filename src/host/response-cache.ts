import { chmod, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import type { ResponseCache } from "../core/response-cache.ts";
import type { Environment } from "./machine.ts";

/** All answers together, in bytes. Beyond it the longest unused go. */
const mostKept = 64_000_000;

/** Where answers are kept, for this user only; undefined where the environment names no place for caches. */
export function responseFolder({ XDG_CACHE_HOME: cache, HOME: home }: Environment): string | undefined {
  // The XDG specification: a path that is not absolute is to be ignored.
  const parent = cache?.startsWith("/") ? cache : home?.startsWith("/") ? `${home}/.cache` : undefined;
  return parent === undefined ? undefined : `${parent}/rein/responses`;
}

/** Answers in files of a folder. One that cannot be read or written is as one that is not there: a cache is no reason to fail. */
export function fileResponses(folder: string, most = mostKept): ResponseCache {
  return {
    async read(key) {
      const path = `${folder}/${key}.json`;
      const text = await readFile(path, "utf8").catch(() => undefined);
      const now = new Date();
      if (text !== undefined) await utimes(path, now, now).catch(() => undefined);
      return text;
    },
    async write(key, answer) {
      const unfinished = `${folder}/${key}.${process.pid}.new`;
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await chmod(folder, 0o700);
        await writeFile(unfinished, answer, { mode: 0o600, flag: "wx" });
        await rename(unfinished, `${folder}/${key}.json`);
        await dropOldest(folder, most);
      } catch {
        await rm(unfinished, { force: true }).catch(() => undefined);
      }
    },
  };
}

async function dropOldest(folder: string, most: number): Promise<void> {
  const names = await readdir(folder);
  const files = await Promise.all(
    names.map(async (name) => {
      const path = `${folder}/${name}`;
      const { size, mtimeMs } = await stat(path).catch(() => ({ size: 0, mtimeMs: 0 }));
      return { path, size, mtimeMs };
    }),
  );
  let sum = files.reduce((total, { size }) => total + size, 0);
  for (const { path, size } of files.toSorted((a, b) => a.mtimeMs - b.mtimeMs)) {
    if (sum <= most) return;
    await rm(path, { force: true });
    sum -= size;
  }
}
