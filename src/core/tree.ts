import type { FileStat } from "./host.ts";

/** What of a tree is wanted. Symlinks are never followed, and what may not be read is left out. */
export type TreeScope = {
  /** How many levels deep; 1 is the folder's own entries. */
  depth?: number;
  /**
   * As in a .gitignore, from the folder: with any, only what matches; one with `!` leaves out what matches. The last that matches
   * decides, also over ignore files.
   */
  globs: string[];
  /** Also what ignore files (.gitignore, .git/info/exclude) rule out, and .git itself. */
  all: boolean;
};

/**
 * `size`: the largest first, without folders. `time`: what changed last first. `links`: nothing but symlinks. `offset` counts from 1.
 */
export type ListQuery = TreeScope & {
  sort: "path" | "size" | "time";
  links?: boolean;
  offset: number;
  limit: number;
};
/** `path` is that from the folder. */
export type TreeEntry = FileStat & { path: string };
/** How many entries there are in all, and what a walk could not or would not look at. */
export type ListSummary = { entries: number; unreadable: number; tooMany: boolean };

export type SearchQuery = TreeScope & {
  /** File types by name: `ts`, `rust`… With none, all. */
  types: string[];
  pattern: string;
  /** The pattern is plain text, no regular expression. */
  literal: boolean;
  /** `smart`: ignored where the pattern has no upper case. */
  case: "sensitive" | "ignore" | "smart";
  /** A match may span lines. */
  multiline: boolean;
  /** Lines to show around a match. */
  before: number;
  after: number;
  /** What is told, and counted by `offset` (from 1) and `limit`: matches, or files with the number of their matching lines or without. */
  output: "lines" | "files" | "counts";
  offset: number;
  limit: number;
};

/**
 * A line of a file. `match` is the first line of a match, `more` a further one; of `left` there are `number` more. `clipped`: the
 * text is a part of a line of `length` characters, which begins before it or with it.
 */
export type FoundLine = {
  number: number;
  kind: "match" | "more" | "context" | "left";
  text: string;
  clipped?: { before: boolean; length: number };
};

/** A file with matches. `path` is that from the folder, empty for a file that was named. `rows` are those of the page. */
export type FoundFile = { path: string; matches: number; lines: number; rows: FoundLine[] };

/** Of all that was searched, whatever was told. `results`: matches or files, by the output. `named` are some of the huge files. */
export type SearchSummary = {
  results: number;
  files: number;
  searched: number;
  binary: number;
  huge: number;
  named: Array<{ path: string; size: number }>;
  unreadable: number;
  tooMany: boolean;
  /** There was too much text. */
  stopped: boolean;
};
