import { dlopen } from "bun:ffi";
import { closeSync, constants, fstatSync, readSync } from "node:fs";
import type { FileStat, FileVersion, FolderEntry } from "../core/host.ts";
import { frame } from "./border.ts";
import { call, callText, start } from "./library.ts";

/**
 * Files beneath a root descriptor. Paths are relative to it, can't leave it and follow no symlink; the caller has resolved and judged
 * them. Descriptors are plain numbers, closed on exec, and must be closed by `closeFd`.
 */

/** An errno's name when it failed: ENOENT, EACCES, ELOOP (a symlink), EXDEV (leads out of the root), ENOSYS (no openat2)… */
export type FileResult<T> = { ok: true; value: T } | { ok: false; errno: string };

/** `id` is the device and inode: the same id is the same file. `version` and `changedMs` are those of FileVersion. */
export type FdStat = FileStat & FileVersion & { mode: number; id: string };

/** `read`: its bytes (never waits for a FIFO). `folder`: list it and act on its entries. `path`: only `statFd`. */
export type OpenFor = "read" | "folder" | "path";

const openNumbers: Record<OpenFor, number> = { read: 0, folder: 1, path: 2 };

/** node:fs does not name them. */
const [pathOnly, closeOnExec] = [0x200000, 0x80000];
const openFlags: Record<OpenFor, number> = {
  read: constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | closeOnExec,
  folder: constants.O_RDONLY | constants.O_DIRECTORY | closeOnExec,
  path: pathOnly | closeOnExec,
};

/** How a path is resolved: beneath the folder that it begins at, and through no symlink of either kind. */
const confined = 0x08 | 0x04 | 0x02;
const workingFolder = -100;
const openat2Number = 437;

let libc: ReturnType<typeof openLibc> | undefined;

function openLibc() {
  return dlopen("libc.so.6", { syscall: { args: ["u64", "i32", "buffer", "buffer", "u64"], returns: "i32" } });
}

/**
 * The system call itself, so that who only reads files does not load the library for it. Undefined where it fails: the library then
 * tries again, and says why.
 */
function openat2(folder: number, path: string, flags: number, resolution: number): number | undefined {
  // It would end the path.
  if (path.includes("\0")) return undefined;
  libc ??= openLibc();
  const how = new BigUint64Array([BigInt(flags), 0n, BigInt(resolution)]);
  const fd = libc.symbols.syscall(openat2Number, folder, Buffer.from(`${path}\0`), how, how.byteLength);
  return fd < 0 ? undefined : fd;
}

/** Opens an absolute folder as a root; symlinks in the path are followed. */
export function openRoot(absolutePath: string): FileResult<number> {
  const flags = pathOnly | constants.O_DIRECTORY | closeOnExec;
  const fd = absolutePath.startsWith("/") ? openat2(workingFolder, absolutePath, flags, 0) : undefined;
  return fd === undefined ? number(callText("files.open_root", 0, absolutePath)) : { ok: true, value: fd };
}

/** Opens what is at `path` beneath a root (or any folder's descriptor); `.` is the root itself. */
export function openBeneath(root: number, path: string, how: OpenFor): FileResult<number> {
  const fd = openat2(root, path, openFlags[how], confined);
  if (fd !== undefined) return { ok: true, value: fd };
  return number(callText("files.open_beneath", root, frame([openNumbers[how]], path)));
}

export function statFd(fd: number): FileResult<FdStat> {
  return attempt(() => {
    const stat = fstatSync(fd, { bigint: true });
    const { dev, ino, size, mode, mtimeNs, ctimeNs } = stat;
    const kind = stat.isFile() ? "file" : stat.isDirectory() ? "folder" : stat.isSymbolicLink() ? "symlink" : "other";
    return {
      kind,
      size: Number(size),
      modifiedMs: Number(wholeOf(mtimeNs, 1_000_000n)),
      changedMs: Number(wholeOf(ctimeNs, 1_000_000n)),
      mode: Number(mode & 0o7777n),
      id: `${dev}:${ino}`,
      // As `replaceFile` has it.
      version: `${dev}:${ino}:${size}:${seconds(mtimeNs)}:${seconds(ctimeNs)}`,
    };
  });
}

function seconds(ns: bigint): string {
  const whole = wholeOf(ns, 1_000_000_000n);
  return `${whole}.${String(ns - whole * 1_000_000_000n).padStart(9, "0")}`;
}

/** Rounded down, also before 1970. */
function wholeOf(value: bigint, unit: bigint): bigint {
  return (value - (((value % unit) + unit) % unit)) / unit;
}

/**
 * A folder's entries in byte order of their names, symlinks as themselves. A name that isn't UTF-8 has U+FFFD in it and can't be opened
 * by that name. Takes about 1 ms per 1,000 entries.
 */
export function listFolder(fd: number): FileResult<FolderEntry[]> {
  return parsed<FolderEntry[]>(callText("files.list", fd, ""));
}

/** At most `limit` bytes from `offset`, fewer only at the file's end. Allocates `limit` bytes at once. */
export function readAt(fd: number, offset: number, limit: number): FileResult<Uint8Array> {
  const bytes = new Uint8Array(limit);
  return attempt(() => {
    let filled = 0;
    while (filled < limit) {
      const read = readSync(fd, bytes, filled, limit - filled, offset + filled);
      if (read === 0) break;
      filled += read;
    }
    return bytes.subarray(0, filled);
  });
}

/** Makes a folder; `name` is a single name. `mode` loses the umask's bits. */
export function makeFolder(folder: number, name: string, mode = 0o777): FileResult<void> {
  const made = call("files.make_folder", folder, frame([mode], name));
  return made.ok ? { ok: true, value: undefined } : { ok: false, errno: made.error };
}

/**
 * Creates or replaces a regular file whole and flushes it: readers see the old bytes or the new ones. `name` is a single name. An
 * existing file keeps its mode and, where we may give files away, its owner; a new one gets `mode` less the umask. A symlink is
 * ELOOP, a folder EISDIR, anything else that is no file EINVAL; with a `version`, a file that has another one or is gone ESTALE, and
 * with `absent` one that is there.
 */
export function replaceFile(
  folder: number,
  name: string,
  bytes: Uint8Array,
  { mode = 0o666, version = "" }: { mode?: number; version?: string } = {},
): FileResult<{ created: boolean }> {
  return parsed<{ created: boolean }>(callText("files.replace", folder, frame([mode, name, version], bytes)));
}

/** How many files (and links, pipes…) and folders are gone. `why` it stopped is an errno's name or one of the words. */
export type Removed = {
  files: number;
  folders: number;
  stopped?: { why: "closed" | "folder" | "mounted" | "deep" | "cancelled" | `E${string}`; path: string };
};

/**
 * Removes what is called `name` in a folder, links as links: a folder only when `recursive`, with all in it. Nothing goes where a part
 * of it is `closed` (a path from the folder that goes), may not be read, lies in a folder that may not be written, or is mounted.
 */
export async function removeTree(
  folder: number,
  name: string,
  options: { recursive: boolean; closed: readonly string[] },
  signal: AbortSignal,
): Promise<Removed> {
  const closed = options.closed.map((path) => `${path}\0`).join("");
  const opened = callText("files.open_removal", folder, frame([Number(options.recursive), closed], name));
  const stopped = (why: `E${string}` | "cancelled"): Removed => ({ files: 0, folders: 0, stopped: { why, path: "" } });
  if (!opened.ok) return stopped(`E${opened.error.slice(1)}`);
  const removal = Number(opened.value);
  try {
    for await (const chunk of start("files.remove", frame([removal], ""), signal)) {
      return JSON.parse(new TextDecoder().decode(chunk));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    return stopped("cancelled");
  } finally {
    call("files.close_removal", removal, "");
  }
  throw new Error("A removal ended without an answer");
}

export function closeFd(fd: number): FileResult<void> {
  return attempt(() => closeSync(fd));
}

/** What node:fs throws, as a value. */
function attempt<T>(act: () => T): FileResult<T> {
  try {
    return { ok: true, value: act() };
  } catch (error) {
    if (error instanceof Error && "code" in error && typeof error.code === "string") {
      return { ok: false, errno: error.code };
    }
    throw error;
  }
}

type Answer = ReturnType<typeof callText>;

function number(answer: Answer): FileResult<number> {
  return answer.ok ? { ok: true, value: Number(answer.value) } : { ok: false, errno: answer.error };
}

/** The text is JSON that our own library wrote: of type T by contract. */
function parsed<T>(answer: Answer): FileResult<T> {
  return answer.ok ? { ok: true, value: JSON.parse(answer.value) } : { ok: false, errno: answer.error };
}
