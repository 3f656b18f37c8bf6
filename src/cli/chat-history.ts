import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import type { Io } from "./io.ts";

const { O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** Entries of earlier chats: so many, of at most so many bytes. The file grows to twice of either before it is cut. */
const mostEntries = 1000;
const mostBytes = 1_000_000;

/** No entry that is longer is kept. */
const longestEntry = 100_000;

/** What was entered in earlier chats, the oldest first, and how to keep more. A file that cannot be had is none. */
export type ChatHistory = { entries: string[]; add(text: string): void };

/** Beside the journal: one JSON string a line, so that an entry of several lines is one. */
export function chatHistory({ env }: Pick<Io, "env">): ChatHistory {
  const state = env["XDG_STATE_HOME"]?.startsWith("/") ? env["XDG_STATE_HOME"] : undefined;
  const home = env["HOME"]?.startsWith("/") ? `${env["HOME"]}/.local/state` : undefined;
  const folder = state ?? home;
  if (folder === undefined) return { entries: [], add: () => undefined };
  const path = `${folder}/rein/chat-history`;
  const { entries, long } = read(path);
  if (long) quietly(() => writeFileSync(path, entries.map(asLine).join(""), { mode: 0o600 }));
  return {
    entries,
    add(text) {
      if (text.length > longestEntry) return;
      quietly(() => {
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
        append(path, asLine(text));
      });
    },
  };
}

/** What is no file takes nothing: who wants no history may have put a link to /dev/null there. */
function append(path: string, line: string): void {
  const file = openSync(path, O_APPEND | O_CREAT | O_WRONLY | O_NONBLOCK, 0o600);
  try {
    if (!fstatSync(file).isFile()) return;
    fchmodSync(file, 0o600);
    writeSync(file, line);
  } finally {
    closeSync(file);
  }
}

function asLine(text: string): string {
  return `${JSON.stringify(text)}\n`;
}

/** The newest entries; `long`: the file has many more. */
function read(path: string): { entries: string[]; long: boolean } {
  let file: number | undefined;
  try {
    // A FIFO is not waited for.
    file = openSync(path, O_RDONLY | O_NONBLOCK);
    const stat = fstatSync(file);
    if (!stat.isFile()) return { entries: [], long: false };
    const bytes = new Uint8Array(Math.min(stat.size, mostBytes));
    const length = readSync(file, bytes, 0, bytes.length, stat.size - bytes.length);
    const lines = new TextDecoder().decode(bytes.subarray(0, length)).split("\n").slice(0, -1);
    // The first may be the rest of one.
    const entries = (stat.size > mostBytes ? lines.slice(1) : lines).flatMap(entryOf);
    return { entries: entries.slice(-mostEntries), long: stat.size > 2 * mostBytes || lines.length > 2 * mostEntries };
  } catch {
    return { entries: [], long: false }; // There is none yet, or it is not ours.
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function entryOf(line: string): string[] {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === "string" ? [entry] : [];
  } catch {
    return []; // Two chats may have written into one line.
  }
}

/** To lose an entry ends no chat. */
function quietly(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
  }
}
