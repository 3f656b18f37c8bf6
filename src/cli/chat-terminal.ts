import { mkdtempSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { clock } from "../app.ts";
import { runOnTerminal } from "../app/terminal.ts";
import type { LineTerminal } from "../chat/lines.ts";
import type { Terminal } from "../chat/surface.ts";
import { readBeside } from "./files.ts";
import type { Io } from "./io.ts";

/** What the terminal says of itself in variables: those cut rows that are too wide, where others break them. */
function reflows(env: Io["env"]): boolean {
  // tmux breaks them, and calls itself 'screen' where it is set up so.
  return Boolean(env["TMUX"]) || (!env["XTERM_VERSION"] && !/^(?:linux|rxvt|screen)/.test(env["TERM"] ?? ""));
}

/** Shows the cursor, and takes pastes as keys again. */
const asItWas = "\u001b[?25h\u001b[?2004l";

/** The terminal on stdin and stdout, key by key. */
export function rawTerminal(io: Io): Terminal {
  return {
    write: (text) => io.stdout.write(text),
    columns: () => process.stdout.columns || 80,
    rows: () => process.stdout.rows || 24,
    reflows: reflows(io.env),
    hold(typed, resized, ended) {
      const gone = () => ended("hangup");
      // Of somebody else's: that of Ctrl-C is a key.
      const interrupted = () => ended("interrupt");
      const release = () => {
        process.stdin.off("data", typed);
        process.stdin.off("end", gone);
        process.stdin.off("error", gone);
        process.stdout.off("resize", resized);
        process.off("SIGINT", interrupted);
        process.off("exit", restoreAll);
        process.stdin.setRawMode(false);
        process.stdin.pause();
      };
      // However the process ends, the shell behind it gets its lines back, and its cursor.
      const restoreAll = () => {
        process.stdin.setRawMode(false);
        writeSync(1, asItWas);
      };
      process.on("exit", restoreAll);
      process.stdin.setRawMode(true);
      process.stdin.on("data", typed);
      process.stdin.on("end", gone);
      process.stdin.on("error", gone);
      process.stdout.on("resize", resized);
      process.on("SIGINT", interrupted);
      process.stdin.resume();
      return release;
    },
    async suspend() {
      const goesOn = new Promise<void>((resolve) => process.once("SIGCONT", () => resolve()));
      process.kill(process.pid, "SIGTSTP");
      await goesOn;
    },
    edit: (text, signal) => edit(text, io.env, signal),
  };
}

/** The same, for one that knows nothing but lines. */
export function lineTerminal(io: Io): LineTerminal {
  return {
    write: (text) => io.stdout.write(text),
    columns: () => process.stdout.columns || 80,
    listen(typed, interrupted) {
      const utf8 = new TextDecoder();
      let held = "";
      const data = (bytes: Uint8Array) => {
        const lines = (held + utf8.decode(bytes, { stream: true })).split("\n");
        held = lines.pop() ?? "";
        for (const line of lines) typed(line);
      };
      const end = () => typed(undefined);
      process.on("SIGINT", interrupted);
      process.stdin.on("data", data);
      process.stdin.on("end", end);
      process.stdin.resume();
      return () => {
        process.off("SIGINT", interrupted);
        process.stdin.off("data", data);
        process.stdin.off("end", end);
        process.stdin.pause();
      };
    },
  };
}

/** No text that is written in an editor is longer, in bytes. */
const longestText = 10_000_000;

/** So long after the editor a signal may be told of that was its own. */
const lateMs = 100;

/** A text in the person's own editor, in a file that nobody else can read. */
async function edit(text: string, env: Io["env"], signal: AbortSignal): ReturnType<Terminal["edit"]> {
  const editor = env["VISUAL"] || env["EDITOR"];
  if (!editor) return { ok: false, error: "Neither VISUAL nor EDITOR is set" };
  const folder = mkdtempSync(join(env["TMPDIR"] || "/tmp", "rein-"));
  const file = join(folder, "message.md");
  // As long as the editor has the terminal Ctrl-C is its own.
  const ignore = () => undefined;
  process.on("SIGINT", ignore);
  try {
    writeFileSync(file, text, { mode: 0o600 });
    // By the shell, as git does it: it is a command with words, not the name of a program. In its place, so that a signal reaches it.
    const ended = await runOnTerminal(["/bin/sh", "-c", `exec env ${editor} "$@"`, editor, file], env, signal);
    if (!ended.ok) return { ok: false, error: `Cannot run '${editor}': ${ended.error}` };
    if (ended.value !== 0) return { ok: false, error: `'${editor}' ended with exit code ${ended.value}` };
    const written = readBeside(file, longestText);
    if (!written.ok) return { ok: false, error: written.error.message };
    return { ok: true, value: new TextDecoder().decode(written.value) };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  } finally {
    // One that came with the editor's end is told of behind it.
    await clock.sleep(lateMs, signal);
    process.off("SIGINT", ignore);
    rmSync(folder, { recursive: true, force: true });
  }
}
