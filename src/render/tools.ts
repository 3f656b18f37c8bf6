import type { ToolRow } from "../core/tool-row.ts";
import { cleanJson, cleanLine } from "./clean.ts";
import { tableText } from "./table.ts";

/** `rein tools`: a table, with the first sentence of each description. */
export function toolsText(rows: readonly ToolRow[]): string {
  const head = ["NAME", "EFFECTS", "ORIGIN", "DESCRIPTION"];
  const cells = rows.map(({ name, effects, origin, description }) => [
    cleanLine(name),
    effects?.join(", ") ?? "-",
    cleanLine(origin),
    description === null
      ? origin.startsWith("mcp ")
        ? "(not started: rein mcp tools)"
        : "(not loaded: --load)"
      : sentence(cleanLine(description)),
  ]);
  return tableText([head, ...cells]);
}

export function toolsJson(rows: readonly ToolRow[]): string {
  return `${cleanJson({ version: 1, tools: rows }, 2)}\n`;
}

function sentence(text: string): string {
  const first = /^.*?[.:;](?= |$)/.exec(text)?.[0].slice(0, -1) ?? text;
  return first.length > 100 ? `${first.slice(0, 99).toWellFormed()}…` : first;
}
