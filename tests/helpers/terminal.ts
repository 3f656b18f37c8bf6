/** Runs a shell command that holds the built executable on a pseudo terminal of its own, and plays the person before it. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const dist = resolve(import.meta.dir, "../../dist");

/** The two bits of a terminal's local modes that tell whether it is left as it was: line by line, and with echo. */
const cooked = 0x2 | 0x8;

export type Screen = {
  /** All that was written to the terminal so far, `\r\n` as `\n`. */
  text(): string;
  /** Waits until text was written that was not there at the last wait; what came before it counts as seen. */
  until(text: string): Promise<void>;
  type(keys: string): void;
  resize(columns: number): void;
  signal(name: NodeJS.Signals): void;
  /** Waits for the end. `cooked` tells whether the terminal reads lines and echoes, as it did at the start. */
  end(): Promise<{ code: number; text: string; cooked: boolean }>;
} & AsyncDisposable;

/** A folder with the given files, which is the home too. `env` is added to a small environment with `TERM=xterm`. */
export function openScreen(
  command: string,
  files: Record<string, string>,
  {
    env = {},
    columns = 200,
    timeout = 20_000,
  }: { env?: Record<string, string>; columns?: number; timeout?: number } = {},
): Screen {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "rein-terminal-")));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const decoder = new TextDecoder();
  let written = "";
  let seen = 0;
  let news = Promise.withResolvers<void>();
  const child = Bun.spawn(["sh", "-c", command], {
    cwd: folder,
    env: { PATH: `${dist}:/usr/local/bin:/usr/bin:/bin`, HOME: folder, LANG: "C.UTF-8", TERM: "xterm", ...env },
    timeout,
    killSignal: "SIGKILL",
    terminal: {
      cols: columns,
      rows: 24,
      data(_terminal, data) {
        written += decoder.decode(data, { stream: true }).replaceAll("\r\n", "\n");
        news.resolve();
        news = Promise.withResolvers();
      },
    },
  });
  const terminal = child.terminal;
  if (terminal === undefined) throw new Error("There is no terminal");
  const ended = child.exited.then((code) => ({
    code,
    text: written,
    cooked: (terminal.localFlags & cooked) === cooked,
  }));
  return {
    text: () => written,
    async until(text) {
      for (let at = written.indexOf(text, seen); ; at = written.indexOf(text, seen)) {
        if (at >= 0) {
          seen = at + text.length;
          return;
        }
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`It ended without '${text}':\n${written}`);
        await Promise.race([news.promise, child.exited]);
      }
    },
    type: (keys) => void terminal.write(keys),
    resize: (to) => terminal.resize(to, 24),
    signal: (name) => child.kill(name),
    end: () => ended,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      terminal.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
