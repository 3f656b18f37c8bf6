/** A page of docs as text for a terminal: headings, tables in columns, code indented. It holds what our own pages hold, no more. */
export function plainMarkdown(page: string): string {
  const blocks = page
    .replace(/<!--[^]*?-->\n*/g, "")
    .trim()
    .split(/\n{2,}/);
  return `${blocks.map(block).join("\n\n")}\n`;
}

function block(text: string): string {
  if (text.startsWith("|")) return table(text.split("\n"));
  if (text.startsWith("```")) return text.replace(/^```.*\n|\n```$/g, "").replace(/^(?=.)/gm, "  ");
  const heading = /^(#+) (.*)$/.exec(text);
  if (heading === null) return text.replace(/`([^`]+)`/g, "'$1'");
  const [, marks = "", words = ""] = heading;
  return marks.length < 3 ? words.toUpperCase() : words;
}

/** The rows of a table below each other, without its head. A bar within a cell has a backslash. */
function table(lines: string[]): string {
  const rows = lines.slice(2).map((line) =>
    line
      .replace(/^\| | \|$/g, "")
      .split(/ \| /)
      .map((cell) => cell.replaceAll("\\|", "|").replaceAll("`", "").trim()),
  );
  const width = (column: number) => Math.min(40, Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(width(column))).join("  ")}`.trimEnd())
    .join("\n");
}
