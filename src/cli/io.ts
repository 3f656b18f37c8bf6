import { fstatSync, statSync } from "node:fs";
import type { Output, Streams } from "./output.ts";

/** What a command works with: the process's streams and what surrounds it. */
export type Io = {
  env: Record<string, string | undefined>;
  cwd: string;
  stdout: TerminalOutput;
  stderr: TerminalOutput;
  stdinIsTerminal: boolean;
  /** Whether questions can be put to a person: stderr is a terminal and CI is not set. */
  canAsk: boolean;
};

export type TerminalOutput = Output & {
  terminal: boolean;
  /** Whether colours may be used: a terminal, and NO_COLOR is not set. */
  color: boolean;
};

/** Looks at what the streams are connected to. */
export async function openIo(env: Record<string, string | undefined>, streams: Streams): Promise<Io> {
  const painted = !env["NO_COLOR"] && !isDumb(env);
  const look = async (stream: Output, descriptor: number): Promise<TerminalOutput> => {
    const terminal = await isTerminal(descriptor);
    return { ...stream, terminal, color: terminal && painted };
  };
  const stderr = await look(streams.stderr, 2);
  return {
    env,
    cwd: process.cwd(),
    stdout: await look(streams.stdout, 1),
    stderr,
    stdinIsTerminal: await isTerminal(0),
    canAsk: stderr.terminal && !env["CI"],
  };
}

/** Whether a terminal may know nothing but lines: it says so, or nothing at all. */
export function isDumb(env: Io["env"]): boolean {
  return !env["TERM"] || env["TERM"] === "dumb";
}

/** Only a character device can be a terminal, and /dev/null is none: node:tty costs 4 ms of CPU where it need not be asked. */
async function isTerminal(descriptor: number): Promise<boolean> {
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isCharacterDevice() || stat.rdev === statSync("/dev/null").rdev) return false;
  } catch {
    return false; // It is closed.
  }
  const { isatty } = await import("node:tty");
  return isatty(descriptor);
}
