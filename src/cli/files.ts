import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { nearest } from "../core/nearest.ts";
import type { Result } from "../core/result.ts";
import type { UsageProblem } from "./flags.ts";

/** An agent file or a script is never larger; a value's file is bounded by what the model could hold. */
export const fileLimit = 64 * 1024 * 1024;

/** Reads a file that the user named. Folders, devices and files beyond `limit` bytes are refused. */
export function readNamed(path: string, limit: number): Result<Uint8Array, UsageProblem> {
  return read(path, limit, true);
}

/** As `readNamed`, for a file that another file names: there a FIFO is nobody's command, and the wait for it could have no end. */
export function readBeside(path: string, limit: number): Result<Uint8Array, UsageProblem> {
  return read(path, limit, false);
}

function read(path: string, limit: number, fifos: boolean): Result<Uint8Array, UsageProblem> {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return cannot(`Cannot read '${path}': it is a folder`);
    if (stat.isFile() && stat.size > limit) {
      return cannot(`Cannot read '${path}': it has ${stat.size} bytes, at most ${limit} are possible`);
    }
    // A FIFO such as <(command) is a file to the user; a device would never end.
    if (!stat.isFile() && !(fifos && stat.isFIFO())) return cannot(`Cannot read '${path}': it is not a file`);
    return stat.isFile() ? { ok: true, value: readFileSync(path) } : readFifo(path, limit);
  } catch (error) {
    const failed = cannot(`Cannot read '${path}': ${why(error)}`);
    const guess = nearestFile(path);
    return guess === undefined ? failed : { ok: false, error: { ...failed.error, hint: `did you mean '${guess}'?` } };
  }
}

/** A folder's path without symlinks; undefined where there is none that can be looked at. */
export function realFolder(path: string): string | undefined {
  try {
    const real = realpathSync(path);
    return statSync(real).isDirectory() ? real : undefined;
  } catch {
    return undefined;
  }
}

/** Nobody knows how much will come: at most `limit` bytes, and the system ends the wait for them by a signal. */
function readFifo(path: string, limit: number): Result<Uint8Array, UsageProblem> {
  const fd = openSync(path, "r");
  try {
    const pieces: Uint8Array[] = [];
    for (let size = 0; size <= limit;) {
      const piece = new Uint8Array(65_536);
      const length = readSync(fd, piece);
      if (length === 0) return { ok: true, value: Buffer.concat(pieces, size) };
      pieces.push(piece.subarray(0, length));
      size += length;
    }
    return cannot(`Cannot read '${path}': it has more than ${limit} bytes`);
  } finally {
    closeSync(fd);
  }
}

/** The file that was probably meant by a path that leads nowhere. */
function nearestFile(path: string): string | undefined {
  if (existsSync(path)) return undefined;
  try {
    // A link that leads nowhere has this very name.
    const others = readdirSync(dirname(path)).filter((name) => name !== basename(path));
    const name = nearest(basename(path), others);
    return name === undefined ? undefined : join(dirname(path), name);
  } catch {
    return undefined; // Its folder is not there either.
  }
}

/**
 * Writes a file whole or not at all, beside it first. A link is followed, a device such as /dev/null is written to, and a file that
 * may not be written is left, though its folder could take another.
 */
export function writeNamed(path: string, text: string): Result<void, UsageProblem> {
  let temporary: string | undefined;
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat !== undefined && !stat.isFile()) {
      writeFileSync(path, text);
      return { ok: true, value: undefined };
    }
    if (stat !== undefined) accessSync(path, constants.W_OK);
    const target = leadsTo(path);
    const beside = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
    temporary = beside;
    writeFileSync(beside, text, { mode: stat?.mode ?? 0o666, flag: "wx" });
    // The umask took something of it.
    if (stat !== undefined) chmodSync(beside, stat.mode);
    renameSync(beside, target);
    return { ok: true, value: undefined };
  } catch (error) {
    if (temporary !== undefined) removeQuietly(temporary);
    return { ok: false, error: cannotWrite(path, error) };
  }
}

/** Writes a file that is not there yet. */
export function writeNew(path: string, text: string): Result<void, UsageProblem> {
  try {
    writeFileSync(path, text, { flag: "wx" });
    return { ok: true, value: undefined };
  } catch (error) {
    return { ok: false, error: cannotWrite(path, error) };
  }
}

/** What the system has against a file that is to be written. */
export function cannotWrite(path: string, error: unknown): UsageProblem {
  return { message: `Cannot write '${path}': ${why(error)}` };
}

/** What the system has against what is to be read. */
export function cannotRead(error: unknown): string {
  return why(error);
}

/** What is in the way of writing must be known before money is spent on what is to be written. */
export function checkWritable(path: string): Result<void, UsageProblem> {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory() || path.endsWith("/")) return cannot(`Cannot write '${path}': it is a folder`);
    if (stat?.isFile()) accessSync(path, constants.W_OK);
    const folder = stat === undefined || stat.isFile() ? `${dirname(leadsTo(path))}/.` : undefined;
    accessSync(folder ?? path, constants.W_OK);
    return { ok: true, value: undefined };
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    return cannot(`Cannot write '${path}': ${missing ? "its folder does not exist" : why(error)}`);
  }
}

/** The path without symlinks that a path leads to, also when there is nothing yet. No loop: it was looked up before. */
function leadsTo(path: string): string {
  const folder = realpathSync(dirname(path));
  const link = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : undefined;
  if (link === undefined) return join(folder, basename(path));
  return leadsTo(isAbsolute(link) ? link : `${folder}/${link}`);
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
  EEXIST: "it is there already",
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
