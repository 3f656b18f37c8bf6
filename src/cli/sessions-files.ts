import { changeStore, clock, readStore } from "../app.ts";
import { exportSession, importSession, resolveName } from "../app/sessions.ts";
import { badSessionName } from "../core/session-name.ts";
import { readSessionFile } from "../file/session-file.ts";
import { clean, cleanLine } from "../render/clean.ts";
import { sessionHtml, sessionJsonl, sessionMarkdown } from "../render/session-export.ts";
import type { Handler } from "./command.ts";
import { readNamed, writeNamed } from "./files.ts";
import { refused } from "./sessions.ts";
import { usageError } from "./usage.ts";

/** A larger text could not be held. */
const mostBytes = 500_000_000;

const formats = { jsonl: sessionJsonl, markdown: sessionMarkdown, html: sessionHtml } as const;

export const exportCommand: Handler = async (args, io) => {
  const found = await readStore(io.env, async (store) => {
    const meant = await resolveName(store, args.positionals[0] ?? "");
    return meant.ok ? exportSession(store, meant.value) : meant;
  });
  if (!found.ok) return refused(found.error, io);
  const format = args.one("--format");
  const render = format === "markdown" || format === "html" ? formats[format] : formats.jsonl;
  const text = render(found.value);
  const file = args.one("--output-file");
  if (file === undefined) {
    await io.stdout.write(io.stdout.terminal ? clean(text) : text);
    return 0;
  }
  const written = writeNamed(file, text);
  return written.ok ? 0 : refused(written.error, io);
};

export const importCommand: Handler = async (args, io) => {
  const command = { name: "sessions import" };
  const [file = "", to] = args.positionals;
  const bad = to === undefined ? undefined : badSessionName(to);
  if (bad !== undefined) return usageError({ message: bad }, io, command);
  const bytes = readNamed(file, mostBytes);
  if (!bytes.ok) return refused(bytes.error, io);
  const read = readSessionFile(bytes.value);
  if (!read.ok) {
    const { line, message } = read.error;
    return refused({ message: `Cannot import '${file}': line ${line}: ${message}` }, io);
  }
  const added = await changeStore(io.env, (store) => importSession(store, read.value, { to, id: clock.id }));
  if (!added.ok) {
    const { code, message } = added.error;
    const hint =
      (code === "exists" || code === "unsupported") && to === undefined
        ? { hint: "a NAME behind the file imports it under that" }
        : {};
    return refused({ message: `Cannot import '${file}': ${message}`, ...hint }, io);
  }
  await io.stdout.write(`${cleanLine(added.value)}\n`);
  return 0;
};
