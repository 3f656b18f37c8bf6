import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { readdir, statfs } from "node:fs/promises";
import { fail, ok, type Result } from "../core/result.ts";
import { errorCode, errorText } from "./machine.ts";

/** A file that is open for reading. `read` gives fewer bytes only at the file's end. */
export type OpenFile = { size: number; read(offset: number, length: number): Uint8Array };

/** The names in a folder in byte order; none where there is no such folder. */
export async function folderNames(folder: string): Promise<Result<string[]>> {
  try {
    return ok((await readdir(folder)).toSorted());
  } catch (error) {
    const code = errorCode(error);
    return code === "ENOENT" ? ok([]) : fail("failed", `Cannot read '${folder}': ${errorText(code)}`);
  }
}

/** Lends a regular file to `use`. A FIFO or a device is refused, and never waited for. */
export async function withFile<T>(path: string, use: (file: OpenFile) => Promise<T> | T): Promise<Result<T>> {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = errorCode(error);
    return fail(code === "ENOENT" ? "not_found" : "failed", `Cannot read '${path}': ${errorText(code)}`);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return fail("not_a_file", `Cannot read '${path}': it is not a regular file`);
    return ok(await use({ size: stat.size, read: (offset, length) => readAt(fd, offset, length) }));
  } catch (error) {
    const code = errorCode(error);
    if (code === "") throw error;
    return fail("failed", `Cannot read '${path}': ${errorText(code)}`);
  } finally {
    closeSync(fd);
  }
}

function readAt(fd: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const read = readSync(fd, bytes, filled, length - filled, offset + filled);
    if (read === 0) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}

/** Reads so much at a time where a whole file is read, and lets others have their turn in between. */
const stretch = 4 * 1024 * 1024;

/** Puts the first `length` bytes of a file into a hash. */
export async function hashInto(
  hash: Bun.CryptoHasher,
  file: OpenFile,
  length: number,
  signal: AbortSignal,
): Promise<void> {
  for (let offset = 0; offset < length; offset += stretch) {
    signal.throwIfAborted();
    hash.update(file.read(offset, Math.min(stretch, length - offset)));
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Takes the lock that a file stands for: what gives it back, or undefined where another process has it. */
export type Lock = (path: string) => (() => void) | undefined;

/** Takes a lock whose file goes when it is given back. */
export function passingLock(path: string, lock: Lock): (() => void) | undefined {
  for (;;) {
    closeSync(openSync(path, "a", 0o600));
    const before = statSync(path, { throwIfNoEntry: false })?.ino;
    const release = lock(path);
    if (release === undefined) return undefined;
    // Else it is that of a file which its holder has removed, and which nobody else will find.
    if (before !== undefined && before === statSync(path, { throwIfNoEntry: false })?.ino) {
      return () => {
        removeFile(path);
        release();
      };
    }
    release();
  }
}

/** Removes a file. Whether it was there. */
export function removeFile(path: string): Result<boolean> {
  try {
    unlinkSync(path);
    return ok(true);
  } catch (error) {
    const code = errorCode(error);
    return code === "ENOENT" ? ok(false) : fail("failed", `Cannot remove '${path}': ${errorText(code)}`);
  }
}

/** What was noted beside a file, by us; anything, where somebody else changed it, and undefined where there is nothing. */
export function readNote(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined; // It is missing, or was cut: then nothing is known.
  }
}

/** A note helps and is never needed: where it cannot be written, there is none. */
export function writeNote(path: string, note: object): void {
  try {
    writeFileSync(path, `${JSON.stringify(note)}\n`);
  } catch {
    return;
  }
}

/** Bytes that may still be written to the file system of a folder. */
export async function freeSpace(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
