import { attachedFile, type AttachedFile } from "../app/attach.ts";
import type { Result } from "../core/result.ts";
import { fileLimit, readBeside, readNamed } from "./files.ts";
import type { Arguments, UsageProblem } from "./flags.ts";

/** What `-f` names, in its order: files, which are read by now, and stdin, which is not. */
export type Attached = ReadonlyArray<AttachedFile | "stdin">;

/** Reads the files of `-f`. One that is missing, or that no model can be shown, is a mistake of the user's. */
export async function readAttached(args: Arguments): Promise<Result<Attached, UsageProblem>> {
  const attached: Array<AttachedFile | "stdin"> = [];
  for (const path of args.all("--attach")) {
    if (path === true) continue;
    if (path === "-") {
      if (attached.includes("stdin")) return { ok: false, error: { message: "'--attach -' was given twice" } };
      attached.push("stdin");
      continue;
    }
    const read = readNamed(path, fileLimit);
    if (!read.ok) return read;
    const file = await attach(path, read.value);
    if (!file.ok) return file;
    attached.push(file.value);
  }
  return { ok: true, value: attached };
}

/** Puts what came on stdin in its place. */
export async function withStdin(attached: Attached, bytes: Uint8Array): Promise<Result<AttachedFile[], UsageProblem>> {
  const files: AttachedFile[] = [];
  for (const one of attached) {
    const file = one === "stdin" ? await attach("stdin", bytes) : { ok: true as const, value: one };
    if (!file.ok) return file;
    files.push(file.value);
  }
  return { ok: true, value: files };
}

/** A file that a person links while they talk. Nobody waits for the writer of a FIFO. */
export async function attachPath(path: string): Promise<Result<AttachedFile, string>> {
  const read = readBeside(path, fileLimit);
  return read.ok ? attachBytes(path, read.value) : { ok: false, error: read.error.message };
}

/** What a person shows without a file. */
export async function attachBytes(name: string, bytes: Uint8Array): Promise<Result<AttachedFile, string>> {
  const file = await attach(name, bytes);
  return file.ok ? file : { ok: false, error: file.error.message };
}

async function attach(name: string, bytes: Uint8Array): Promise<Result<AttachedFile, UsageProblem>> {
  const file = await attachedFile(name, bytes);
  return file.ok ? file : { ok: false, error: { message: `Cannot attach '${name}': it is ${file.error}` } };
}
