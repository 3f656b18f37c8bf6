import { cleanJson, cleanLine } from "./clean.ts";
import { tableText } from "./table.ts";

/** Counts as `rein tokens` shows them. Stdin has no name. */
export type TokenCounts = { encoding: string; files: Array<{ file: string | null; tokens: number }> };

/** As `wc` does it: a line for each file, and their sum; of stdin alone only the number. */
export function tokensText({ files }: TokenCounts): string {
  const [first] = files;
  if (files.length === 1 && first?.file === null) return `${first.tokens}\n`;
  const rows = files.map(({ file, tokens }) => [String(tokens), cleanLine(file ?? "-")]);
  if (files.length > 1) rows.push([String(sum(files)), "total"]);
  const width = Math.max(...rows.map(([tokens = ""]) => tokens.length));
  return tableText(rows.map(([tokens = "", name = ""]) => [tokens.padStart(width), name]));
}

export function tokensJson({ encoding, files }: TokenCounts): string {
  return `${cleanJson({ encoding, tokens: sum(files), files }, 2)}\n`;
}

function sum(files: TokenCounts["files"]): number {
  return files.reduce((total, { tokens }) => total + tokens, 0);
}
