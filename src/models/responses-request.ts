import type {
  ResponseCreateParamsStreaming,
  ResponseInputContent,
  ResponseInputItem,
} from "openai/resources/responses/responses";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import type { Attachment, Message, ToolCall } from "../core/message.ts";
import type { ModelOptions, ModelRequest } from "../core/model.ts";
import { prefixOf } from "../core/prefix.ts";
import { remembered } from "../core/remembered.ts";
import { sendableArguments, sendableName } from "./arguments.ts";
import { dataUrl, isImage } from "./attachment.ts";
import { countField, listField } from "./fields.ts";

/** The request body; what goes back as the service wrote it is not looked into. */
type Body = Omit<ResponseCreateParamsStreaming, "input"> & { input: Item[] };
type Item = ResponseInputItem | JsonObject;
type AssistantMessage = Extract<Message, { role: "assistant" }>;

/** `origin` marks what `opaque` holds as ours: a session may go on with the model of another service. */
export type ResponsesTarget = { model: string; origin: string; options: ModelOptions };

/** Asked for their encrypted reasoning, models that have none refuse the request. */
const withoutReasoning = /^(ft:)?(gpt-3|gpt-4|chatgpt-|gpt-5-chat)/;

const wired = remembered(({ origin }: ResponsesTarget) =>
  remembered((message: Message) => inputItems(message, origin)),
);

/** The body of one request by the Responses API. The service keeps nothing of it: each request holds the whole conversation. */
export function responsesRequest(target: ResponsesTarget, request: ModelRequest): object {
  const { model, options } = target;
  const body: Body = {
    model,
    input: request.messages.flatMap(wired(target)),
    stream: true,
    store: false,
  };
  // Requests that begin alike go where their beginning is kept: https://developers.openai.com/api/docs/guides/prompt-caching
  body.prompt_cache_key = prefixOf(request).hash;
  if (!withoutReasoning.test(model)) body.include = ["reasoning.encrypted_content"];
  if (request.instructions !== "") body.instructions = request.instructions;
  // Never strict: strict mode takes only schemas that require every property and allow no others, and refuses the rest. The
  // schema guides the model; whether the answer fits is judged where it is used, by the same rules for every service.
  if (request.tools.length > 0) {
    body.tools = request.tools.map(({ name, description, input }) => ({
      type: "function",
      name,
      description,
      parameters: input,
      strict: false,
    }));
  }
  if (request.output !== undefined) {
    body.text = { format: { type: "json_schema", name: "answer", schema: request.output, strict: false } };
  }
  const longest = request.max_tokens ?? options.max_tokens;
  if (longest !== undefined) body.max_output_tokens = longest;
  if (options.temperature !== undefined) body.temperature = options.temperature;
  if (options.effort !== undefined) body.reasoning = { effort: options.effort };
  const tier = options.service_tier === undefined ? {} : { service_tier: options.service_tier };
  return { ...body, ...tier, ...options.extra_body };
}

function inputItems(message: Message, origin: string): Item[] {
  if (message.role === "user") {
    const { text, attachments = [] } = message;
    return [{ type: "message", role: "user", content: attachments.length === 0 ? text : parts(text, attachments) }];
  }
  if (message.role === "assistant") return returnedItems(message, origin) ?? plainItems(message);
  return message.results.map(({ id, content, attachments = [] }) => ({
    type: "function_call_output",
    call_id: wireId(id),
    output: attachments.length === 0 ? content : parts(content, attachments),
  }));
}

function parts(text: string, attachments: Attachment[]): ResponseInputContent[] {
  const shown = attachments.map((attachment, index): ResponseInputContent => {
    const url = dataUrl(attachment);
    if (isImage(attachment)) return { type: "input_image", image_url: url, detail: "auto" };
    return { type: "input_file", filename: attachment.name ?? `file-${index + 1}.pdf`, file_data: url };
  });
  return text === "" ? shown : [{ type: "input_text", text }, ...shown];
}

function plainItems({ text, calls }: AssistantMessage): Item[] {
  const said: Item[] = text === "" ? [] : [{ type: "message", role: "assistant", content: text }];
  return [...said, ...calls.map((call) => callItem(call, {}))];
}

function callItem(call: ToolCall, returned: JsonObject): JsonObject {
  const { id, name } = call;
  return {
    ...returned,
    type: "function_call",
    call_id: wireId(id),
    name: sendableName(name),
    arguments: sendableArguments(call.arguments),
  };
}

/** The service refuses ids that are longer. */
const longestId = 64;

/** An id that another service gave its call: some put a signature into it. Its ends together tell it from the others. */
function wireId(id: string): string {
  return id.length <= longestId ? id : id.slice(0, longestId / 2) + id.slice(-longestId / 2);
}

/**
 * The answer's items in the order in which the service sent them, its reasoning among them. Undefined where it wrote none, or
 * where the message is not what it wrote: reasoning that is not followed by its own item is refused.
 */
function returnedItems({ opaque, text, calls }: AssistantMessage, origin: string): Item[] | undefined {
  if (!isJsonObject(opaque) || opaque["provider"] !== origin) return undefined;
  const items: Item[] = [];
  let said = 0;
  let called = 0;
  for (const item of listField(opaque["items"])) {
    if (!isJsonObject(item)) return undefined;
    const { type, ...kept } = item;
    if (type === "said") {
      const { length, ...fields } = kept;
      const end = said + countField(length);
      const content = [{ type: "output_text", text: text.slice(said, end), annotations: [] }];
      items.push({ ...fields, type: "message", role: "assistant", status: "completed", content });
      said = end;
    } else if (type === "called") {
      const call = calls[called++];
      if (call === undefined) return undefined;
      items.push(callItem(call, kept));
    } else items.push(item);
  }
  return said === text.length && called === calls.length ? items : undefined;
}
