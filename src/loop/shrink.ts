import type { Places } from "../core/event.ts";
import type { Message } from "../core/message.ts";
import { cutEntry, type Entry } from "./conversation.ts";

/** What the messages of a request may come to: in tokens, and how many there may be. */
export type Bounds = {
  /** What must be reached. */
  limit: number;
  /** What is aimed at, so that it is long until the next time. */
  target: number;
  messages: number;
  targetMessages: number;
};

export type ShrinkOptions = {
  /** Places of prompts that never go. */
  pinned: ReadonlySet<number>;
  keepTurns: number;
  bounds: Bounds;
  /** Tokens that the note on removed messages may take. */
  note: number;
  tokens(message: Message): Promise<number>;
};

/** What is to go, and the tokens of the messages that stay. */
export type Shrunk = { cut: Array<Places & { keep: number }>; removed: Entry[]; tokens: number };

/** So many characters stay of an old result, and of a new one where nothing else helps. */
const keptOfOld = 2000;
const keptOfNew = [20_000, 8000, keptOfOld, 500, 100];

type Item = { entry: Entry; now: Message; tokens: number; keep?: number; gone: boolean };
/** Messages that stay or go together: an answer with the results of its calls, or a prompt of an earlier run. */
type Group = { items: Item[]; answer: boolean };

/**
 * Chooses what goes, the cheapest first: results of old turns are cut, then old turns removed; where the newest turns alone are nearly too
 * much, the same with them, but for the last one, whose results are only cut. Undefined: nothing makes it fit.
 */
export async function shrink(entries: readonly Entry[], options: ShrinkOptions): Promise<Shrunk | undefined> {
  const { bounds, pinned, keepTurns, note } = options;
  const items: Item[] = [];
  for (const entry of entries) {
    items.push({ entry, now: entry.message, tokens: await options.tokens(entry.message), gone: false });
  }
  let total = items.reduce((sum, { tokens }) => sum + tokens, 0);
  let count = items.length;

  const cutGroup = async ({ items: own }: Group, keep: number) => {
    for (const item of own) {
      item.now = cutEntry(item.entry, keep).message;
      item.keep = keep;
      const tokens = await options.tokens(item.now);
      total += tokens - item.tokens;
      item.tokens = tokens;
    }
  };
  const removeGroup = ({ items: own }: Group) => {
    for (const item of own) {
      item.gone = true;
      total -= item.tokens;
      count--;
    }
  };

  const groups = groupsOf(items, pinned);
  const answers = groups.filter(({ answer }) => answer);
  const firstKept = answers.at(-keepTurns) ?? answers[0];
  const lastPinned = items.findLastIndex(({ entry }) => pinned.has(entry.place));
  const ongoing = answers.at(-1);
  const last = ongoing !== undefined && items.indexOf(ongoing.items[0] ?? never()) > lastPinned ? ongoing : undefined;
  const old = firstKept === undefined ? [] : groups.slice(0, groups.indexOf(firstKept));
  const fresh = groups.slice(old.length, last === undefined ? undefined : groups.indexOf(last));

  const tooLong = total > bounds.limit;
  if (tooLong) for (const group of old) if (total > bounds.target) await cutGroup(group, keptOfOld);
  const [most, aim] = [bounds.messages, count > bounds.messages ? bounds.targetMessages : bounds.messages];
  let room = items.some(({ gone }) => gone) ? note : 0;
  for (const group of old) {
    if ((!tooLong || total + room <= bounds.target) && count <= aim) break;
    removeGroup(group);
    room = note;
  }

  // Newest turns that leave room for hardly another one would be cut down each turn anew.
  const stillTooLong = tooLong && total + room > (bounds.limit + bounds.target) / 2;
  if (stillTooLong) for (const group of fresh) if (total + room > bounds.target) await cutGroup(group, keptOfOld);
  for (const group of fresh) {
    if ((!stillTooLong || total + room <= bounds.target) && count <= most) break;
    removeGroup(group);
    room = note;
  }
  if (last !== undefined) for (const keep of keptOfNew) if (total + room > bounds.limit) await cutGroup(last, keep);
  if (total + room > bounds.limit) return undefined;
  return { cut: cuts(items), removed: items.filter(({ gone }) => gone).map(({ entry }) => entry), tokens: total };
}

function never(): never {
  throw new Error("A group of no messages");
}

function groupsOf(items: Item[], pinned: ReadonlySet<number>): Group[] {
  const groups: Group[] = [];
  for (const item of items) {
    const { message, place } = item.entry;
    if (pinned.has(place)) continue;
    const before = groups.at(-1);
    if (message.role === "tool" && before !== undefined) before.items.push(item);
    else groups.push({ items: [item], answer: message.role === "assistant" });
  }
  return groups;
}

/** What of the messages that stay is cut, as ranges of neighbours. */
function cuts(items: Item[]): Shrunk["cut"] {
  const ranges: Shrunk["cut"] = [];
  let neighbour = false;
  for (const { entry, keep, now, gone } of items) {
    if (gone) continue;
    if (keep === undefined || now === entry.message) {
      // An answer between two results is no break; a prompt is.
      if (entry.message.role === "user" || keep === undefined) neighbour = false;
      continue;
    }
    const last = ranges.at(-1);
    if (neighbour && last?.keep === keep) last.to = entry.place;
    else ranges.push({ from: entry.place, to: entry.place, keep });
    neighbour = true;
  }
  return ranges;
}

/** Places in ranges of neighbours. */
export function ranges(places: readonly number[]): Places[] {
  const found: Places[] = [];
  for (const place of places) {
    const last = found.at(-1);
    if (last !== undefined && last.to === place - 1) last.to = place;
    else found.push({ from: place, to: place });
  }
  return found;
}
