import {
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type CallToolResult,
  type McpServerFactory,
  type ServerCapabilities,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { CfWorkerJsonSchemaValidator } from "@modelcontextprotocol/server/validators/cf-worker";
import { misfits } from "../core/json-schema.ts";
import { isJsonObject, type JsonObject, type JsonSchema } from "../core/json.ts";
import { nearest } from "../core/nearest.ts";
import { version } from "../core/version.ts";

/** What a call came to: texts, and the value of the tool's output schema. `meta` is for programs, beside what a model reads. */
export type ServedResult = { content: string[]; structured?: JsonObject; error: boolean; meta: JsonObject };

/** A tool that we serve. */
export type ServedTool = {
  name: string;
  description: string;
  input: JsonSchema;
  /** Of an object; absent where the tool's result is text. */
  output?: JsonSchema;
  call(input: JsonObject, options: { signal: AbortSignal; progress(text: string): void }): Promise<ServedResult>;
};

/** Makes the server of one connection, or of one request over HTTP since 2026-07-28. */
export type Factory = McpServerFactory;

/** Makes the server of one connection, for all revisions of the protocol. */
export function serverFactory(tools: readonly ServedTool[]): McpServerFactory {
  const listed = tools.map(listedTool);
  return () => {
    const server = newServer({ tools: {} });
    server.setRequestHandler("tools/list", () => ({ tools: listed }));
    server.setRequestHandler("tools/call", async ({ params }, context) => {
      const tool = tools.find(({ name }) => name === params.name);
      const names = tools.map(({ name }) => name);
      if (tool === undefined) throw unknownTool(params.name, names);
      return callServed(tool, params.arguments ?? {}, context);
    });
    return server;
  };
}

export function newServer(capabilities: ServerCapabilities, instructions = ""): Server {
  return new Server(
    { name: "rein", version },
    {
      capabilities,
      jsonSchemaValidator: new CfWorkerJsonSchemaValidator(),
      ...(instructions === "" ? {} : { instructions }),
    },
  );
}

/** A tool of ours as a list has it. */
export function listedTool({ name, description, input, output }: ServedTool) {
  return {
    name,
    description,
    inputSchema: { ...input, type: "object" as const },
    ...(output === undefined ? {} : { outputSchema: { ...output, type: "object" as const } }),
  };
}

/** Ends a request that its client cancelled. Over HTTP the answer goes to the connection that asked for it, or nowhere. */
export function endOf({ mcpReq, http }: ServerContext): AbortSignal {
  return AbortSignal.any([mcpReq.signal, ...(http?.req === undefined ? [] : [http.req.signal])]);
}

/** Calls a tool of ours for a client. */
export async function callServed(tool: ServedTool, input: unknown, context: ServerContext): Promise<CallToolResult> {
  const { mcpReq } = context;
  if (!isJsonObject(input)) throw new ProtocolError(ProtocolErrorCode.InvalidParams, "The arguments are no object");
  const problems = misfits(tool.input, input);
  // A model that reads this can put it right.
  if (problems.length > 0) return failed(`The arguments do not fit '${tool.name}': ${problems.join("; ")}`);
  const token = mcpReq._meta?.progressToken;
  let told = 0;
  const progress = (message: string) => {
    if (token === undefined || mcpReq.signal.aborted) return;
    const report = { progressToken: token, progress: ++told, message };
    // Whoever went away is told nothing any more.
    mcpReq.notify({ method: "notifications/progress", params: report }).catch(() => undefined);
  };
  const { content, structured, error, meta } = await tool.call(input, { signal: endOf(context), progress });
  return {
    content: content.map((text) => ({ type: "text" as const, text })),
    ...(structured === undefined ? {} : { structuredContent: structured }),
    ...(error ? { isError: true } : {}),
    _meta: meta,
  };
}

/** A failed call, as a model reads it. */
export function failed(text: string): CallToolResult {
  return { content: [{ type: "text" as const, text }], isError: true };
}

export function unknownTool(name: string, names: readonly string[]): ProtocolError {
  const near = nearest(name, names);
  const hint = near === undefined ? `there is ${names.join(", ") || "none"}` : `did you mean '${near}'?`;
  return new ProtocolError(ProtocolErrorCode.InvalidParams, `No tool '${name}': ${hint}`);
}
