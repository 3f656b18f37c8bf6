import { commandNames, commands } from "./commands.ts";
import type { Outside } from "./desk.ts";

/** What can stand from an index of a text up to the cursor. */
export type Completion = { from: number; candidates: string[] };

/** What a text could go on with at the cursor: commands, what stands behind one, and files behind an '@'. */
export async function complete(
  text: string,
  cursor: number,
  outside: Outside,
  signal: AbortSignal,
): Promise<Completion> {
  const before = text.slice(0, cursor);
  const begun = /^\/(\S*)$/.exec(before);
  if (begun !== null) {
    const names = (await commandNames(outside, signal)).map(({ name }) => name);
    return { from: 1, candidates: matching(names, begun[1] ?? "") };
  }
  const [word = ""] = /\S*$/.exec(before.slice(-4096)) ?? [];
  const from = cursor - word.length;
  if (word.startsWith("@")) return { from: from + 1, candidates: outside.files(word.slice(1)) };
  const name = /^\/(\S+)\s/.exec(before)?.[1];
  const found = await commands.find((one) => one.name === name)?.complete?.(word, outside);
  return { from, candidates: matching(found ?? [], word) };
}

function matching(names: readonly string[], typed: string): string[] {
  return [...new Set(names.filter((name) => name.startsWith(typed)))];
}

/** What all candidates begin with. */
export function common([first = "", ...others]: readonly string[]): string {
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length).toWellFormed();
}
