import type { McpPiece, McpText, McpTransportName, Place } from "../core/mcp.ts";
import type { Problem, Range } from "./source.ts";
import type { TextNode } from "./template.ts";

/** The ways to a server: the key that says where it is. */
export type Way = "command" | "url" | "module";

/** What a text of an entry is for: a hole can stand in it by that. */
export type TextUse = "program" | "argument" | "folder" | "variable" | "header" | "url";

/** The file that an entry stands in, and what its texts may hold. */
export type EntryFile = {
  folder: string;
  text: string;
  place(at: Range): Place;
  holes(node: TextNode, use: TextUse): { pieces: McpPiece[]; problems: Problem[] };
  ways: readonly Way[];
  /** What else the file may call a transport. */
  aliases: Readonly<Record<string, McpTransportName>>;
  /** Whether a secret that is written out is a mistake, or what other programs made its author do. */
  plainSecrets: "error" | "warning";
  /** Variables that hold what only a service may see. */
  keys: readonly string[];
  /** The caller's variables; absent where only the file is looked at. */
  variable?: ((name: string) => string | undefined) | undefined;
};

/** What an entry asks for by being there, as rules of `permissions`. */
export type EntryRequests = { run: string[]; net: string[]; env: string[] };

export function noRequests(): EntryRequests {
  return { run: [], net: [], env: [] };
}

export function addRequests(all: EntryRequests, { run, net, env }: EntryRequests): void {
  all.run.push(...run);
  all.net.push(...net);
  all.env.push(...env);
}

/** `shown`: how it begins where it stands. */
export type Variable = { name: string; needed: boolean; shown: RegExp };

export function variableOf(piece: McpPiece): Variable[] {
  if ("variable" in piece) {
    const { variable: name, otherwise } = piece;
    return [{ name, needed: otherwise === undefined, shown: new RegExp(`\\$\\{${name}(:-[^}]*)?\\}`) }];
  }
  if (!("path" in piece) || piece.path[0] !== "env") return [];
  const [, name = ""] = piece.path;
  return name === "" ? [] : [{ name, needed: true, shown: new RegExp(`\\$\\{\\{\\s*env\\.${name}\\s*\\}\\}`) }];
}

/** Where a part of a text stands in the file; where it cannot be found there, since it is escaped, all of the text. */
export function rangeIn(node: TextNode, shown: string | RegExp, text: string): Range {
  const [start, end] = node.text;
  const source = text.slice(start, end);
  const found = typeof shown === "string" ? source.indexOf(shown) : source.search(shown);
  if (found < 0) return node.at;
  const length = typeof shown === "string" ? shown.length : (shown.exec(source)?.[0].length ?? 1);
  return [start + found, start + found + length];
}

/** A text with its holes filled, as far as that is known before a run: `undefined` where it is not. */
export function known({ pieces }: McpText, { variable }: Pick<EntryFile, "variable">): string | undefined {
  let text = "";
  for (const piece of pieces) {
    const [found] = variableOf(piece);
    const otherwise = "variable" in piece ? piece.otherwise : undefined;
    const value = "text" in piece ? piece.text : found && (variable?.(found.name) || otherwise);
    if (value === undefined) return undefined;
    text += value;
  }
  return text;
}
