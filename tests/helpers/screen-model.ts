/** What a person sees of what was written to a terminal: rows, those that scrolled away first. Knows only what rein writes. */
export type ScreenModel = {
  write(text: string): void;
  /** To another number of columns. Some terminals break rows that are too wide now, and join those that were broken; others cut. */
  resize(columns: number): void;
  /** All rows, without blanks at their ends and empty rows at the end. */
  text(): string;
  /** The rows above the cursor's. */
  above(): string;
  /** Where the cursor is, counted from 0; rows over all that were ever shown. */
  cursor(): { row: number; column: number };
};

/** Of each character its text; the second column of a wide one is "". `wrapped`: the next row goes on with this line. */
type Row = { cells: string[]; wrapped: boolean };

const sequence =
  /^\u001b(?:\[\?(?:25|2004)[hl]|\[(\d*)([ABCHJKm])|\[(\d+)(?:;\d+)*m|\](8;;[\x20-\x7e]*)(?:\u0007|\u001b\\))/;

/** `reflows`: as most terminals of desktops do. */
export function screenModel(columns: number, height: number, reflows = true): ScreenModel {
  let width = columns;
  let rows: Row[] = [{ cells: [], wrapped: false }];
  let [x, y] = [0, 0];
  const graphemes = new Intl.Segmenter();
  const top = () => Math.max(0, rows.length - height);

  function rowAt(index: number): Row {
    while (rows.length <= index) rows.push({ cells: [], wrapped: false });
    const row = rows[index];
    if (row === undefined) throw new Error(`There is no row ${index}`);
    return row;
  }

  function put(character: string): void {
    const wide = Bun.stringWidth(character);
    if (wide === 0) return;
    if (x + wide > width) {
      rowAt(y).wrapped = true;
      [x, y] = [0, y + 1];
    }
    const { cells } = rowAt(y);
    while (cells.length < x) cells.push(" ");
    cells[x] = character;
    if (wide === 2) cells[x + 1] = "";
    x += wide;
  }

  function obey(letter: string, count: number): void {
    if (letter === "A") {
      if (y - count < top()) throw new Error("Moved above the screen");
      y -= count;
    }
    if (letter === "C") x = Math.min(x + count, width - 1);
    if (letter === "H") [x, y] = [0, top()];
    if (letter === "B") y = Math.min(y + count, Math.max(rows.length, top() + height) - 1);
    if (letter === "J" && x === 0 && y === top()) scrollAway();
    if (letter === "K" || letter === "J") {
      const row = rowAt(y);
      // Behind the last column the cursor is still in it.
      row.cells.length = Math.min(row.cells.length, x, width - 1);
      row.wrapped = false;
    }
    if (letter === "J") for (const row of rows.slice(y + 1)) [row.cells, row.wrapped] = [[], false];
  }

  /** As tmux does where all of the screen is cleared: what was on it is kept above. */
  function scrollAway(): void {
    const used = rows.findLastIndex(({ cells }) => cells.some((cell) => cell !== " ")) + 1;
    if (used <= top()) return;
    rows.length = used;
    rowAt(used + height - 1);
    y = top();
  }

  return {
    write(text) {
      let rest = text;
      while (rest !== "") {
        const found = sequence.exec(rest);
        if (found !== null) {
          if (found[2] !== undefined && found[2] !== "m") obey(found[2], Number(found[1] === "" ? 1 : found[1]));
          rest = rest.slice(found[0].length);
          continue;
        }
        const end = rest.search(/[\u0000-\u001f]/);
        if (end === 0) {
          if (rest.startsWith("\n")) [x, y] = [0, y + 1];
          else if (rest.startsWith("\r")) x = 0;
          else if (rest.startsWith("\t")) for (let to = Math.min((x >> 3) * 8 + 8, width - 1); x < to;) put(" ");
          else throw new Error(`Not known to the model: ${JSON.stringify(rest.slice(0, 12))}`);
          rowAt(y);
          rest = rest.slice(1);
          continue;
        }
        const plain = end < 0 ? rest : rest.slice(0, end);
        for (const { segment } of graphemes.segment(plain)) put(segment);
        rest = rest.slice(plain.length);
      }
    },
    resize(to) {
      const before = rows;
      width = to;
      if (!reflows) {
        for (const row of rows) row.cells.length = Math.min(row.cells.length, to);
        x = Math.min(x, to - 1);
        return;
      }
      rows = [];
      let line: string[] = [];
      let cursor: [line: number, offset: number] | undefined;
      const at = y;
      for (const [index, row] of before.entries()) {
        if (index === at) cursor = [rows.length, line.length + Math.min(x, row.cells.length)];
        line.push(...row.cells);
        if (row.wrapped) continue;
        const made = broken(line, to);
        if (cursor !== undefined && cursor[0] === rows.length) {
          y = rows.length + Math.min(Math.floor(cursor[1] / to), made.length - 1);
          x = cursor[1] % to;
          cursor = [-1, 0];
        }
        rows.push(...made);
        line = [];
      }
    },
    text: () => shownRows(rows),
    cursor: () => ({ row: y, column: x }),
    above: () => shownRows(rows.slice(0, y)),
  };
}

function broken(line: string[], width: number): Row[] {
  const made: Row[] = [{ cells: [], wrapped: false }];
  for (const [at, character] of line.entries()) {
    let last = made.at(-1);
    const wide = line[at + 1] === "" && character !== "";
    if (last !== undefined && last.cells.length + (wide ? 2 : 1) > width && character !== "") {
      last.wrapped = true;
      made.push((last = { cells: [], wrapped: false }));
    }
    last?.cells.push(character);
  }
  return made;
}

function shownRows(rows: Row[]): string {
  return rows
    .map(({ cells }) => cells.join("").trimEnd())
    .join("\n")
    .replace(/\n+$/, "");
}
