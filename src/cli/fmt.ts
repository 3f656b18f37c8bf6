import { statSync } from "node:fs";
import type { Diagnostic } from "../core/diagnostic.ts";
import { exitCode } from "../core/exit.ts";
import type { Result } from "../core/result.ts";
import { commentsOf, formatAgent, withoutHash } from "../file/format.ts";
import { unreadable } from "../file/source.ts";
import { cleanLine } from "../render/clean.ts";
import { diagnosticsText } from "../render/diagnostics.ts";
import { agentBytes, checkAgentBytes, checkRead, shownFile } from "./agent-file.ts";
import type { Handler } from "./command.ts";
import { writeNamed } from "./files.ts";
import type { Io } from "./io.ts";
import { usageError } from "./usage.ts";

/** Formats agent files where they are, stdin to stdout. A file with errors is left as it is, and so are all with --check. */
export const fmtCommand: Handler = async (args, io) => {
  const files = args.positionals;
  const check = args.has("--check");
  if (files.length > 1 && files.includes("-"))
    return usageError({ message: "'-' does not go with other files" }, io, { name: "fmt" });
  const wrong: Diagnostic[] = [];
  let unformatted = false;
  for (const file of files) {
    const read = await readAndFormat(file, io);
    if (!read.ok) {
      wrong.push(...read.error);
      continue;
    }
    const { source, formatted } = read.value;
    if (file === "-" && !check) await io.stdout.write(formatted);
    if (source === formatted) continue;
    unformatted = true;
    if (check) await io.stdout.write(`${cleanLine(shownFile(file))}: not formatted\n`);
    else if (file !== "-") {
      const written = writeNamed(file, formatted);
      if (written.ok) await io.stdout.write(`${cleanLine(file)}: formatted\n`);
      else wrong.push(unreadable(file, written.error.message));
    }
  }
  await io.stderr.write(diagnosticsText(wrong, { color: io.stderr.color }));
  if (wrong.length > 0) return exitCode("usage");
  return check && unformatted ? exitCode("unfit") : 0;
};

/** A file's text, and what it is to be. */
type Formatted = { source: string; formatted: string };

async function readAndFormat(file: string, io: Io): Promise<Result<Formatted, Diagnostic[]>> {
  if (file !== "-" && isOdd(file)) {
    return { ok: false, error: [unreadable(file, `Cannot format '${file}': it is not a regular file`)] };
  }
  const read = await agentBytes(file, io);
  const before = checkRead(file, read, io.cwd);
  if (!read.ok || !before.ok) return { ok: false, error: before.ok ? [] : before.diagnostics };
  // With its byte order mark, so that a file without it is a change.
  const source = new TextDecoder("utf-8", { ignoreBOM: true }).decode(read.value);
  const text = source.replace(/^\uFEFF/, "");
  const formatted = formatAgent(text);
  const after = checkAgentBytes(file, new TextEncoder().encode(formatted), io.cwd);
  const same = after.ok && Bun.deepEquals(withoutHash(after.value), withoutHash(before.value), true);
  if (!same || !Bun.deepEquals(commentsOf(text), commentsOf(formatted))) {
    throw new Error(`Formatting '${file}' would change what it says; it was left as it is`);
  }
  return { ok: true, value: { source, formatted } };
}

/** What is there and cannot be written anew. */
function isOdd(file: string): boolean {
  try {
    const stat = statSync(file);
    return !stat.isFile() && !stat.isDirectory();
  } catch {
    return false; // Reading it tells why.
  }
}
