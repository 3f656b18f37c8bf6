import { ProtocolError, ProtocolErrorCode, Server, type McpServerFactory } from "@modelcontextprotocol/server";
import { CfWorkerJsonSchemaValidator } from "@modelcontextprotocol/server/validators/cf-worker";
import { validate } from "../core/json-schema.ts";
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

/** Makes the server of one connection, for all revisions of the protocol. */
export function serverFactory(tools: readonly ServedTool[]): McpServerFactory {
  const listed = tools.map(({ name, description, input, output }) => ({
    name,
    description,
    inputSchema: { ...input, type: "object" as const },
    ...(output === undefined ? {} : { outputSchema: { ...output, type: "object" as const } }),
  }));
  return () => {
    const server = new Server(
      { name: "rein", version },
      { capabilities: { tools: {} }, jsonSchemaValidator: new CfWorkerJsonSchemaValidator() },
    );
    server.setRequestHandler("tools/list", () => ({ tools: listed }));
    server.setRequestHandler("tools/call", async ({ params }, { mcpReq }) => {
      const tool = tools.find(({ name }) => name === params.name);
      if (tool === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, unknown(params.name, tools));
      const input: unknown = params.arguments ?? {};
      if (!isJsonObject(input)) throw new ProtocolError(ProtocolErrorCode.InvalidParams, "The arguments are no object");
      const problems = validate(tool.input, input);
      // A model that reads this can put it right.
      if (problems.length > 0) return failure(`The arguments do not fit '${tool.name}': ${problems.join("; ")}`);
      const token = mcpReq._meta?.progressToken;
      let told = 0;
      const progress = (message: string) => {
        if (token === undefined || mcpReq.signal.aborted) return;
        const report = { progressToken: token, progress: ++told, message };
        // Whoever went away is told nothing any more.
        mcpReq.notify({ method: "notifications/progress", params: report }).catch(() => undefined);
      };
      const { content, structured, error, meta } = await tool.call(input, { signal: mcpReq.signal, progress });
      return {
        content: content.map((text) => ({ type: "text" as const, text })),
        ...(structured === undefined ? {} : { structuredContent: structured }),
        ...(error ? { isError: true } : {}),
        _meta: meta,
      };
    });
    return server;
  };
}

function failure(text: string) {
  return { content: [{ type: "text" as const, text }], isError: true };
}

function unknown(name: string, tools: readonly ServedTool[]): string {
  const names = tools.map((tool) => tool.name);
  const near = nearest(name, names);
  return `No tool '${name}': ${near === undefined ? `there is ${names.join(", ")}` : `did you mean '${near}'?`}`;
}
