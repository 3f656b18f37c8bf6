import { layOut, parseMarkdown, type Block } from "./markdown.ts";
import { cleaner } from "./clean.ts";

export type LiveOptions = {
  write(text: string): Promise<unknown>;
  /** The terminal's size, asked each time. */
  columns(): number;
  rows(): number;
};

/** Of a block that is longer than this only the end is shown while it grows, as it is: laying it out each time would cost too much. */
const longBlock = 8192;

/** An empty line, and after it a whole line that begins at the margin: a block may have ended. */
const gap = /\n[ \t]*\n(?=[^\s][^\n]*\n)/g;

/**
 * Markdown on a terminal while it comes. Blocks that are finished are printed for good. The one that is not is drawn below them,
 * its last rows if it is higher than the terminal, and drawn anew as it grows. Between writes the cursor stands at its beginning:
 * wherever a terminal puts the rows when it is resized, from there on nothing is kept. Nothing above is ever written to.
 */
export function liveMarkdown({ write, columns, rows }: LiveOptions) {
  const clean = cleaner();
  /** The text that is not printed yet, how far gaps were looked for, and how long it must be for the next attempt. */
  let pending = "";
  let looked = 0;
  let enough = 0;
  /** A block was printed, so that the next one is a line apart. */
  let apart = false;
  let drawn: string[] = [];
  let drawnFor = "";

  /** Takes the blocks that nothing can change any more from the beginning of the text. */
  function finished(): Block[] {
    const done: Block[] = [];
    gap.lastIndex = looked;
    for (let found = gap.exec(pending); found !== null; found = gap.exec(pending)) {
      const cut = gap.lastIndex;
      looked = cut - 1;
      if (cut < enough) continue;
      const line = pending.slice(cut, pending.indexOf("\n", cut) + 1);
      const before = parseMarkdown(pending.slice(0, cut));
      // The parser itself says whether what came before goes on: a list, or code with an empty line.
      const apart = [...before, ...parseMarkdown(line)];
      const together = parseMarkdown(pending.slice(0, cut) + line);
      if (apart.length === together.length && apart.every((block, at) => block === together[at])) {
        done.push(...before);
        pending = pending.slice(cut);
        gap.lastIndex = looked = enough = 0;
      } else {
        // Not at each gap of a long text, whose cost would be that of its square.
        enough = cut + cut / 8;
      }
    }
    looked = Math.max(looked, pending.lastIndexOf("\n", pending.lastIndexOf("\n") - 1));
    return done;
  }

  /** The rows that show the unfinished block. */
  function live(width: number, height: number): string[] {
    if (pending.trim() === "") return [];
    const lines =
      pending.length > longBlock
        ? pending
            .slice(-longBlock / 2)
            .trimEnd()
            .split("\n")
        : parseMarkdown(pending).flatMap((block, at) => [...(at > 0 || apart ? [""] : []), ...layOut(block, width)]);
    const fitting = lines.flatMap((line) =>
      Bun.wrapAnsi(line.replaceAll("\t", "    "), width, { hard: true, wordWrap: false, trim: false }).split("\n"),
    );
    return fitting.slice(-Math.max(height - 1, 1));
  }

  /** Prints blocks, then draws what is left. All in one write: no terminal shows what is between. */
  async function show(done: Block[]): Promise<void> {
    const [width, height] = [columns(), rows()];
    let out = "";
    const size = `${width} ${height}`;
    if (drawn.length > 0 && (done.length > 0 || size !== drawnFor)) {
      out = clearBelow;
      drawn = [];
    }
    drawnFor = size;
    for (const block of done) {
      out += `${apart ? "\n" : ""}${layOut(block, width).join("\n")}\n`;
      apart = true;
    }
    const next = live(width, height);
    out += changes(drawn, next);
    drawn = next;
    if (out !== "") await write(out);
  }

  return {
    async push(text: string): Promise<void> {
      pending += clean.push(text);
      await show(finished());
    },
    /** The text is over: all of it is printed, and the cursor stands below it. */
    async end(): Promise<void> {
      const rest = parseMarkdown(pending + clean.end());
      pending = "";
      looked = enough = 0;
      await show(rest);
      apart = false;
    },
  };
}

/** What was typed meanwhile may have moved the cursor to the right. */
const clearBelow = "\r\u001b[J";

/** What turns rows into others, from the beginning of the first back to there. */
function changes(from: string[], to: string[]): string {
  if (to.length < from.length) return clearBelow + changes([], to);
  const same = to.findIndex((row, at) => row !== from[at]);
  if (same < 0) return "";
  // Below the last row there may be none yet: a line end makes one.
  const down = same < from.length || same === 0 ? move(same, "B") : `${move(from.length - 1, "B")}\n`;
  // Cleared before it is written: behind the last column some terminals clear that.
  const rows = to.slice(same).map((row) => `\u001b[K${row}`);
  return `\r${down}${rows.join("\n")}\r${move(to.length - 1, "A")}`;
}

function move(rows: number, direction: "A" | "B"): string {
  return rows === 0 ? "" : `\u001b[${rows}${direction}`;
}
