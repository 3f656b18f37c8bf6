import { grouped, mostCharacters, shownPath } from "./bound.ts";

/** The part of all results that is shown: from `offset` on, and no more than fits. The host counts; this is where it ends. */
export class Page {
  content = "";
  /** The last result shown, counted from 1. */
  last: number;
  readonly offset: number;
  #full = false;

  constructor(offset: number) {
    this.offset = offset;
    this.last = offset - 1;
  }

  /** Adds the next result; false when it does not fit, and then nothing that follows does. */
  item(text: string): boolean {
    if (!this.more(text)) return false;
    this.last++;
    return true;
  }

  /** Adds text that belongs to the last result shown, if it fits. */
  more(text: string): boolean {
    this.#full ||= this.content.length + text.length > mostCharacters;
    if (!this.#full) this.content += text;
    return !this.#full;
  }

  /** "entries 1-500 of 1,234; the next ones: offset 501", where that is not all; undefined where it is. */
  note(what: string, count: number): string | undefined {
    if (this.last < this.offset) return `there are only ${grouped(count)} ${what}`;
    if (this.offset === 1 && this.last >= count) return undefined;
    const next = this.last < count ? `; the next ones: offset ${this.last + 1}` : "";
    return `${what} ${this.offset}-${this.last} of ${grouped(count)}${next}`;
  }
}

/** Notes as lines in brackets at the end of a result. */
export function noted(content: string, notes: Array<string | undefined>): string {
  const lines = notes.flatMap((note) => (note === undefined ? [] : [`[${note}]`]));
  return [content.replace(/\n$/, ""), ...lines].filter((part) => part !== "").join("\n");
}

/** A path below `root` as the model can use it in its next call. */
export function joined(root: string, path: string): string {
  const start = root.replace(/^(\.\/+)+/, "").replace(/\/+$/, "");
  if (root.startsWith("/") && start === "") return `/${path}`;
  if (start === "" || start === ".") return path || ".";
  return path === "" ? start : `${start}/${path}`;
}

/** As `joined`, on a line of its own. */
export function shownBelow(root: string, path: string): string {
  return shownPath(joined(root, path));
}

/** The globs of a call, as the host takes them. */
export function globsOf(glob: string, exclude: string): string[] {
  const bare = glob.replace(/^(!?)(\.\/)+/, "$1");
  return [...(bare === "" ? [] : [bare]), ...(exclude === "" ? [] : [`!${exclude.replace(/^!?(\.\/)*/, "")}`])];
}

/** The schemas of what both tools take. */
export const globSchemas = {
  glob: {
    type: "string",
    minLength: 1,
    maxLength: 1000,
    description:
      "Only what matches, also where .gitignore rules it out, for example *.ts (in any folder) or src/**/*.{js,ts} (from the folder 'path')",
  },
  exclude: {
    type: "string",
    minLength: 1,
    maxLength: 1000,
    description: "Leave out what matches, for example *.lock or {dist,*.min.js}",
  },
  all: { type: "boolean", description: "Also what .gitignore rules out, and .git. Default: false" },
} as const;
