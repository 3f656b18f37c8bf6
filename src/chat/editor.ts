import { History, Search, type State } from "./history.ts";
import type { Key } from "./keys.ts";
import { after, before, blankBefore, lineEnd, lineStart, wordAfter, wordBefore } from "./places.ts";

/** What a key asks of whoever holds the editor. `submit`: the text was entered; it is gone from the editor. */
export type Effect = { type: "none" | Asked } | { type: "submit"; text: string };
type Asked = "interrupt" | "end" | "complete" | "redraw" | "editor" | "suspend" | "open" | "escape";

type Place = (text: string, at: number) => number;

/** Keys that move the cursor. */
const moves: Readonly<Record<string, Place>> = {
  left: before,
  "ctrl-b": before,
  right: after,
  "ctrl-f": after,
  "ctrl-left": wordBefore,
  "alt-left": wordBefore,
  "alt-b": wordBefore,
  "ctrl-right": wordAfter,
  "alt-right": wordAfter,
  "alt-f": wordAfter,
  home: lineStart,
  "ctrl-a": lineStart,
  end: lineEnd,
  "ctrl-e": lineEnd,
  "ctrl-home": () => 0,
  "alt-<": () => 0,
  "ctrl-end": (text) => text.length,
  "alt->": (text) => text.length,
};

/** Keys that remove what is between the cursor and a place. */
const removals: Readonly<Record<string, Place>> = {
  backspace: before,
  "ctrl-h": before,
  "shift-backspace": before,
  delete: after,
  "ctrl-d": after,
};

/** The same, and Ctrl-Y puts it back. */
const kills: Readonly<Record<string, Place>> = {
  "ctrl-u": lineStart,
  // At the end of a line it is the line end that goes.
  "ctrl-k": (text, at) => (text[at] === "\n" ? at + 1 : lineEnd(text, at)),
  "ctrl-w": blankBefore,
  "alt-backspace": wordBefore,
  "ctrl-alt-h": wordBefore,
  "alt-d": wordAfter,
};

const asks: Readonly<Record<string, Asked>> = {
  "ctrl-c": "interrupt",
  "ctrl-l": "redraw",
  "ctrl-z": "suspend",
  "ctrl-o": "open",
  tab: "complete",
  escape: "escape",
};

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
  readonly #history: History;
  #killed = "";
  /** What the last key was: text, or a kill; Ctrl-X has another behind it. */
  #last: "text" | "kill" | "prefix" | undefined;
  #undo: State[] = [];

  /** `multiline`: Alt-Enter and a backslash at the end begin a new line. */
  constructor(
    history: readonly string[] = [],
    readonly multiline = true,
  ) {
    this.#history = new History(history);
  }

  /** Puts an entry at the end of the history. */
  remember(entry: string): void {
    this.#history.add(entry);
  }

  /** Another text, with the cursor at its end. */
  set(text: string): void {
    this.#change(text, text.length);
  }

  /** Puts a text in the place of that between two indexes. */
  replace(from: number, to: number, text: string): void {
    this.#change(this.text.slice(0, from) + text + this.text.slice(to), from + text.length);
  }

  key(key: Key): Effect {
    if (this.search !== undefined && this.#seek(this.search, key)) return none;
    const last = this.#last;
    this.#last = undefined;
    if (key.kind === "key") return last === "prefix" ? afterPrefix(key.name) : this.#named(key.name, last === "kill");
    const text = key.kind === "paste" && !this.multiline ? key.text.replaceAll("\n", " ") : key.text;
    if (key.kind === "text") this.#last = "text";
    // What is typed in one go is taken back in one go.
    if (last !== "text" || key.kind !== "text") this.#keep();
    this.#put(this.text.slice(0, this.cursor) + text + this.text.slice(this.cursor), this.cursor + text.length);
    return none;
  }

  #named(name: string, killing: boolean): Effect {
    const { text, cursor } = this;
    if (name === "ctrl-d" && text === "") return { type: "end" };
    const asked = asks[name];
    if (asked !== undefined) return { type: asked };
    const move = moves[name];
    if (move !== undefined) this.cursor = move(text, cursor);
    const removal = removals[name];
    if (removal !== undefined) this.#remove(removal(text, cursor));
    const kill = kills[name];
    if (kill !== undefined) this.#kill(kill(text, cursor), killing);
    switch (name) {
      case "enter":
        return this.#enter();
      case "alt-enter":
      case "shift-enter":
      case "ctrl-j":
        if (this.multiline) this.replace(cursor, cursor, "\n");
        break;
      case "up":
      case "ctrl-p":
        this.#up();
        break;
      case "down":
      case "ctrl-n":
        this.#down();
        break;
      case "ctrl-y":
        this.replace(cursor, cursor, this.#killed);
        break;
      case "ctrl-t":
        this.#transpose();
        break;
      case "ctrl-_":
        this.#takeBack();
        break;
      case "ctrl-r":
        this.search = new Search(this.#history.entries, { text, cursor });
        break;
      case "ctrl-x":
        this.#last = "prefix";
        break;
    }
    return none;
  }

  #enter(): Effect {
    const { text } = this;
    if (this.multiline && this.cursor === text.length && endsOpen(text)) {
      this.#change(`${text.slice(0, -1)}\n`, text.length);
      return none;
    }
    this.#put("", 0);
    this.#history.leave();
    this.#undo = [];
    return { type: "submit", text };
  }

  /** A line up; from the first one to the entry before. */
  #up(): void {
    const start = lineStart(this.text, this.cursor);
    if (start === 0) return this.#recall(-1);
    const column = this.cursor - start;
    const above = lineStart(this.text, start - 1);
    this.cursor = Math.min(above + column, start - 1);
  }

  #down(): void {
    const end = lineEnd(this.text, this.cursor);
    if (end === this.text.length) return this.#recall(1);
    const column = this.cursor - lineStart(this.text, this.cursor);
    this.cursor = Math.min(end + 1 + column, lineEnd(this.text, end + 1));
  }

  #recall(steps: number): void {
    const text = this.#history.go(steps, this.text);
    if (text === undefined) return;
    this.#put(text, text.length);
    this.#undo = [];
  }

  /** Whether the key was the search's. */
  #seek(search: Search, key: Key): boolean {
    const sought = search.key(key, this);
    if (sought === undefined) this.#history.show(search.at);
    else this.#put(sought.text, sought.cursor);
    if (sought === undefined || sought.over) this.search = undefined;
    return sought !== undefined;
  }

  /** Removes what is between the cursor and a place. */
  #remove(to: number): string {
    const [from, end] = [Math.min(to, this.cursor), Math.max(to, this.cursor)];
    const piece = this.text.slice(from, end);
    if (piece !== "") this.#change(this.text.slice(0, from) + this.text.slice(end), from);
    return piece;
  }

  /** Removes, and keeps it for Ctrl-Y; `more`: with what was removed right before. */
  #kill(to: number, more: boolean): void {
    this.#last = "kill";
    const backwards = to < this.cursor;
    const piece = this.#remove(to);
    if (piece === "") return;
    const kept = more ? this.#killed : "";
    this.#killed = backwards ? piece + kept : kept + piece;
  }

  #transpose(): void {
    const { text, cursor } = this;
    const right = cursor === text.length ? before(text, cursor) : cursor;
    const left = before(text, right);
    if (left === right) return;
    const end = after(text, right);
    this.#change(text.slice(0, left) + text.slice(right, end) + text.slice(left, right) + text.slice(end), end);
  }

  #takeBack(): void {
    const last = this.#undo.pop();
    if (last !== undefined) this.#put(last.text, last.cursor);
  }

  #change(text: string, cursor: number): void {
    this.#keep();
    this.#put(text, cursor);
  }

  #keep(): void {
    this.#undo.push({ text: this.text, cursor: this.cursor });
    if (this.#undo.length > mostUndone) this.#undo.shift();
  }

  #put(text: string, cursor: number): void {
    this.text = text;
    this.cursor = cursor;
  }
}

/** What a key asks behind Ctrl-X. */
function afterPrefix(name: string): Effect {
  return name === "ctrl-e" ? { type: "editor" } : none;
}

/** Whether the last character is a backslash that no other one stands before: the line goes on. */
function endsOpen(text: string): boolean {
  let count = 0;
  while (text.at(-1 - count) === "\\") count++;
  return count % 2 === 1;
}
