import { basename, dirname, resolve } from "node:path";
import { known } from "../app/known.ts";
import type { Plan } from "../core/plan.ts";
import type { Result } from "../core/result.ts";
import type { Script } from "../core/script.ts";
import { checkAgent } from "../file/check.ts";
import type { Checked } from "../file/read.ts";
import { checkScript } from "../file/script.ts";
import { maxFileBytes, unreadable } from "../file/source.ts";
import { diagnosticsText } from "../render/diagnostics.ts";
import { readNamed } from "./files.ts";

/** Reads and checks an agent file. What cannot be read is a diagnostic as well, so that one report holds all files. */
export function readAgent(file: string, cwd: string): Checked<Plan> {
  const read = readNamed(file, maxFileBytes);
  if (!read.ok)
    return { ok: false, diagnostics: [unreadable(file, read.error.message, "unreadable", read.error.hint)] };
  return checkAgentBytes(file, read.value, cwd);
}

/** An agent file's content. One that came on stdin, as `-`, has paths that are relative to the working folder. */
export function checkAgentBytes(file: string, bytes: Uint8Array, cwd: string): Checked<Plan> {
  return checkAgent({ file, folder: dirname(resolve(cwd, file)), bytes }, known);
}

/** Reads a scripted model's file. What is wrong in it is one message that holds all of it. */
export async function readScript(path: string): Promise<Result<Script>> {
  const read = readNamed(path, maxFileBytes);
  if (!read.ok) return { ok: false, error: { code: "failed", message: read.error.message } };
  const checked = checkScript({ file: path, folder: dirname(path), bytes: read.value });
  if (checked.ok) return { ok: true, value: checked.value };
  const report = diagnosticsText(checked.diagnostics, { color: false }).trimEnd();
  return { ok: false, error: { code: "invalid", message: `The script '${basename(path)}' has errors\n${report}` } };
}

/** Reads a small text file that the user or the agent file names. */
export function readText(path: string): Result<string> {
  const read = readNamed(path, maxFileBytes);
  return read.ok
    ? { ok: true, value: new TextDecoder().decode(read.value) }
    : { ok: false, error: { code: "failed", message: read.error.message } };
}
