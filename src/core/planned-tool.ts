import type { JsonSchema } from "./json.ts";
import type { PermissionKind } from "./permission.ts";
import type { Template } from "./plan.ts";
import type { TemplateValue } from "./script.ts";
import type { Effects } from "./tool.ts";

/** What a tool that rein does not bring says of itself. */
export type ToolFacts = {
  name: string;
  description: string;
  input: JsonSchema;
  effects: Effects;
  /** The most time of one call, in milliseconds. */
  timeout: number;
  /** The file it is written in, as the user would name it. */
  origin: string;
  /**
   * What it works with, beside what it is: variables and hosts. Absent `env`: all variables that were granted. A variable that ends
   * in `?` is handed on if it was granted, and not needed.
   */
  permissions: Partial<Record<Extract<PermissionKind, "env" | "net">, string[]>>;
};

/** The variables that a tool cannot work without. */
export function neededVariables({ env = [] }: ToolFacts["permissions"]): string[] {
  return env.filter((name) => !name.endsWith("?"));
}

/** All variables that a tool may get by name. */
export function namedVariables({ env = [] }: ToolFacts["permissions"]): string[] {
  return env.map((name) => name.replace(/\?$/, ""));
}

/** A program: the words of its command, of which the first is text. It gets the arguments as JSON on stdin. */
export type RunTool = ToolFacts & { kind: "run"; run: Template[] };

export const httpMethods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** One request. Scheme, host and port of the URL are text. */
export type HttpTool = ToolFacts & {
  kind: "http";
  method: (typeof httpMethods)[number];
  url: Template;
  headers: Array<[name: string, value: Template]>;
  body?: TemplateValue;
};

/**
 * A sub-agent of the file. `arguments` are the values of its inputs, `prompt` what it is told; where both are absent the arguments of
 * a call are its inputs, and `prompt` among them what it is told.
 */
export type AgentTool = Omit<ToolFacts, "input"> & {
  kind: "agent";
  agent: string;
  /** Absent: the agent's own. */
  input?: JsonSchema;
  arguments?: TemplateValue;
  prompt?: Template;
};

/** A tool of a TypeScript or JavaScript module, by its absolute path and the name of the export. */
export type ModuleTool = ToolFacts & { kind: "module"; module: string; export: string };

/**
 * A tool of an MCP server of the file. `arguments` are what it is called with; where they are absent, the arguments of a call. An
 * absent `input` is that of the server's tool.
 */
export type McpTool = Omit<ToolFacts, "input"> & {
  kind: "mcp";
  server: string;
  tool: string;
  input?: JsonSchema;
  arguments?: TemplateValue;
};

/**
 * A tool of an agent file. `unloaded` stands for what only a module that was not loaded can tell: the tool of that name, or without
 * one all that the modules of the folder have. No run begins with it.
 */
export type PlannedTool =
  | { kind: "builtin"; name: string }
  | RunTool
  | HttpTool
  | AgentTool
  | ModuleTool
  | McpTool
  | { kind: "unloaded"; name?: string; modules: string[] };
