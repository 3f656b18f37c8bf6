import type {
  ChatCompletionCreateParamsStreaming,
  ChatCompletionMessageFunctionToolCall,
  ChatCompletionMessageParam,
} from "openai/resources/chat/completions";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { Message, ToolCall } from "../core/message.ts";
import type { ModelRequest } from "../core/model.ts";

/** Marks what `opaque` holds as ours: a session may go on with the model of another service. */
export const chatProvider = "openai-compatible";

/** The body of one Chat Completions request. */
export function chatRequest(model: string, request: ModelRequest): ChatCompletionCreateParamsStreaming {
  const messages: ChatCompletionMessageParam[] = [];
  if (request.instructions !== "") messages.push({ role: "system", content: request.instructions });
  for (const message of request.messages) messages.push(...wireMessages(message));
  const body: ChatCompletionCreateParamsStreaming = {
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  };
  // An empty list is refused by some services.
  if (request.tools.length > 0) {
    body.tools = request.tools.map(({ name, description, input }) => ({
      type: "function",
      function: { name, description, parameters: input },
    }));
  }
  // Never strict: strict mode takes only schemas that require every property and allow no others, and refuses the rest. The
  // schema guides the model; whether the answer fits is judged where it is used, by the same rules for every service.
  if (request.output !== undefined) {
    body.response_format = {
      type: "json_schema",
      json_schema: { name: "answer", schema: request.output, strict: false },
    };
  }
  return body;
}

function wireMessages(message: Message): ChatCompletionMessageParam[] {
  if (message.role === "user") return [{ role: "user", content: message.text }];
  if (message.role === "tool") {
    return message.results.map(({ id, content }) => ({ role: "tool", tool_call_id: id, content }));
  }
  if (message.calls.length === 0) return [{ role: "assistant", content: message.text }];
  return [
    {
      role: "assistant",
      content: message.text === "" ? null : message.text,
      tool_calls: message.calls.map(wireCall),
      ...returnedFields(message.opaque),
    },
  ];
}

function wireCall(call: ToolCall): ChatCompletionMessageFunctionToolCall {
  return { id: call.id, type: "function", function: { name: call.name, arguments: sendable(call.arguments) } };
}

/**
 * Arguments that are not JSON go back as an empty object: services parse them for the model's chat template, and refuse the whole
 * conversation for one malformed call. The call's result already tells the model what was wrong.
 */
function sendable(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return "{}";
  }
}

function returnedFields(opaque: Json | undefined): JsonObject {
  if (!isJsonObject(opaque) || opaque["provider"] !== chatProvider) return {};
  const fields = opaque["fields"];
  return isJsonObject(fields) ? fields : {};
}
