import { closeSync, constants, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import type { Answer, Ask } from "../core/permission.ts";
import { cleanLine } from "../render/clean.ts";

const verbs = { read: "read", write: "write", net: "connect to", run: "run", env: "use the variable" } as const;

/** Puts permission questions to the person at the terminal, through /dev/tty since stdin may be the agent's input. */
export function askOnTerminal(agent: string, around: { before(): Promise<void>; after(): Promise<void> }): Ask {
  return async (request, signal) => {
    await around.before();
    const what = `${verbs[request.kind]} '${cleanLine(request.target)}'`;
    const reply = await typed(
      `'${cleanLine(agent)}' wants to ${what}. Allow [o]nce, for this [s]ession, or [N]o? `,
      signal,
    );
    await around.after();
    return answer(reply);
  };
}

/** Longer than any line that a terminal hands over at once. */
const lineBytes = 8192;

/**
 * The line that is typed after a question; nothing for Ctrl-D, an interruption, or a terminal that went away. The terminal stays
 * as it is: it echoes and edits the line itself, and Ctrl-C is a signal. So there is nothing to put right however rein ends.
 */
async function typed(question: string, signal: AbortSignal): Promise<string> {
  const line = new Uint8Array(lineBytes);
  const { promise: interrupted, resolve: interrupt } = Promise.withResolvers<number>();
  const leave = () => interrupt(0);
  signal.addEventListener("abort", leave);
  try {
    discardTyped();
    const terminal = await open("/dev/tty", "r+");
    await terminal.write(question);
    const reading = terminal.read(line).then(
      ({ bytesRead }) => bytesRead,
      () => 0,
    );
    const length = await Promise.race([reading, interrupted]);
    if (length === 0) await terminal.write("\n");
    // After an interruption the read still waits, and has the descriptor until the process ends.
    if (!signal.aborted) await terminal.close();
    return new TextDecoder().decode(line.subarray(0, length));
  } catch {
    return ""; // It was the last question: the terminal is gone.
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** Lines that were typed before the question was there are no answer to it. */
function discardTyped(): void {
  const terminal = openSync("/dev/tty", constants.O_RDONLY | constants.O_NONBLOCK);
  const line = new Uint8Array(lineBytes);
  try {
    while (readSync(terminal, line) > 0);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
  } finally {
    closeSync(terminal);
  }
}

/** Anything that is not clearly a yes is a no. */
function answer(reply: string): Answer {
  switch (reply.trim().toLowerCase()) {
    case "o":
    case "once":
    case "y":
    case "yes":
      return "once";
    case "s":
    case "session":
      return "session";
    default:
      return "no";
  }
}

/** Whether there is a terminal to ask on. */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r+"));
    return true;
  } catch {
    return false;
  }
}
