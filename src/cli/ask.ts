import { closeSync, openSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { ReadStream, WriteStream } from "node:tty";
import type { Answer, Ask } from "../core/permission.ts";
import { clean } from "../render/clean.ts";

const verbs = { read: "read", write: "write", net: "connect to", run: "run", env: "use the variable" } as const;

/** Puts permission questions to the person at the terminal, through /dev/tty since stdin may be the agent's input. */
export function askOnTerminal(agent: string, around: { before(): Promise<void>; after(): void }): Ask {
  // One stream for all questions: a second one would share the keys typed with the first, which still reads.
  let terminal: { input: ReadStream; output: WriteStream } | undefined;
  return async (request, signal) => {
    await around.before();
    terminal ??= openTerminal();
    const lines = createInterface(terminal);
    // While it reads a line the terminal is raw: Ctrl-C is a key, and no signal.
    lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    try {
      const what = `${verbs[request.kind]} '${clean(request.target)}'`;
      const reply = await lines.question(
        `'${clean(agent)}' wants to ${what}. Allow [o]nce, for this [s]ession, or [N]o? `,
        { signal },
      );
      return answer(reply);
    } catch (error) {
      // Ctrl-D, or the run was interrupted.
      if (!(error instanceof Error) || error.name !== "AbortError") throw error;
      terminal.output.write("\n");
      return "no";
    } finally {
      lines.close();
      around.after();
    }
  };
}

function openTerminal() {
  const descriptor = openSync("/dev/tty", "r+");
  return { input: new ReadStream(descriptor), output: new WriteStream(descriptor) };
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
