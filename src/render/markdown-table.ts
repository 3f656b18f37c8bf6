type Cell = { align: string; text: string };

const between = " │ ";
const leastColumn = 4;

/** A table's lines in that width: cells are wrapped, the widest columns first. Where even that is too much, a line is a row. */
export function tableLines(rows: Cell[][], width: number): string[] {
  const count = Math.max(...rows.map((row) => row.length));
  const free = width - between.length * (count - 1);
  if (free < leastColumn * count) {
    return rows.flatMap((row) =>
      Bun.wrapAnsi(row.map(({ text }) => text).join(" | "), width, { hard: true }).split("\n"),
    );
  }
  const natural = Array.from({ length: count }, (_, at) =>
    Math.max(1, ...rows.map((row) => Bun.stringWidth(row[at]?.text ?? ""))),
  );
  const widths = fitted(natural, free);
  const [head, ...body] = rows.map((row) => rowLines(row, widths));
  return [...(head ?? []), widths.map((one) => "─".repeat(one)).join("─┼─"), ...body.flat()];
}

/** The widths that fit: what is wider than the widest that all could have is cut to that. */
function fitted(natural: number[], free: number): number[] {
  let limit = Math.max(...natural);
  const sum = (most: number) => natural.reduce((total, one) => total + Math.min(one, most), 0);
  while (limit > leastColumn && sum(limit) > free) limit--;
  return natural.map((one) => Math.min(one, limit));
}

function rowLines(row: Cell[], widths: number[]): string[] {
  const cells = widths.map((width, at) => Bun.wrapAnsi(row[at]?.text ?? "", width, { hard: true }).split("\n"));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    cells
      .map((lines, at) => padded(lines[line] ?? "", widths[at] ?? 0, row[at]?.align ?? "left"))
      .join(between)
      .trimEnd(),
  );
}

function padded(text: string, width: number, align: string): string {
  const free = Math.max(0, width - Bun.stringWidth(text));
  const before = align === "right" ? free : align === "center" ? Math.floor(free / 2) : 0;
  return " ".repeat(before) + text + " ".repeat(free - before);
}
