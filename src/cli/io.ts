import { isatty } from "node:tty";
import type { Writer } from "../core/render.ts";

/** What a command works with: the process's streams and what surrounds it, made in main and faked in tests. */
export type Io = {
  env: Record<string, string | undefined>;
  cwd: string;
  stdout: Output;
  stderr: Output;
  stdinIsTerminal: boolean;
  /** Whether questions can be put to a person: stderr is a terminal and CI is not set. */
  canAsk: boolean;
};

/** A stream of text to the outside. */
export type Output = Writer & {
  terminal: boolean;
  /** Whether colours may be used: a terminal, and NO_COLOR is not set. */
  color: boolean;
  /** Called once when the reader goes away. */
  onGone(listener: () => void): void;
  /** Waits until all was taken. */
  flush(): Promise<void>;
  /** Why text was lost, other than by a reader that went away. */
  failure(): string | undefined;
};

/** The process's own streams. A reader that goes away is noticed, and never raised as an error. */
export function processIo(env: Record<string, string | undefined>): Io {
  const stderr = output(process.stderr, env);
  return {
    env,
    cwd: process.cwd(),
    stdout: output(process.stdout, env),
    stderr,
    stdinIsTerminal: isatty(0),
    canAsk: stderr.terminal && !env["CI"],
  };
}

function output(stream: NodeJS.WriteStream, env: Record<string, string | undefined>): Output {
  let gone = false;
  const listeners: Array<() => void> = [];
  let failure: string | undefined;
  const leave = (error: Error) => {
    if (gone) return;
    gone = true;
    if (!("code" in error) || error.code !== "EPIPE") failure = error.message;
    for (const listener of listeners) listener();
  };
  // EPIPE and its like: without a listener Bun ends the process with a stack trace.
  stream.on("error", leave);
  const terminal = stream.isTTY;
  let last: Promise<unknown> = Promise.resolve();
  return {
    terminal,
    color: terminal && !env["NO_COLOR"] && env["TERM"] !== "dumb",
    onGone: (listener) => void listeners.push(listener),
    write(text) {
      if (gone) return Promise.resolve(false);
      const taken = new Promise<boolean>((resolve) => {
        stream.write(text, (error) => {
          if (error) leave(error);
          resolve(!error);
        });
      });
      last = taken;
      return taken;
    },
    async flush() {
      await last;
    },
    failure: () => failure,
  };
}
