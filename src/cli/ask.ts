import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import type { AccessRequest, Answer, Ask } from "../core/permission.ts";
import { cleanLine } from "../render/clean.ts";

const verbs = { read: "read", write: "write", net: "connect to", run: "run", env: "use the variable" } as const;

/** What makes room on the terminal for a question. */
export type Around = { before(): Promise<void>; after(): Promise<void> };

/** Puts permission questions to the person at the terminal, through /dev/tty since stdin may be the agent's input. */
export function askOnTerminal(agent: string, around: Around): Ask {
  return async (request, signal) => {
    await around.before();
    const reply = await typed(`${permissionQuestion(agent, request)} `, signal);
    await around.after();
    return answerOf(reply);
  };
}

/** What is asked before something that was not granted. */
export function permissionQuestion(agent: string, request: AccessRequest): string {
  return `${permissionWish(agent, request)}. Allow [o]nce, for this [s]ession, or [N]o?`;
}

/** What an agent wants that was not granted. */
export function permissionWish(agent: string, { kind, target }: AccessRequest): string {
  return `'${cleanLine(agent)}' wants to ${verbs[kind]} '${cleanLine(target)}'`;
}

/** Puts a yes-or-no question to the person at the terminal. */
export async function confirmOnTerminal(question: string, signal: AbortSignal): Promise<boolean> {
  return answerOf(await typed(`${cleanLine(question)} [y/N] `, signal)) === "once";
}

/** Reads lines that the person at the terminal types; undefined for Ctrl-D, and where the terminal is gone. */
export function lineOnTerminal(around: Around): (question: string, signal: AbortSignal) => Promise<string | undefined> {
  return async (question, signal) => {
    await around.before();
    const reply = await typed(`${cleanLine(question)} `, signal);
    await around.after();
    return reply === "" ? undefined : reply.replace(/\r?\n$/, "");
  };
}

/** Longer than any line that a terminal hands over at once. */
const lineBytes = 8192;

/**
 * The line that is typed after a question; nothing for Ctrl-D, or a terminal that went away. The terminal stays as it is: it
 * echoes and edits the line itself, and Ctrl-C is a signal. So there is nothing to put right however rein ends.
 */
async function typed(question: string, signal: AbortSignal): Promise<string> {
  const mine = lastQuestion.then(() => (signal.aborted ? "" : typedNow(question, signal)));
  lastQuestion = mine;
  return mine;
}

/** There is one terminal: whoever asks waits until the question before is answered. */
let lastQuestion: Promise<unknown> = Promise.resolve();

async function typedNow(question: string, signal: AbortSignal): Promise<string> {
  try {
    discardTyped();
    const terminal = await open("/dev/tty", "r+");
    const endLine = () => void writeSync(terminal.fd, "\n");
    // A run that is interrupted waits for no answer: what it says next needs a line of its own at once.
    signal.addEventListener("abort", endLine, { once: true });
    await terminal.write(question);
    const line = new Uint8Array(lineBytes);
    const { bytesRead } = await terminal.read(line);
    signal.removeEventListener("abort", endLine);
    if (bytesRead === 0) endLine();
    await terminal.close();
    return new TextDecoder().decode(line.subarray(0, bytesRead));
  } catch {
    return ""; // It was the last question: the terminal is gone.
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

/** What a line says to a permission question. Anything that is not clearly a yes is a no. */
export function answerOf(reply: string): Answer {
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
