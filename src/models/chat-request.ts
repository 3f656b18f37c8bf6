import type {
  ChatCompletionContentPart,
  ChatCompletionCreateParamsStreaming,
  ChatCompletionMessageFunctionToolCall,
  ChatCompletionMessageParam,
} from "openai/resources/chat/completions";
import type { Json, JsonObject } from "../core/json.ts";
import { attachmentsOf, type Attachment, type Message, type ToolCall } from "../core/message.ts";
import type { ModelOptions, ModelRequest } from "../core/model.ts";
import { remembered } from "../core/remembered.ts";
import { sendableArguments, sendableName } from "./arguments.ts";
import { dataUrl, isImage } from "./attachment.ts";
import type { ChatDialect } from "./chat-dialect.ts";
import { listField, objectField } from "./fields.ts";

/** Where a request goes. `origin` marks what `opaque` holds as ours: a session may go on with the model of another service. */
export type ChatTarget = { model: string; origin: string; dialect: ChatDialect; options: ModelOptions };

type AssistantMessage = Extract<Message, { role: "assistant" }>;

const wired = remembered(({ origin, dialect }: ChatTarget) =>
  remembered((message: Message) => wireMessages(message, origin, dialect)),
);

/** The body of one Chat Completions request. */
export function chatRequest(target: ChatTarget, request: ModelRequest): object {
  const { model, dialect, options } = target;
  const wire = wired(target);
  const messages: ChatCompletionMessageParam[] = [];
  if (request.instructions !== "") messages.push({ role: "system", content: request.instructions });
  for (const message of request.messages) messages.push(...wire(message));
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
  const { temperature, max_tokens, effort, seed, stop, service_tier, extra_body } = options;
  const chosen = {
    temperature,
    [dialect.limit]: request.max_tokens ?? max_tokens,
    reasoning_effort: effort === "max" ? dialect.max : effort,
    seed,
    stop,
    service_tier,
  };
  // What is undefined is not sent.
  return { ...body, ...chosen, ...extra_body };
}

function wireMessages(message: Message, origin: string, dialect: ChatDialect): ChatCompletionMessageParam[] {
  const shown = attachmentsOf(message);
  if (message.role === "user") {
    return [{ role: "user", content: shown.length === 0 ? message.text : parts(message.text, shown, dialect) }];
  }
  if (message.role === "assistant") return [assistantMessage(message, origin, dialect)];
  const results = message.results.map(({ id, content }): ChatCompletionMessageParam => {
    return { role: "tool", tool_call_id: id, content };
  });
  if (shown.length === 0) return results;
  // A tool's message holds text only: what its calls show follows as the user's.
  const of = message.results.filter(({ attachments = [] }) => attachments.length > 0).map(({ name }) => `'${name}'`);
  return [...results, { role: "user", content: parts(`What ${of.join(", ")} returned:`, shown, dialect) }];
}

function parts(text: string, attachments: Attachment[], dialect: ChatDialect): ChatCompletionContentPart[] {
  const shown = attachments.map((attachment, index): ChatCompletionContentPart => {
    const url = dataUrl(attachment);
    if (isImage(attachment) || dialect.pdf === "image_url") return { type: "image_url", image_url: { url } };
    return { type: "file", file: { filename: attachment.name ?? `file-${index + 1}.pdf`, file_data: url } };
  });
  return text === "" ? shown : [{ type: "text", text }, ...shown];
}

function assistantMessage(
  { text, calls, opaque }: AssistantMessage,
  origin: string,
  dialect: ChatDialect,
): ChatCompletionMessageParam {
  if (calls.length === 0) return { role: "assistant", content: text };
  const written = objectField(opaque);
  const returned = written["provider"] === origin ? written : undefined;
  const extras = returned === undefined ? [dialect.foreignCall] : listField(returned["calls"]);
  return {
    role: "assistant",
    content: text === "" ? null : text,
    tool_calls: calls.map((call, index) => wireCall(call, extras[index] ?? undefined)),
    ...objectField(returned?.["fields"]),
  };
}

/** `extra` is what the service wants back with the call. */
function wireCall(call: ToolCall, extra: Json | undefined): ChatCompletionMessageFunctionToolCall & JsonObject {
  const { id, name } = call;
  const wire = {
    id,
    type: "function" as const,
    function: { name: sendableName(name), arguments: sendableArguments(call.arguments) },
  };
  return extra === undefined ? wire : { ...wire, extra_content: extra };
}
