import { cleanLine } from "../render/clean.ts";
import { paint, short } from "../render/format.ts";
import type { Place } from "../render/region.ts";
import type { Search } from "./history.ts";
import { inputRows, type InputRows } from "./input-rows.ts";
import { frame, type TurnView } from "./turn-view.ts";

/** What of a chat changes on the screen. */
export type Seen = {
  /** The terminal's size. */
  columns: number;
  rows: number;
  color: boolean;
  /** What is under way; a turn's has a view. */
  work?: { label: string; view: TurnView | undefined; now: number };
  /** What is said next. */
  waiting: readonly string[];
  typed: { text: string; cursor: number; search?: Pick<Search, "query" | "failed"> | undefined; question?: string };
  /** What a completion could be. */
  candidates: readonly string[];
  /** The line at the bottom. */
  below: string;
};

/** Of what waits, and of a completion, no more is shown. */
const mostWaiting = 3;
const mostCandidates = 50;
const mostCandidateRows = 6;

/** How wide rows are in which somebody types: the last column stays free for the cursor. */
export function typingWidth(columns: number): number {
  return Math.max(4, columns - 1);
}

/** The rows, and where the terminal's cursor is shown in them. */
export function picture(seen: Seen): { rows: string[]; cursor?: Place } {
  const { work, color } = seen;
  const width = typingWidth(seen.columns);
  const dim = (text: string) => paint(short(text, width), "dim", color);
  // Where there is no room for all, what is typed is seen, then what is under way.
  const most = Math.max(1, seen.rows - 1);
  const typed = typedRows(seen.typed, width, Math.max(1, Math.floor(seen.rows / 2)));
  const above = lastOf(most - typed.rows.length, [
    ...(work === undefined ? [] : ["", dim(status(work))]),
    ...seen.waiting.map((text) => dim(`waits: ${text}`)).slice(-mostWaiting),
  ]);
  const below = [...candidateRows(seen.candidates, width), ...(seen.below === "" ? [] : [dim(seen.below)])].slice(
    0,
    Math.max(0, most - typed.rows.length - above.length),
  );
  const left = seen.rows - above.length - typed.rows.length - below.length;
  const live = work?.view?.live(seen.columns, left) ?? [];
  const rows = [...live, ...above, ...typed.rows, ...below];
  const row = live.length + above.length + typed.row;
  // With text that streams the cursor is at the beginning of all, so that nothing is left when the terminal is resized.
  if (work !== undefined && seen.typed.question === undefined && color)
    return { rows: rows.map((text, index) => (index === row ? marked(text, typed.column) : text)) };
  return { rows, cursor: { row, column: typed.column } };
}

function lastOf(count: number, rows: string[]): string[] {
  return count <= 0 ? [] : rows.slice(-count);
}

function status({ label, view, now }: NonNullable<Seen["work"]>): string {
  return `${view === undefined ? `${frame(now)} ${label}` : view.status(now)} · Ctrl-C stops`;
}

function typedRows({ text, cursor, search, question }: Seen["typed"], width: number, height: number): InputRows {
  const shape = { more: "  ", width, height };
  if (question !== undefined) {
    // It may be longer than a row.
    const rows = Bun.wrapAnsi(cleanLine(question), width, { hard: true }).split("\n");
    const last = `${rows.pop() ?? ""} `;
    const input = inputRows(text, cursor, { ...shape, prompt: last });
    return { rows: [...rows, ...input.rows], row: rows.length + input.row, column: input.column };
  }
  if (search === undefined) return inputRows(text, cursor, { ...shape, prompt: "> " });
  const prompt = `${search.failed ? "not found" : "search"} '${cleanLine(search.query)}': `;
  const found = inputRows(text, cursor, { ...shape, prompt });
  if (found.rows[0]?.startsWith(prompt)) return found;
  // Of a long text the beginning is not seen: what is looked for is.
  const part = inputRows(text, cursor, { ...shape, prompt: "> ", height: Math.max(1, height - 1) });
  return { ...part, rows: [short(prompt, width), ...part.rows], row: part.row + 1 };
}

function candidateRows(candidates: readonly string[], width: number): string[] {
  for (let count = Math.min(candidates.length, mostCandidates); count > 0; count--) {
    const more = candidates.length - count;
    const shown = candidates.slice(0, count).map((one) => cleanLine(one));
    const text = [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join("  ");
    const rows = Bun.wrapAnsi(text, width, { hard: true }).split("\n");
    if (rows.length <= mostCandidateRows) return rows;
  }
  return [];
}

/** A row with a mark where the cursor would be. */
function marked(row: string, column: number): string {
  const narrow = Bun.sliceAnsi(row, column, column + 1);
  // Half of a wide character is none.
  const at = narrow === "" ? Bun.sliceAnsi(row, column, column + 2) || " " : narrow;
  return `${Bun.sliceAnsi(row, 0, column)}\u001b[7m${at}\u001b[27m${Bun.sliceAnsi(row, column + Bun.stringWidth(at))}`;
}
