import type { Json } from "../core/json.ts";
import type { Range } from "./source.ts";

/**
 * A value of a YAML file with its places. `at` is where to point when the value as a whole is wrong: at an alias, the alias.
 * `text` is where its characters stand. `size` counts the nodes below it and itself, aliases unfolded.
 */
export type Node = { at: Range; text: Range; size: number } & (
  | { kind: "map"; entries: Map<string, Entry> }
  | { kind: "list"; items: Node[] }
  | { kind: "text"; value: string }
  | { kind: "number"; value: number }
  | { kind: "boolean"; value: boolean }
  | { kind: "nothing" }
  /** An alias that leads nowhere. That was told; nothing more is to be said about its value. */
  | { kind: "broken" }
);

/** A key's place and its value. */
export type Entry = { key: Range; value: Node };

export type MapNode = Extract<Node, { kind: "map" }>;

const kindNames = {
  map: "a map",
  list: "a list",
  text: "text",
  number: "a number",
  nothing: "nothing",
  broken: "a broken alias",
} as const;

/** What a message calls a node: "a map", "text", "true". */
export function kindName(node: Node): string {
  return node.kind === "boolean" ? String(node.value) : kindNames[node.kind];
}

export function toJson(node: Node): Json {
  if (node.kind === "map") return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, toJson(value)]));
  if (node.kind === "list") return node.items.map(toJson);
  return node.kind === "nothing" || node.kind === "broken" ? null : node.value;
}

/** The value that a path of keys leads to, where all of it is there. */
export function find(node: Node | undefined, ...path: string[]): Node | undefined {
  let found = node;
  for (const key of path) found = found?.kind === "map" ? found.entries.get(key)?.value : undefined;
  return found;
}

/** The entries of a map; none when it is absent or another kind, which the schema's walk tells. */
export function entriesOf(node: Node | undefined): Array<[string, Entry]> {
  return node?.kind === "map" ? [...node.entries] : [];
}

/** The items of a list; none when it is absent or another kind. */
export function itemsOf(node: Node | undefined): Node[] {
  return node?.kind === "list" ? node.items : [];
}

/** The items of a list that are text, with their values. */
export function textsOf(node: Node | undefined): Array<Extract<Node, { kind: "text" }>> {
  return itemsOf(node).filter((item) => item.kind === "text");
}

/** All texts of a value. */
export function textsBelow(node: Node): Array<Extract<Node, { kind: "text" }>> {
  if (node.kind === "text") return [node];
  if (node.kind === "list") return node.items.flatMap(textsBelow);
  return entriesOf(node).flatMap(([, { value }]) => textsBelow(value));
}

/** A value as a message quotes it: text in single quotes, on one line, cut when it is long. */
export function quote(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  const line = value.replace(/\s+/g, " ");
  return `'${line.length > 60 ? `${line.slice(0, 57).toWellFormed()}…` : line}'`;
}
