import { clean } from "../render/clean.ts";
import { lineEnd, lineStart } from "./places.ts";

const graphemes = new Intl.Segmenter();

/** Rows of a text that is typed, and where the cursor is in them. Columns are counted from 0. */
export type InputRows = { rows: string[]; row: number; column: number };

export type InputShape = {
  /** Before the first row, and before all others. */
  prompt: string;
  more: string;
  /** No row is wider. */
  width: number;
  /** Of a longer text the rows around the cursor are shown. */
  height: number;
};

/** Lays a text out as it is shown while it is typed. Only what is near the cursor is looked at. */
export function inputRows(text: string, cursor: number, { prompt, more, width, height }: InputShape): InputRows {
  // A row holds a character at least, so that no more text than this can be seen.
  const reach = Math.max(1, height) * Math.max(1, width) * 2;
  const start = nearStart(text, cursor, reach, height);
  const end = nearEnd(text, cursor, reach, height);
  const rows: string[] = [];
  let [row, column] = [0, 0];
  let line = start === 0 ? prompt : more;
  let used = Bun.stringWidth(line);
  let at = start;
  const tab = " ".repeat(Math.min(4, Math.max(1, width - Bun.stringWidth(more))));
  const mark = () => {
    if (at !== cursor) return;
    [row, column] = [rows.length, used];
  };
  const breakRow = () => {
    rows.push(line);
    line = more;
    used = Bun.stringWidth(more);
  };
  for (const { segment } of graphemes.segment(text.slice(start, end))) {
    if (segment === "\n" || segment === "\r\n") {
      mark();
      breakRow();
    } else {
      const shown = segment === "\t" ? tab : clean(segment);
      const wide = Bun.stringWidth(shown);
      if (used + wide > width && used > Bun.stringWidth(more)) breakRow();
      mark();
      line += shown;
      used += wide;
    }
    at += segment.length;
  }
  if (used >= width) breakRow();
  mark();
  rows.push(line);
  if (at < cursor) [row, column] = [rows.length - 1, used];
  const from = Math.max(0, Math.min(row - Math.floor(height / 2), rows.length - height));
  return { rows: rows.slice(from, from + height), row: row - from, column };
}

/** Where the lines begin that may be seen above the cursor. */
function nearStart(text: string, cursor: number, reach: number, height: number): number {
  let at = lineStart(text, cursor);
  for (let lines = 0; lines < height && at > 0 && cursor - at < reach; lines++) at = lineStart(text, at - 1);
  return Math.max(at, cursor - reach);
}

function nearEnd(text: string, cursor: number, reach: number, height: number): number {
  let at = lineEnd(text, cursor);
  for (let lines = 0; lines < height && at < text.length && at - cursor < reach; lines++) at = lineEnd(text, at + 1);
  return Math.min(at, cursor + reach);
}
