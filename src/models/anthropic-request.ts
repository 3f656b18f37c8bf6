import type {
  MessageCreateParamsStreaming,
  OutputConfig,
  ThinkingConfigParam,
} from "@anthropic-ai/sdk/resources/messages";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { Attachment, Message, ToolCall } from "../core/message.ts";
import type { ModelOptions, ModelRequest } from "../core/model.ts";
import { remembered } from "../core/remembered.ts";
import { longestClaudeAnswer } from "./answer-length.ts";
import { heldTo } from "./anthropic-schema.ts";
import { sendableArguments, sendableName } from "./arguments.ts";
import { isPdf } from "./attachment.ts";
import { countField, listField } from "./fields.ts";

type WireMessage = { role: "user" | "assistant"; content: string | JsonObject[] };
type Body = Omit<MessageCreateParamsStreaming, "messages"> & { messages: WireMessage[] };
type AssistantMessage = Extract<Message, { role: "assistant" }>;

/** `origin` marks what `opaque` holds as ours: a session may go on with another model. */
export type AnthropicTarget = { model: string; origin: string; options: ModelOptions };

/** Models that think by a budget only: https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking */
const thinksByBudget = /^claude-(2|3|instant|(opus|sonnet|haiku)-4(-[015])?(-2025\d{4})?$)/;

/** An effort for models that only know budgets, in tokens. The API takes none below 1024. */
const leastBudget = 1024;
const budgets = { minimal: leastBudget, low: 2048, medium: 8192, high: 16_000, max: 24_000 };

/**
 * The service keeps what stands before a mark for five minutes, and reads it for a tenth of the price
 * (https://platform.claude.com/docs/en/build-with-claude/prompt-caching). A request may have four: the ends of the tools and of the
 * instructions, and those of two turns: the newest is written, and the one before it, which the last request wrote, is read.
 */
const mark = { cache_control: { type: "ephemeral" as const } };
const markedTurns = 2;

/** Whose `extra_body` has marks sets all of them: with ours they could be too many. */
function marksItself({ extra_body }: ModelOptions): boolean {
  return JSON.stringify(extra_body ?? {}).includes('"cache_control"');
}

function markTurns(messages: WireMessage[]): WireMessage[] {
  const asked = messages.flatMap(({ role }, index) => (role === "user" ? [index] : [])).slice(-markedTurns);
  return messages.map((message, index) => {
    if (!asked.includes(index)) return message;
    const blocks = typeof message.content === "string" ? textBlocks(message.content) : message.content;
    const last = blocks.at(-1);
    return last === undefined ? message : { ...message, content: [...blocks.slice(0, -1), { ...last, ...mark }] };
  });
}

const wired = remembered(({ origin }: AnthropicTarget) =>
  remembered((message: Message) => wireMessage(message, origin)),
);

/** The body of one request by the Messages API. */
export function anthropicRequest(target: AnthropicTarget, request: ModelRequest): object {
  const { model, options } = target;
  const { instructions, tools, output } = request;
  const held = output === undefined ? undefined : heldTo(output);
  const system = output === undefined || held?.whole === true ? instructions : withSchema(instructions, output);
  const { max_tokens = Math.max(longestClaudeAnswer, 2 * (options.thinking ?? 0)) } = options;
  const longest = request.max_tokens ?? max_tokens;
  const thinking = thinkingOf(model, options, longest);
  const messages = request.messages.flatMap(wired(target));
  const own = marksItself(options);
  const marked = own ? {} : mark;
  const body: Body = {
    model,
    max_tokens: longest,
    // What is asked once is read back by nobody: to write it to the cache would cost a quarter more.
    messages: own || (tools.length === 0 && messages.length === 1) ? messages : markTurns(messages),
    stream: true,
  };
  if (system.trim() !== "") body.system = [{ type: "text", text: system, ...marked }];
  if (tools.length > 0) {
    body.tools = tools.map(({ name, description, input }, index) => ({
      name,
      description,
      input_schema: { ...input, type: "object" },
      ...(index === tools.length - 1 ? marked : {}),
    }));
  }
  if (thinking !== undefined) body.thinking = thinking;
  const outputConfig: OutputConfig = {};
  if (held !== undefined) outputConfig.format = { type: "json_schema", schema: held.schema };
  const effort = effortOf(model, options);
  if (effort !== undefined) outputConfig.effort = effort;
  if (Object.keys(outputConfig).length > 0) body.output_config = outputConfig;
  if (options.stop !== undefined) body.stop_sequences = options.stop;
  const tier = options.service_tier === undefined ? {} : { service_tier: options.service_tier };
  return { ...body, ...tier, ...options.extra_body };
}

/** Where the service cannot hold the model to a schema, or not to all of it, the model is told of it. Whether the answer fits is judged elsewhere. */
function withSchema(instructions: string, schema: Json): string {
  const demand = `Your final answer must be JSON that fits this JSON Schema, with nothing before or after it:\n${JSON.stringify(schema)}`;
  return instructions === "" ? demand : `${instructions}\n\n${demand}`;
}

function thinkingOf(model: string, { effort, thinking }: ModelOptions, longest: number) {
  const budget = (tokens: number): ThinkingConfigParam => ({ type: "enabled", budget_tokens: tokens });
  const off: ThinkingConfigParam = { type: "disabled" };
  // A budget for thinking that is no smaller than the answer's is refused.
  if (thinking !== undefined && thinking < longest) return budget(thinking);
  if (thinking !== undefined) return longest < 2 * leastBudget ? off : budget(Math.floor(longest / 2));
  if (effort === undefined) return undefined;
  if (effort === "none") return off;
  // Current models keep what they think to themselves unless they are asked.
  const adaptive: ThinkingConfigParam = { type: "adaptive", display: "summarized" };
  if (!thinksByBudget.test(model)) return adaptive;
  // Thinking counts as part of the answer, which needs some room as well.
  const tokens = Math.min(budgets[effort], Math.floor(longest / 2));
  return tokens < leastBudget ? off : budget(tokens);
}

function effortOf(model: string, { effort }: ModelOptions): OutputConfig["effort"] | undefined {
  if (effort === undefined || effort === "none" || thinksByBudget.test(model)) return undefined;
  return effort === "minimal" ? "low" : effort;
}

function wireMessage(message: Message, origin: string): WireMessage[] {
  if (message.role === "user") {
    const { text, attachments = [] } = message;
    if (attachments.length === 0) return [{ role: "user", content: text }];
    return [{ role: "user", content: [...attachments.map(attachmentBlock), ...textBlocks(text)] }];
  }
  if (message.role === "tool") {
    return [{ role: "user", content: message.results.map(resultBlock) }];
  }
  const content = returnedBlocks(message, origin) ?? [...textBlocks(message.text), ...message.calls.map(callBlock)];
  // A message without content is refused.
  return content.length === 0 ? [] : [{ role: "assistant", content }];
}

/** Text of nothing but blanks is refused. */
function textBlocks(text: string): JsonObject[] {
  return text.trim() === "" ? [] : [{ type: "text", text }];
}

function attachmentBlock(attachment: Attachment): JsonObject {
  const { mediaType: media_type, data, name } = attachment;
  const source = { type: "base64", media_type, data };
  if (!isPdf(attachment)) return { type: "image", source };
  return { type: "document", source, ...(name === undefined ? {} : { title: name }) };
}

function callBlock({ id, name, arguments: args }: ToolCall): JsonObject {
  const input: Json = JSON.parse(sendableArguments(args));
  return { type: "tool_use", id: wireId(id), name: sendableName(name), input: isJsonObject(input) ? input : {} };
}

function resultBlock({
  id,
  content,
  error,
  attachments = [],
}: Extract<Message, { role: "tool" }>["results"][number]): JsonObject {
  const blocks = [...textBlocks(content), ...attachments.map(attachmentBlock)];
  return {
    type: "tool_result",
    tool_use_id: wireId(id),
    ...(blocks.length === 0 ? {} : { content: attachments.length === 0 ? content : blocks }),
    ...(error ? { is_error: true } : {}),
  };
}

/** The ids of another service's calls may hold characters that this one refuses. */
function wireId(id: string): string {
  return id.replace(/[^\w-]/g, "_");
}

/**
 * The answer's blocks in the order in which the service sent them, its signed thinking among them. Undefined where it did not
 * think, or where the message is not what it wrote.
 */
function returnedBlocks({ opaque, text, calls }: AssistantMessage, origin: string): JsonObject[] | undefined {
  if (!isJsonObject(opaque) || opaque["provider"] !== origin) return undefined;
  const blocks: JsonObject[] = [];
  let said = 0;
  let called = 0;
  for (const block of listField(opaque["blocks"])) {
    if (!isJsonObject(block)) return undefined;
    if (block["type"] === "said") {
      const end = said + countField(block["length"]);
      blocks.push(...textBlocks(text.slice(said, end)));
      said = end;
    } else if (block["type"] === "called") {
      const call = calls[called++];
      if (call === undefined) return undefined;
      blocks.push(callBlock(call));
    } else blocks.push(block);
  }
  return said === text.length && called === calls.length ? blocks : undefined;
}
