import {
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { nearest } from "../core/nearest.ts";
import type { Result } from "../core/result.ts";
import type { UsageProblem } from "./flags.ts";

/** An agent file or a script is never larger; a value's file is bounded by what the model could hold. */
export const fileLimit = 64 * 1024 * 1024;

/** Reads a file that the user named. Folders, devices and files beyond `limit` bytes are refused. */
export function readNamed(path: string, limit: number): Result<Uint8Array, UsageProblem> {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return cannot(`Cannot read '${path}': it is a folder`);
    if (stat.isFile() && stat.size > limit) {
      return cannot(`Cannot read '${path}': it has ${stat.size} bytes, at most ${limit} are possible`);
    }
    // A FIFO such as <(command) is a file to the user; a device would never end.
    if (!stat.isFile() && !stat.isFIFO()) return cannot(`Cannot read '${path}': it is not a file`);
    return { ok: true, value: readFileSync(path) };
  } catch (error) {
    const failed = cannot(`Cannot read '${path}': ${why(error)}`);
    const guess = nearestFile(path);
    return guess === undefined ? failed : { ok: false, error: { ...failed.error, hint: `did you mean '${guess}'?` } };
  }
}

/** The file that was probably meant by a path that leads nowhere. */
function nearestFile(path: string): string | undefined {
  if (existsSync(path)) return undefined;
  try {
    const name = nearest(basename(path), readdirSync(dirname(path)));
    return name === undefined ? undefined : join(dirname(path), name);
  } catch {
    return undefined; // Its folder is not there either.
  }
}

/** Writes a file whole or not at all, beside it first. A link is followed; a device such as /dev/null is written to. */
export function writeNamed(path: string, text: string): Result<void, UsageProblem> {
  let temporary: string | undefined;
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    const target = stat === undefined ? resolve(path) : realpathSync(path);
    if (stat !== undefined && !stat.isFile()) {
      writeFileSync(target, text);
      return { ok: true, value: undefined };
    }
    const beside = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
    temporary = beside;
    writeFileSync(beside, text, { mode: stat?.mode ?? 0o666, flag: "wx" });
    renameSync(beside, target);
    return { ok: true, value: undefined };
  } catch (error) {
    if (temporary !== undefined) removeQuietly(temporary);
    return cannot(`Cannot write '${path}': ${why(error)}`);
  }
}

/** The folder to write to must be there before money is spent on what is to be written. */
export function checkWritable(path: string): Result<void, UsageProblem> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) return cannot(`Cannot write '${path}': it is a folder`);
  if (statSync(dirname(resolve(path)), { throwIfNoEntry: false })?.isDirectory()) return { ok: true, value: undefined };
  return cannot(`Cannot write '${path}': its folder does not exist`);
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    return; // It was never made, or is gone already.
  }
}

function cannot(message: string): { ok: false; error: UsageProblem } {
  return { ok: false, error: { message } };
}

const reasons: Record<string, string> = {
  ENOENT: "no such file or folder",
  EACCES: "the system does not permit it",
  EPERM: "the system does not permit it",
  ENOTDIR: "a part of its path is not a folder",
  EISDIR: "it is a folder",
  ELOOP: "too many symlinks",
  ENOSPC: "no space is left on the device",
  EROFS: "the file system is read-only",
  ENAMETOOLONG: "its name is too long",
};

function why(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return reasons[code] ?? (error instanceof Error ? error.message : String(error));
}
