import { clearBelow } from "./format.ts";

export type RegionOptions = {
  write(text: string): Promise<unknown>;
  /** The terminal's size, asked each time. */
  columns(): number;
  rows(): number;
  /** Whether the terminal breaks rows that are too wide after it became narrower; others cut them. */
  reflows: boolean;
};

/** A place in the rows that are drawn, counted from 0. */
export type Place = { row: number; column: number };

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";

/**
 * The rows at the bottom of a terminal that change, below what is printed for good. Nothing above them is ever written to. The cursor
 * stands at their beginning while it is not shown: wherever a terminal puts the rows when it is resized, from there on nothing is kept.
 * But tmux, when it breaks rows, counts the empty ones below as rows, too, and may so push our first ones out of the screen before we
 * hear of it: what is there no program can take back without clearing all that scrolled away, so a copy stays.
 */
export function region({ write, columns, rows, reflows }: RegionOptions) {
  let drawn: string[] = [];
  let size = "";
  let at: Place = { row: 0, column: 0 };
  let shown = true;

  /** To the beginning of the rows, from where the cursor is shown in them. */
  function back(width: number): string {
    const above = drawn.slice(0, at.row).reduce((sum, row) => sum + broken(row, width), 0);
    const inRow = reflows ? Math.floor(at.column / width) : 0;
    return `${move(reflows ? above + inRow : at.row, "A")}\r`;
  }

  return {
    /** Prints whole lines above the rows, and draws others in their place. Without a cursor it is hidden. All in one write. */
    async show(printed: string, next: readonly string[], cursor?: Place): Promise<void> {
      const [width, height] = [columns(), rows()];
      const now = `${width} ${height}`;
      const most = Math.max(height - 1, 1);
      // Of too many the last: the input is there.
      const fitting = next.slice(-most);
      const place = cursor && { row: Math.max(0, cursor.row - (next.length - fitting.length)), column: cursor.column };
      let out = back(width);
      if (printed !== "" || now !== size) {
        if (drawn.length > 0) out += clearBelow;
        out += printed;
        drawn = [];
      }
      const changed = changes(drawn, fitting);
      const still = printed === "" && changed === "" && now === size && shown === (place !== undefined);
      size = now;
      drawn = [...fitting];
      const to = place ?? { row: 0, column: 0 };
      if (still && to.row === at.row && to.column === at.column) return;
      // Hidden first, or it would be seen to run about.
      if (shown && (changed !== "" || place === undefined)) out = hideCursor + out;
      out += changed + move(to.row, "B") + (to.column === 0 ? "" : `\u001b[${to.column}C`);
      if (place !== undefined) out += showCursor;
      shown = place !== undefined;
      at = to;
      await write(out);
    },
    /** Takes the rows away: what is written next begins there. */
    async leave(): Promise<void> {
      const out = back(columns()) + clearBelow + showCursor;
      drawn = [];
      at = { row: 0, column: 0 };
      shown = true;
      await write(out);
    },
    /** The screen is empty now, whatever was on it. */
    forget(): void {
      drawn = [];
      at = { row: 0, column: 0 };
    },
  };
}

/** What turns rows into others, from the beginning of the first back to there. */
export function changes(from: readonly string[], to: readonly string[]): string {
  if (to.length < from.length) return clearBelow + changes([], to);
  const same = to.findIndex((row, index) => row !== from[index]);
  if (same < 0) return "";
  // Below the last row there may be none yet: a line end makes one.
  const down = same < from.length || same === 0 ? move(same, "B") : `${move(from.length - 1, "B")}\n`;
  // Cleared before it is written: behind the last column some terminals clear that.
  // A row that stays is only passed.
  const rows = to.slice(same).map((row, index) => (row === from[same + index] ? "" : `\u001b[K${row}`));
  return `\r${down}${rows.join("\n")}\r${move(to.length - 1, "A")}`;
}

function broken(row: string, width: number): number {
  return Math.max(1, Math.ceil(Bun.stringWidth(row) / Math.max(width, 1)));
}

function move(rows: number, direction: "A" | "B"): string {
  return rows === 0 ? "" : `\u001b[${rows}${direction}`;
}
