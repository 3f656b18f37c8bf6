import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import type { McpPin, McpToolFacts } from "./mcp.ts";

/** What of a tool a model reads, and what says what a call does: a pin holds these. */
const parts = ["name", "title", "description", "inputSchema", "outputSchema", "annotations"] as const;

/** The part of a tool that is pinned, with its keys in one order: equal ones are equal as JSON. */
export function pinnedPart(raw: JsonObject): JsonObject {
  return Object.fromEntries(parts.flatMap((key) => (raw[key] === undefined ? [] : [[key, inOrder(raw[key])]])));
}

/** The pin of a server's tools, whichever order it lists them in, and of its instructions, where they are read. */
export function pinOf(file: string, tools: ReadonlyArray<Pick<McpToolFacts, "raw">>, instructions?: string): McpPin {
  const listed = tools.map(({ raw }) => pinnedPart(raw));
  return pinOfParts(file, listed, instructions);
}

/** The same of the pinned parts. Of several tools with one name the hash holds all. */
export function pinOfParts(file: string, listed: readonly JsonObject[], instructions?: string): McpPin {
  const sorted = listed.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  const tools = Object.fromEntries(sorted.map((part) => [nameOf(part), hash(part)]));
  if (instructions === undefined) return { file, hash: hash(sorted), tools, listed: sorted };
  return { file, hash: hash({ instructions, tools: sorted }), tools, listed: sorted, instructions };
}

/** Each tool of a list as text, in many lines: two of them are compared line by line. Tools of one name are one. */
export function pinTexts(listed: readonly JsonObject[]): Map<string, string> {
  const texts = new Map<string, string>();
  for (const part of listed) texts.set(nameOf(part), (texts.get(nameOf(part)) ?? "") + toolText(part));
  return texts;
}

function toolText(part: JsonObject): string {
  const { name: _name, description = "", ...rest } = part;
  const lines = [
    ...(typeof description === "string" ? description : JSON.stringify(description))
      .split("\n")
      .map((line) => `  ${line}`),
    ...Object.entries(rest)
      .flatMap(([key, value]) => `${key}: ${JSON.stringify(value, null, 2)}`.split("\n"))
      .map((line) => `  ${line}`),
  ];
  return `${lines.join("\n")}\n`;
}

function nameOf(part: JsonObject): string {
  return typeof part["name"] === "string" ? part["name"] : "";
}

function hash(value: Json): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(value)).digest("hex");
}

function inOrder(value: Json): Json {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isJsonObject(value)) return value;
  const keys = Object.keys(value).toSorted();
  return Object.fromEntries(keys.map((key) => [key, inOrder(value[key] ?? null)]));
}
