import type { Key } from "./keys.ts";
import { before } from "./places.ts";

/** A text, and an index into it. */
export type State = { text: string; cursor: number };

/** What was entered before, and which of it is shown while somebody goes through it. */
export class History {
  /** The newest last. */
  readonly entries: string[];
  /** The number of entries: none is shown. */
  #at: number;
  /** What was typed in place of entries. */
  readonly #drafts = new Map<number, string>();

  constructor(entries: readonly string[]) {
    this.entries = [...entries];
    this.#at = this.entries.length;
  }

  /** Puts an entry at the end, unless it stands there. */
  add(entry: string): void {
    if (entry.trim() !== "" && this.entries.at(-1) !== entry) this.entries.push(entry);
    this.leave();
  }

  /** None is shown any more. */
  leave(): void {
    this.show(this.entries.length);
    this.#drafts.clear();
  }

  show(at: number): void {
    this.#at = at;
  }

  /** What is shown so many entries on; undefined where there is none. `typed` is kept in place of the one that is left. */
  go(steps: number, typed: string): string | undefined {
    const to = this.#at + steps;
    if (to < 0 || to > this.entries.length) return undefined;
    this.#drafts.set(this.#at, typed);
    this.#at = to;
    return this.#drafts.get(to) ?? this.entries[to] ?? "";
  }
}

/** What a key of a search has come to: what is shown, and whether the search is over. */
export type Sought = State & { over: boolean };

/** Looks for entries that have a text in them. */
export class Search {
  query = "";
  failed = false;
  /** Which entry is shown. */
  at: number;
  readonly #entries: readonly string[];
  readonly #before: State;

  /** `before`: what is shown again where the search is given up. */
  constructor(entries: readonly string[], before: State) {
    this.#entries = entries;
    this.#before = before;
    this.at = entries.length;
  }

  /** Takes a key; undefined where it means something else, so that the search is over. */
  key(key: Key, shown: State): Sought | undefined {
    const newest = this.#entries.length - 1;
    if (key.kind !== "key") return this.#find(this.query + key.text.replaceAll("\n", " "), newest, -1, shown);
    switch (key.name) {
      case "ctrl-r":
        return this.#find(this.query, this.at - 1, -1, shown);
      case "ctrl-s":
        return this.#find(this.query, this.at + 1, 1, shown);
      case "backspace":
      case "ctrl-h":
        return this.#find(this.query.slice(0, before(this.query, this.query.length)), newest, -1, shown);
      case "ctrl-g":
      case "ctrl-c":
      case "escape":
        return { ...this.#before, over: true };
      default:
        return undefined;
    }
  }

  #find(query: string, from: number, step: 1 | -1, shown: State): Sought {
    const same = query === this.query;
    this.query = query;
    this.failed = false;
    if (query === "") return { ...this.#before, over: false };
    for (let at = from; at >= 0 && at < this.#entries.length; at += step) {
      const entry = this.#entries[at] ?? "";
      const found = entry.indexOf(query);
      // The same text once more is no further find.
      if (found < 0 || (same && entry === shown.text)) continue;
      this.at = at;
      return { text: entry, cursor: found, over: false };
    }
    this.failed = true;
    return { ...shown, over: false };
  }
}
