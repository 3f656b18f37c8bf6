import { commandNames, commands } from "./commands.ts";
import type { Outside } from "./desk.ts";
import { lastWord, quoted } from "./words.ts";

/** What can stand from an index of a text up to the cursor. */
export type Completion = {
  from: number;
  /** What stands there, without quotes. */
  typed: string;
  candidates: string[];
  /** How a candidate is written; with `more`, how what several begin with is. */
  write(name: string, more: boolean): string;
};

/** What a text could go on with at the cursor: commands, what stands behind one, and files behind an '@'. */
export async function complete(
  text: string,
  cursor: number,
  outside: Outside,
  signal: AbortSignal,
): Promise<Completion> {
  const before = text.slice(0, cursor);
  const begun = /^\/(\S*)$/.exec(before)?.[1];
  if (begun !== undefined) {
    const names = (await commandNames(outside, signal)).map(({ name }) => name);
    return bare(cursor, begun, names);
  }
  const [, name, rest = ""] = /^\/(\S+)\s+([^]*)$/.exec(before) ?? [];
  const takes = commands.find((one) => one.name === name)?.takes;
  const word = lastWord(before);
  if (word.attached || takes === "files") {
    // What no text can hold cannot be written.
    const files = outside.files(word.typed).filter((file) => quoted(file) !== undefined);
    const write = (file: string, more: boolean) => {
      const open = quoted(file, word.quote) ?? file;
      if (more || file.endsWith("/")) return open;
      return `${open}${open === file ? "" : open.charAt(0)} `;
    };
    return { from: word.from, typed: word.typed, candidates: files, write };
  }
  if (takes === "model") return bare(cursor, rest, await outside.models(rest));
  return bare(cursor, rest, takes === "session" ? await outside.sessions() : []);
}

/** Names that are written as they are. */
function bare(cursor: number, typed: string, names: readonly string[]): Completion {
  const candidates = [...new Set(names.filter((name) => name.startsWith(typed)))];
  const write = (name: string, more: boolean) => (more || name.endsWith("/") ? name : `${name} `);
  return { from: cursor - typed.length, typed, candidates, write };
}

/** What all candidates begin with. */
export function common([first = "", ...others]: readonly string[]): string {
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length).toWellFormed();
}
