import type { ChatRequest, Message as WireMessage, Tool, ToolCall as WireCall } from "ollama/browser";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import type { Attachment, Message, ToolCall } from "../core/message.ts";
import type { ModelOptions, ModelRequest } from "../core/model.ts";
import { remembered } from "../core/remembered.ts";
import { sendableArguments } from "./arguments.ts";
import { objectField, textField } from "./fields.ts";

/** Marks what `opaque` holds as ours: a session may go on with the model of another service. */
export const origin = "ollama";

/** Newer servers tell calls apart by ids, and know two fields that the SDK does not: better a failure than half a prompt. */
type Request = ChatRequest & { stream: true; truncate: false; shift: false };
type Call = WireCall & { id: string };
type Answered = WireMessage & { tool_call_id: string };

const wired = remembered(wireMessages);

/** The body of one request to /api/chat. `context` is what it asks for, in tokens. */
export function ollamaRequest(model: string, options: ModelOptions, request: ModelRequest, context: number): Request {
  const messages: WireMessage[] = [];
  if (request.instructions !== "") messages.push({ role: "system", content: request.instructions });
  for (const message of request.messages) messages.push(...wired(message));
  const body: Request = { model, messages, stream: true, truncate: false, shift: false };
  if (request.tools.length > 0) body.tools = request.tools.map(wireTool);
  // With a format the model can write nothing else, no call either. Whether the answer fits is judged in any case.
  else if (request.output !== undefined) body.format = request.output;
  const { effort, extra_body: extra = {} } = options;
  if (effort !== undefined) body.think = efforts[effort];
  const settings: JsonObject = { num_ctx: context };
  if (options.temperature !== undefined) settings["temperature"] = options.temperature;
  const longest = request.max_tokens ?? options.max_tokens;
  if (longest !== undefined) settings["num_predict"] = longest;
  if (options.seed !== undefined) settings["seed"] = options.seed;
  if (options.stop !== undefined) settings["stop"] = options.stop;
  // Ollama's own options are in a map of their own: those of the file are put into it, not in its place.
  return { ...body, ...extra, options: { ...settings, ...objectField(extra["options"]) } };
}

const efforts = { none: false, minimal: "low", low: "low", medium: "medium", high: "high", max: "high" } as const;

function wireTool({ name, description, input }: ModelRequest["tools"][number]): Tool {
  return { type: "function", function: { name, description, parameters: input } };
}

function wireMessages(message: Message): WireMessage[] {
  if (message.role === "user") return [{ role: "user", content: message.text, ...images(message.attachments) }];
  if (message.role === "tool") {
    return message.results.map(({ id, name, content, attachments }): Answered => {
      return { role: "tool", content, tool_name: name, tool_call_id: id, ...images(attachments) };
    });
  }
  const { text, calls, opaque } = message;
  const written = objectField(opaque);
  const thinking = written["provider"] === origin ? textField(written["thinking"]) : "";
  return [
    {
      role: "assistant",
      content: text,
      ...(thinking === "" ? {} : { thinking }),
      ...(calls.length === 0 ? {} : { tool_calls: calls.map(wireCall) }),
    },
  ];
}

function images(attachments: Attachment[] = []): { images?: string[] } {
  return attachments.length === 0 ? {} : { images: attachments.map(({ data }) => data) };
}

function wireCall({ id, name, arguments: text }: ToolCall): Call {
  const value: unknown = JSON.parse(sendableArguments(text));
  return { id, function: { name, arguments: isJsonObject(value) ? value : {} } };
}
