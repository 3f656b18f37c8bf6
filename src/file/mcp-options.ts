import type { McpServer } from "../core/mcp.ts";
import { milliseconds } from "./duration.ts";
import { serverName, type McpEntry } from "./mcp-schema.ts";
import { quote } from "./node.ts";
import type { Problem, Range } from "./source.ts";
import { ownToolSchema } from "./tool-schema.ts";

type Options = Pick<McpServer, "required" | "deadline" | "timeout" | "allow" | "permissions" | "instructions">;

/** What an entry that says nothing of it has. */
export const usualOptions: Options = { required: true, deadline: 10_000, timeout: 60_000, allow: [] };

/** How a run deals with a server. */
export function optionsOf({ required, deadline, timeout, allow, permissions, instructions }: McpEntry): Options {
  return {
    required: required ?? usualOptions.required,
    deadline: deadline === undefined ? usualOptions.deadline : milliseconds(deadline),
    timeout: timeout === undefined ? usualOptions.timeout : milliseconds(timeout),
    allow: allow ?? usualOptions.allow,
    ...(permissions === undefined ? {} : { permissions }),
    ...(instructions === true ? { instructions } : {}),
  };
}

/** Names that stand for something else where a server's name can stand. */
const reserved = new Set(["from", "constructor", "prototype", ...Object.keys(ownToolSchema.entries), "mcp"]);

/** What is wrong with a server's name. */
export function nameProblems(name: string, at: Range): Problem[] {
  if (reserved.has(name)) {
    return [{ code: "wrong_value", at, message: `A server cannot be named ${quote(name)}`, hint: "rename it" }];
  }
  if (serverName.test(name)) return [];
  const better = name
    .replace(/[^A-Za-z0-9_.-]+/g, "-")
    .replace(/^[^A-Za-z]+|-+$/g, "")
    .slice(0, 64);
  const message = "A server's name is at most 64 letters, digits, '_', '-' and '.', and starts with a letter";
  return [{ code: "wrong_value", at, message, hint: serverName.test(better) ? `write '${better}'` : undefined }];
}
