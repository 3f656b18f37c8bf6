import type { Failure, Result } from "./result.ts";
import type { Json, JsonObject, JsonSchema } from "./json.ts";
import type { Denial, PermissionLists } from "./permission.ts";

/** Where something stands that a message speaks of. Lines and columns start at 1. */
export type Place = { file: string; line: number; column: number };

/**
 * A piece of a text of a server's entry: text, a hole of an agent file (`env.NAME`, `input.x`, `run.id`), or of an `.mcp.json` a
 * variable, with what stands for it where it is not set (`${VAR:-otherwise}`).
 */
export type McpPiece = { text: string } | { path: string[] } | { variable: string; otherwise?: string };

/** A text of a server's entry, and where it stands. */
export type McpText = { pieces: McpPiece[]; place: Place };

/** How servers are spoken to. `sdk` is a module of the user, in a process of its own. */
export const mcpTransports = ["stdio", "http", "sse", "websocket", "sdk"] as const;

export type McpTransportName = (typeof mcpTransports)[number];

/**
 * What a remote server's sign-in needs to be told; all else it says itself. `client_id` may be the URL of a document that says who the
 * client is.
 */
export type McpOauth<Text = McpText> = { client_id?: string; client_secret?: Text; scopes?: string[] };

/** Variables or headers: names and their values. */
export type Named<Text> = Array<[name: string, value: Text]>;

/** How one server is reached. `Text` is `McpText` in a plan, and a string when it is about to be reached. */
export type McpTransport<Text = McpText> =
  /** A program and its arguments. Its environment is `env` and what `permissions.env` of the server names. */
  | { kind: "stdio"; command: Text[]; cwd?: Text; env: Named<Text> }
  | { kind: "http" | "sse" | "websocket"; url: Text; headers: Named<Text>; oauth?: McpOauth<Text> }
  /** A module by its absolute path; it exports a server, or a function that makes one. */
  | { kind: "sdk"; module: string; env: Named<Text> };

/** What a server may ask of us. What is not allowed is declined. */
export const mcpRequests = ["sampling", "elicitation", "roots"] as const;

export type McpRequest = (typeof mcpRequests)[number];

/** What `rein.lock` holds of a server: the hash of its tool list, and of each tool by its name, in hex; `listed` is what was hashed. */
export type McpPin = {
  file: string;
  hash: string;
  tools: Record<string, string>;
  listed: JsonObject[];
  /** What it says of itself, where the file lets the model read that. */
  instructions?: string;
};

/** An MCP server of an agent file. */
export type McpServer = {
  name: string;
  place: Place;
  transport: McpTransport;
  /** Whether a run can do without it. */
  required: boolean;
  /** The most time until it is ready, and of one call, in milliseconds. */
  deadline: number;
  timeout: number;
  /**
   * What its child gets, at most what the run has; absent: all but variables. Of variables it never gets more than `env` here and
   * those of its transport.
   */
  permissions?: PermissionLists;
  allow: McpRequest[];
  /** The model reads what it says of itself. Absent: it does not. */
  instructions?: true;
  /** The tools that `tools:` picks of it. Absent: all, or none where own tools of the file name it. */
  picks?: ServerPick[];
  pin?: McpPin;
};

/** A tool of a server that a file picks: by its name, or by a pattern in which `*` is any characters. Only a name is renamed. */
export type ServerPick = { name: string; as?: string; place: Place };

/** What a server says of a tool. `raw` is all of it, as it came. */
export type McpToolFacts = {
  name: string;
  title?: string;
  description: string;
  input: JsonSchema;
  output?: JsonSchema;
  annotations: { readOnly?: boolean; destructive?: boolean; idempotent?: boolean; openWorld?: boolean };
  raw: JsonObject;
};

/** A tool as the model is offered it: `name` is that of the server, or what the file calls it. */
export type OfferedTool = { server: string; name: string; facts: McpToolFacts };

/** A tool that a server lists and that cannot be used. `why` can stand after its name and a colon. */
export type LeftOutTool = { tool: string; why: string };

/** `down`: it died after its restart, or could not be restarted. */
export type McpState = "starting" | "ready" | "failed" | "restarting" | "down" | "closed";

/** How a server is. `protocol`: the version that was agreed on; `server`: what it calls itself. */
export type McpStatus = {
  name: string;
  transport: McpTransportName;
  required: boolean;
  state: McpState;
  /** From its start to its list of tools. */
  ready_ms?: number;
  tools: number;
  /** What it lists beside them, and is not offered; absent where that is nothing. */
  left_out?: LeftOutTool[];
  error?: string;
  /** What it says of itself. */
  instructions?: string;
  protocol?: string;
  server?: { name: string; version: string };
};

/**
 * Why a server did not become ready. `message` says it so that it can stand after "Cannot start the MCP server 'x': "; `said` the
 * end of what its program wrote to stderr.
 */
export type StartFailure = {
  why:
    /** There is no such program, module or host. */
    | "not_found"
    /** Its program ended. */
    | "ended"
    | "deadline"
    /** Nothing listens there. */
    | "refused"
    | "tls"
    /** It answers, but not as MCP. */
    | "not_mcp"
    /** It is a server of another transport. */
    | "wrong_transport"
    | "unauthorized"
    /** It speaks no version of the protocol that we speak. */
    | "protocol"
    | "denied"
    | "cancelled"
    | "failed";
  message: string;
  hint?: string;
  said?: string;
  denial?: Denial;
};

/** A part of what a tool, a resource or a prompt gives. `data` is base64. */
export type McpContent =
  | { kind: "text"; text: string }
  | { kind: "media"; mediaType: string; data: string }
  | { kind: "resource"; uri: string; mediaType?: string; text: string }
  | { kind: "blob"; uri: string; mediaType?: string; data: string }
  | { kind: "link"; uri: string; name: string; description?: string; mediaType?: string };

/** What a call came to. `error`: the tool says that it failed. */
export type McpResult = { content: McpContent[]; structured?: Json; error: boolean };

export type McpResource = {
  server: string;
  /** A URI, or of a template (RFC 6570) its pattern. */
  uri: string;
  template: boolean;
  name: string;
  description?: string;
  mediaType?: string;
  size?: number;
};

export type McpPrompt = {
  server: string;
  name: string;
  description?: string;
  arguments: Array<{ name: string; description?: string; required: boolean }>;
};

export type McpPromptMessage = { role: "user" | "assistant"; content: McpContent };

export type McpCall = {
  signal: AbortSignal;
  /** Told of each progress notification, as a line of text. */
  progress?(text: string): void;
};

/** The servers of one run, as tools, chat and commands see them. Names of tools are those of their servers. */
export type McpDoor = {
  status(): McpStatus[];
  /** All tools of the servers that are ready, as the file picks and names them, in the order of the file. */
  tools(): OfferedTool[];
  /** What a server says of one of its tools, whether it is offered or not. */
  facts(server: string, tool: string): McpToolFacts | undefined;
  /** Counts up whenever `tools` changes. */
  version(): number;
  call(server: string, tool: string, input: JsonObject, call: McpCall): Promise<Result<McpResult>>;
  resources(server: string, signal: AbortSignal): Promise<Result<McpResource[]>>;
  readResource(server: string, uri: string, call: McpCall): Promise<Result<McpContent[]>>;
  prompts(server: string, signal: AbortSignal): Promise<Result<McpPrompt[]>>;
  prompt(
    server: string,
    name: string,
    values: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Result<McpPromptMessage[]>>;
};

/** A start that failed, as a failure of whatever needed it. */
export function failureOf({ why, message, denial }: StartFailure): Failure {
  const code =
    why === "denied" ? "denied" : why === "deadline" ? "timeout" : why === "cancelled" ? "cancelled" : "failed";
  return { code, message, ...(denial === undefined ? {} : { denial }) };
}
