import type {
  Client,
  CreateMessageRequestParams,
  ElicitRequestFormParams,
  ClientOptions,
} from "@modelcontextprotocol/client";
import { ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/client";
import { isJsonObject, type JsonObject, type JsonSchema } from "../core/json.ts";
import type { Message } from "../core/message.ts";
import type { ModelRequest } from "../core/model.ts";
import type { Result } from "../core/result.ts";
import { asJson } from "./facts.ts";

/** What the run's model said to a server's question. */
export type Sampled = { text: string; model: string; stop: "end" | "length" };

/** How what a server asks of us is answered. Absent: it is declined, and the server is told so at the start. */
export type Answers = {
  sampling?(request: ModelRequest, signal: AbortSignal): Promise<Result<Sampled>>;
  /** Undefined: the person said no. Absent where there is nobody. */
  elicitation?(
    message: string,
    schema: JsonSchema,
    signal: AbortSignal,
  ): Promise<JsonObject | "declined" | "cancelled">;
  /** Absolute paths. */
  roots?(): readonly string[];
};

/** What a server is told that we can do for it. */
export function capabilitiesFor({ sampling, elicitation, roots }: Answers): NonNullable<ClientOptions["capabilities"]> {
  return {
    ...(sampling === undefined ? {} : { sampling: {} }),
    ...(elicitation === undefined ? {} : { elicitation: { form: {} } }),
    ...(roots === undefined ? {} : { roots: {} }),
  };
}

export function answerBy(client: Client, { sampling, elicitation, roots }: Answers): void {
  if (roots !== undefined) {
    client.setRequestHandler("roots/list", () => ({
      roots: roots().map((path) => ({ uri: fileUri(path), name: path })),
    }));
  }
  if (elicitation !== undefined) {
    client.setRequestHandler("elicitation/create", async ({ params }, { mcpReq: { signal } }) => {
      if (!isForm(params)) return { action: "decline" };
      const schema = asJson(params.requestedSchema);
      const answer = await elicitation(params.message, isJsonObject(schema) ? schema : {}, signal);
      if (answer === "declined") return { action: "decline" };
      if (answer === "cancelled") return { action: "cancel" };
      return { action: "accept", content: contentOf(answer) };
    });
  }
  if (sampling !== undefined) {
    client.setRequestHandler("sampling/createMessage", async ({ params }, { mcpReq: { signal } }) => {
      const said = await sampling(modelRequest(params), signal);
      if (!said.ok) throw new ProtocolError(ProtocolErrorCode.InternalError, said.error.message);
      const { text, model, stop } = said.value;
      const stopReason = stop === "end" ? "endTurn" : "maxTokens";
      return { role: "assistant", content: { type: "text", text }, model, stopReason };
    });
  }
}

/** The URI of an absolute path. */
export function fileUri(path: string): string {
  return new URL(`file://${path.split("/").map(encodeURIComponent).join("/")}`).href;
}

function isForm(params: object): params is ElicitRequestFormParams {
  return !("mode" in params) || params.mode === undefined || params.mode === "form";
}

function contentOf(answer: JsonObject): Record<string, string | number | boolean | string[]> {
  const content: Record<string, string | number | boolean | string[]> = {};
  for (const [name, value] of Object.entries(answer)) {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") content[name] = value;
    else if (Array.isArray(value)) content[name] = value.filter((item) => typeof item === "string");
  }
  return content;
}

/** The conversation that a server hands us, without tools: it gets one answer. */
function modelRequest({ systemPrompt = "", messages }: CreateMessageRequestParams): ModelRequest {
  return {
    instructions: systemPrompt,
    tools: [],
    messages: messages.map(({ role, content }): Message => {
      const blocks = Array.isArray(content) ? content : [content];
      const text = blocks.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
      if (role === "assistant") return { role: "assistant", text, calls: [] };
      const attachments = blocks.flatMap((block) =>
        block.type === "image" ? [{ mediaType: block.mimeType, data: block.data }] : [],
      );
      return { role: "user", text, ...(attachments.length === 0 ? {} : { attachments }) };
    }),
  };
}
