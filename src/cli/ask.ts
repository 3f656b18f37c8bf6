import { closeSync, openSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { ReadStream, WriteStream } from "node:tty";
import type { Answer, Ask } from "../core/permission.ts";
import { clean } from "../render/clean.ts";

const verbs = { read: "read", write: "write", net: "connect to", run: "run", env: "use the variable" } as const;

/** Puts permission questions to the person at the terminal, through /dev/tty since stdin may be the agent's input. */
export function askOnTerminal(agent: string, around: { before(): Promise<void>; after(): void }): Ask {
  return async (request, signal) => {
    await around.before();
    const descriptor = openSync("/dev/tty", "r+");
    const input = new ReadStream(descriptor);
    const lines = createInterface({ input, output: new WriteStream(descriptor) });
    try {
      const what = `${verbs[request.kind]} '${clean(request.target)}'`;
      const reply = await lines.question(
        `'${clean(agent)}' wants to ${what}. Allow [o]nce, for this [s]ession, or [N]o? `,
        { signal },
      );
      return answer(reply);
    } catch (error) {
      if (signal.aborted) return "no";
      throw error;
    } finally {
      lines.close();
      input.destroy();
      around.after();
    }
  };
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
