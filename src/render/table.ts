/** What the last column is never made narrower than. */
const leastLast = 20;

/**
 * Rows of cells with their columns below each other. The cells are harmless for a terminal already. With a width the texts of the last
 * column go on below themselves.
 */
export function tableText(rows: readonly (readonly string[])[], width = Infinity): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => Bun.stringWidth(row[column] ?? ""))),
  );
  const before = widths.slice(0, -1).reduce((sum, one) => sum + one + 2, 0);
  const room = Math.max(leastLast, width - before);
  const lines = rows.flatMap((row) => {
    const last = row[columns - 1] ?? "";
    const [first = "", ...more] =
      Bun.stringWidth(last) > room ? Bun.wrapAnsi(last, room, { hard: true }).split("\n") : [last];
    const cells = [...row.slice(0, columns - 1), ...(row.length < columns ? [] : [first])];
    const line = cells.map((cell, column) => padEnd(cell, widths[column] ?? 0)).join("  ");
    return [line, ...more.map((part) => " ".repeat(before) + part)];
  });
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
}
