/*
 * How rein talks to the process that a tool module runs in: JSON text sequences (RFC 7464) over its stdin and stdout. What else the
 * module prints to stdout stands between the records, and is no part of them.
 */

import type { Json, JsonObject } from "./json.ts";

/** Our executable's first argument when it is started as such a process; the module's path follows. */
export const moduleWorker = "--module-worker";

/** The same for a module that exports an MCP server; it is spoken to as any server over stdio. */
export const moduleServer = "--module-server";

/** What the process of a module is: one of its tools, or the server that it exports. */
export type ModuleRole = typeof moduleWorker | typeof moduleServer;

/** A record: `\x1e`, JSON, and a line feed. */
export function record(message: ToModule | FromModule): string {
  return `${separator}${JSON.stringify(message)}\n`;
}

export const separator = "\x1e";

/** A call of the tool that is exported by that name; or that a call is to stop, which is answered as any other once it has. */
export type ToModule = { id: number; export: string; input: JsonObject } | { id: number; stop: true };

/** First what the module exports, or why it could not be loaded; then what came of each call, in any order. */
export type FromModule =
  | { exports: DescribedExport[] }
  | { failed: string }
  | { id: number; output: string }
  | { id: number; result: string; error: boolean };

/** What the code says of one export, nothing of it judged: `definition` lacks `run`, and has its input as JSON Schema. */
export type DescribedExport = {
  export: string;
  definition: Json;
  /** Where `tool(` was called, from 1 on. */
  line: number;
  column: number;
  /** The parameters that `run` destructures; null where it takes them as a whole. */
  parameters: string[] | null;
};
