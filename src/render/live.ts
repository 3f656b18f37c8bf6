import { layOut, parseMarkdown, type Block } from "./markdown.ts";
import { cleaner } from "./clean.ts";
import { clearBelow } from "./format.ts";
import { changes } from "./region.ts";

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
 * Markdown that is read while it comes. Blocks that are finished are handed out as they are printed for good; of the one that is not
 * its rows as they look so far.
 */
export function growingMarkdown() {
  const clean = cleaner();
  /** The text that is not printed yet, how far gaps were looked for, and how long it must be for the next attempt. */
  let pending = "";
  let looked = 0;
  let enough = 0;
  /** A block was printed, so that the next one is a line apart. */
  let apart = false;

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
    const fitting = lines.flatMap((line) => {
      const row = line.replaceAll("\t", "    ");
      // Most do: to break one takes ten times as long as to look.
      if (Bun.stringWidth(row) <= width) return [row];
      return Bun.wrapAnsi(row, width, { hard: true, wordWrap: false, trim: false }).split("\n");
    });
    return fitting.slice(-Math.max(height - 1, 1));
  }

  function printed(done: Block[], width: number): string {
    let out = "";
    for (const block of done) {
      out += `${apart ? "\n" : ""}${layOut(block, width).join("\n")}\n`;
      apart = true;
    }
    return out;
  }

  return {
    /** Takes in a piece, and hands out the blocks that it finished. */
    push(text: string, width: number): string {
      const piece = clean.push(text);
      pending += piece;
      // No block ends within a line, and to look costs as much as there is of it.
      return piece.includes("\n") ? printed(finished(), width) : "";
    },
    live,
    /** The text is over: what is left of it. */
    end(width: number): string {
      const rest = printed(parseMarkdown(pending + clean.end()), width);
      pending = "";
      looked = enough = 0;
      apart = false;
      return rest;
    },
  };
}

/**
 * Markdown on a terminal while it comes. Blocks that are finished are printed for good. The one that is not is drawn below them,
 * its last rows if it is higher than the terminal, and drawn anew as it grows. Between writes the cursor stands at its beginning:
 * wherever a terminal puts the rows when it is resized, from there on nothing is kept. Nothing above is ever written to.
 */
export function liveMarkdown({ write, columns, rows }: LiveOptions) {
  const text = growingMarkdown();
  let drawn: string[] = [];
  let drawnFor = "";

  /** Prints blocks, then draws what is left. All in one write: no terminal shows what is between. */
  async function show(take: (width: number) => string): Promise<void> {
    const [width, height] = [columns(), rows()];
    const printed = take(width);
    let out = "";
    const size = `${width} ${height}`;
    if (drawn.length > 0 && (printed !== "" || size !== drawnFor)) {
      out = clearBelow;
      drawn = [];
    }
    drawnFor = size;
    out += printed;
    const next = text.live(width, height);
    out += changes(drawn, next);
    drawn = next;
    if (out !== "") await write(out);
  }

  return {
    push: (piece: string): Promise<void> => show((width) => text.push(piece, width)),
    /** The text is over: all of it is printed, and the cursor stands below it. */
    end: (): Promise<void> => show((width) => text.end(width)),
  };
}
