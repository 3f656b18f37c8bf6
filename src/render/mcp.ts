import type { McpContent, McpStatus, OfferedTool } from "../core/mcp.ts";
import type { Json } from "../core/json.ts";
import { clean, cleanJson, cleanLine } from "./clean.ts";
import { duration, paint } from "./format.ts";
import { tableText } from "./table.ts";

/** `rein mcp list`: a table, and below it what went wrong. */
export function serversText(servers: readonly McpStatus[], color: boolean): string {
  const head = ["NAME", "STATE", "TRANSPORT", "READY", "TOOLS", "SERVER"];
  const rows = servers.map(({ name, state, transport, ready_ms: ready, tools, server }) => [
    cleanLine(name),
    state,
    transport,
    ready === undefined ? "-" : duration(ready),
    state === "ready" ? String(tools) : "-",
    server === undefined ? "-" : cleanLine(`${server.name} ${server.version}`),
  ]);
  const errors = servers.flatMap(({ name, error, left_out: leftOut = [] }) =>
    [...(error === undefined ? [] : [error]), ...leftOut.map(({ tool, why }) => `'${tool}' is left out: ${why}`)].map(
      (text) => `${paint(`${cleanLine(name)}:`, "yellow", color)} ${indented(text)}\n`,
    ),
  );
  return tableText([head, ...rows]) + (errors.length === 0 ? "" : `\n${errors.join("")}`);
}

export function serversJson(servers: readonly McpStatus[]): string {
  return `${cleanJson({ version: 1, servers }, 2)}\n`;
}

/** `rein mcp tools`: a table, with the first line of each description. */
export function serverToolsText(tools: readonly OfferedTool[]): string {
  const head = ["SERVER", "TOOL", "EFFECTS", "DESCRIPTION"];
  const rows = tools.map(({ server, name, facts }) => [
    cleanLine(server),
    cleanLine(name),
    effectsOf({ facts }),
    short(facts.description),
  ]);
  return tableText([head, ...rows]);
}

export function serverToolsJson(tools: readonly OfferedTool[]): string {
  const rows = tools.map(({ server, name, facts }) => ({
    server,
    name,
    title: facts.title ?? null,
    effects: effectsOf({ facts }),
    description: facts.description,
    input: facts.input,
    output: facts.output ?? null,
    annotations: facts.annotations,
  }));
  return `${cleanJson({ version: 1, tools: rows }, 2)}\n`;
}

/** What a call gave, in its parts. */
export function calledJson(called: { content: McpContent[]; structured: Json | null; error: boolean }): string {
  const { content, structured, error } = called;
  return `${cleanJson({ version: 1, error, content, structured }, 2)}\n`;
}

function effectsOf({ facts }: Pick<OfferedTool, "facts">): "read" | "external" {
  return facts.annotations.readOnly === true ? "read" : "external";
}

function short(description: string): string {
  const line = cleanLine(description.trim().split("\n", 1)[0] ?? "");
  return line.length > 100 ? `${line.slice(0, 99).toWellFormed()}…` : line;
}

function indented(text: string): string {
  return clean(text).trimEnd().replaceAll("\n", "\n  ");
}
