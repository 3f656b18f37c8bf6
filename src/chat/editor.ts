import type { Key } from "./keys.ts";
import { after, before, blankBefore, lineEnd, lineStart, wordAfter, wordBefore } from "./places.ts";

/** What a key asks of whoever holds the editor. `submit`: the text was entered; it is gone from the editor. */
export type Effect =
  | { type: "none" | "interrupt" | "end" | "complete" | "redraw" | "editor" | "suspend" | "open" | "escape" }
  | { type: "submit"; text: string };

/** What is looked for in the history, and whether there is none. */
export type Search = { query: string; failed: boolean };

type State = { text: string; cursor: number };

const none: Effect = { type: "none" };

/** So many changes can be taken back. */
const mostUndone = 200;

/**
 * A text that is being typed, with the keys of Emacs as shells have them. The cursor is an index into the text, between two characters
 * as people count them. It knows of no terminal.
 */
export class Editor {
  text = "";
  cursor = 0;
  search: Search | undefined;
  /** The newest last. */
  readonly #history: string[];
  /** Which of the history is shown; its length: none. */
  #at: number;
  /** What was typed in place of entries, until the text is entered. */
  #drafts = new Map<number, string>();
  #killed = "";
  #killing = false;
  #undo: State[] = [];
  #typing = false;
  #prefix = false;
  #searched: { at: number; before: State } | undefined;

  /** `multiline`: Alt-Enter and a backslash at the end begin a new line. */
  constructor(
    history: readonly string[] = [],
    readonly multiline = true,
  ) {
    this.#history = [...history];
    this.#at = this.#history.length;
  }

  /** Puts an entry at the end of the history, unless it stands there. */
  remember(entry: string): void {
    if (entry.trim() !== "" && this.#history.at(-1) !== entry) this.#history.push(entry);
    this.#at = this.#history.length;
    this.#drafts.clear();
  }

  /** Another text, with the cursor at its end. */
  set(text: string): void {
    this.#change(text, text.length);
  }

  insert(text: string): void {
    this.#change(this.text.slice(0, this.cursor) + text + this.text.slice(this.cursor), this.cursor + text.length);
  }

  /** Puts a text in the place of that between two indexes. */
  replace(from: number, to: number, text: string): void {
    this.#change(this.text.slice(0, from) + text + this.text.slice(to), from + text.length);
  }

  key(key: Key): Effect {
    if (this.search !== undefined) {
      const done = this.#searchKey(key);
      if (done !== undefined) return done;
    }
    if (key.kind === "key") {
      const killing = this.#killing;
      this.#killing = false;
      this.#typing = false;
      return this.#named(key.name, killing);
    }
    this.#killing = false;
    this.#prefix = false;
    const text = key.kind === "paste" && !this.multiline ? key.text.replaceAll("\n", " ") : key.text;
    // What is typed in one go is taken back in one go.
    const goesOn = this.#typing && key.kind === "text";
    this.#typing = key.kind === "text";
    if (goesOn)
      this.#put(this.text.slice(0, this.cursor) + text + this.text.slice(this.cursor), this.cursor + text.length);
    else this.insert(text);
    return none;
  }

  #named(name: string, killing: boolean): Effect {
    const { text, cursor } = this;
    if (this.#prefix) {
      this.#prefix = false;
      if (name === "ctrl-e") return { type: "editor" };
      return none;
    }
    switch (name) {
      case "enter":
        return this.#enter();
      case "alt-enter":
      case "shift-enter":
      case "ctrl-j":
        if (this.multiline) this.insert("\n");
        return none;
      case "left":
      case "ctrl-b":
        this.cursor = before(text, cursor);
        return none;
      case "right":
      case "ctrl-f":
        this.cursor = after(text, cursor);
        return none;
      case "ctrl-left":
      case "alt-left":
      case "alt-b":
        this.cursor = wordBefore(text, cursor);
        return none;
      case "ctrl-right":
      case "alt-right":
      case "alt-f":
        this.cursor = wordAfter(text, cursor);
        return none;
      case "home":
      case "ctrl-a":
        this.cursor = lineStart(text, cursor);
        return none;
      case "end":
      case "ctrl-e":
        this.cursor = lineEnd(text, cursor);
        return none;
      case "alt-<":
      case "ctrl-home":
        this.cursor = 0;
        return none;
      case "alt->":
      case "ctrl-end":
        this.cursor = text.length;
        return none;
      case "up":
      case "ctrl-p":
        this.#up();
        return none;
      case "down":
      case "ctrl-n":
        this.#down();
        return none;
      case "backspace":
      case "ctrl-h":
      case "shift-backspace":
        this.#remove(before(text, cursor), cursor);
        return none;
      case "delete":
        this.#remove(cursor, after(text, cursor));
        return none;
      case "ctrl-d":
        if (text === "") return { type: "end" };
        this.#remove(cursor, after(text, cursor));
        return none;
      case "ctrl-u":
        this.#kill(lineStart(text, cursor), cursor, killing);
        return none;
      case "ctrl-k":
        // At the end of a line it is the line end that goes.
        this.#kill(cursor, Math.max(lineEnd(text, cursor), text[cursor] === "\n" ? cursor + 1 : cursor), killing);
        return none;
      case "ctrl-w":
        this.#kill(blankBefore(text, cursor), cursor, killing);
        return none;
      case "alt-backspace":
      case "ctrl-alt-h":
        this.#kill(wordBefore(text, cursor), cursor, killing);
        return none;
      case "alt-d":
        this.#kill(cursor, wordAfter(text, cursor), killing);
        return none;
      case "ctrl-y":
        this.insert(this.#killed);
        return none;
      case "ctrl-t":
        this.#transpose();
        return none;
      case "ctrl-_":
        this.#takeBack();
        return none;
      case "ctrl-r":
        this.#searched = { at: this.#history.length, before: { text, cursor } };
        this.search = { query: "", failed: false };
        return none;
      case "ctrl-x":
        this.#prefix = true;
        return none;
      case "ctrl-c":
        return { type: "interrupt" };
      case "ctrl-l":
        return { type: "redraw" };
      case "ctrl-z":
        return { type: "suspend" };
      case "ctrl-o":
        return { type: "open" };
      case "tab":
        return { type: "complete" };
      case "escape":
        return { type: "escape" };
      default:
        return none;
    }
  }

  #enter(): Effect {
    const { text } = this;
    if (this.multiline && this.cursor === text.length && endsOpen(text)) {
      this.#change(`${text.slice(0, -1)}\n`, text.length);
      return none;
    }
    this.text = "";
    this.cursor = 0;
    this.#at = this.#history.length;
    this.#drafts.clear();
    this.#undo = [];
    return { type: "submit", text };
  }

  /** A line up; from the first one to the entry before. */
  #up(): void {
    const start = lineStart(this.text, this.cursor);
    if (start === 0) return this.#recall(this.#at - 1);
    const column = this.cursor - start;
    const above = lineStart(this.text, start - 1);
    this.cursor = Math.min(above + column, start - 1);
  }

  #down(): void {
    const end = lineEnd(this.text, this.cursor);
    if (end === this.text.length) return this.#recall(this.#at + 1);
    const column = this.cursor - lineStart(this.text, this.cursor);
    this.cursor = Math.min(end + 1 + column, lineEnd(this.text, end + 1));
  }

  #recall(to: number): void {
    if (to < 0 || to > this.#history.length) return;
    this.#drafts.set(this.#at, this.text);
    this.#at = to;
    const text = this.#drafts.get(to) ?? this.#history[to] ?? "";
    this.#put(text, text.length);
    this.#undo = [];
  }

  /** The effect, or undefined where the search is over and the key is the editor's. */
  #searchKey(key: Key): Effect | undefined {
    const search = this.search;
    const begun = this.#searched;
    if (search === undefined || begun === undefined) return undefined;
    if (key.kind !== "key") {
      this.#find(search.query + key.text.replaceAll("\n", " "), this.#history.length - 1, -1);
      return none;
    }
    switch (key.name) {
      case "ctrl-r":
        this.#find(search.query, begun.at - 1, -1);
        return none;
      case "ctrl-s":
        this.#find(search.query, begun.at + 1, 1);
        return none;
      case "backspace":
      case "ctrl-h":
        this.#find(search.query.slice(0, before(search.query, search.query.length)), this.#history.length - 1, -1);
        return none;
      case "ctrl-g":
      case "ctrl-c":
      case "escape":
        this.#put(begun.before.text, begun.before.cursor);
        this.search = undefined;
        return none;
      default:
        this.search = undefined;
        this.#at = Math.min(begun.at, this.#history.length);
        return undefined;
    }
  }

  #find(query: string, from: number, step: 1 | -1): void {
    const begun = this.#searched;
    if (begun === undefined) return;
    const shown = this.text;
    const end = query === "" ? from : this.#history.length;
    for (let at = from; at >= 0 && at < end; at += step) {
      const entry = this.#history[at] ?? "";
      const found = entry.indexOf(query);
      // The same text once more is no further find.
      if (found < 0 || (query === this.search?.query && entry === shown)) continue;
      begun.at = at;
      this.#put(entry, found);
      this.search = { query, failed: false };
      return;
    }
    if (query === "") this.#put(begun.before.text, begun.before.cursor);
    this.search = { query, failed: query !== "" };
  }

  #remove(from: number, to: number): void {
    if (from < to) this.#change(this.text.slice(0, from) + this.text.slice(to), from);
  }

  /** Removes, and keeps it for Ctrl-Y; with what was removed right before. */
  #kill(from: number, to: number, more: boolean): void {
    this.#killing = true;
    if (from >= to) return;
    const piece = this.text.slice(from, to);
    if (!more) this.#killed = piece;
    else this.#killed = to === this.cursor ? piece + this.#killed : this.#killed + piece;
    this.#remove(from, to);
  }

  #transpose(): void {
    const right = this.cursor === this.text.length ? before(this.text, this.cursor) : this.cursor;
    const left = before(this.text, right);
    if (left === right) return;
    const end = after(this.text, right);
    const { text } = this;
    this.#change(text.slice(0, left) + text.slice(right, end) + text.slice(left, right) + text.slice(end), end);
  }

  #takeBack(): void {
    const last = this.#undo.pop();
    if (last !== undefined) this.#put(last.text, last.cursor);
  }

  #change(text: string, cursor: number): void {
    this.#undo.push({ text: this.text, cursor: this.cursor });
    if (this.#undo.length > mostUndone) this.#undo.shift();
    this.#put(text, cursor);
  }

  #put(text: string, cursor: number): void {
    this.text = text;
    this.cursor = cursor;
  }
}

/** Whether the last character is a backslash that no other one stands before: the line goes on. */
function endsOpen(text: string): boolean {
  let count = 0;
  while (text.at(-1 - count) === "\\") count++;
  return count % 2 === 1;
}
