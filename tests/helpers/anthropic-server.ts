/**
 * A service on this machine that speaks the Messages API as Anthropic does, well or badly as told. As a process:
 * `bun tests/helpers/anthropic-server.ts`, with the flags of processOptions, prints its base URL on the first line.
 */
import type { Usage } from "../../src/core/model.ts";
import {
  pieces,
  processOptions,
  startFakeService,
  type BadBehaviour,
  type Delivery,
  type FakeService,
  type WireEvents,
} from "./fake-service.ts";

/** What an answer is made of. `input` is JSON text, as it is streamed; `thinking` is signed by the service. */
export type ClaudeBlock =
  | { type: "text"; text: string }
  | { type: "thinking"; thinking: string }
  | { type: "redacted_thinking"; data: string }
  | { type: "tool_use"; id: string; name: string; input: string }
  | { type: "server_tool_use"; id: string; name: string; input: string };

export type ClaudeReply = Delivery & {
  kind: "answer";
  content: ClaudeBlock[];
  /** Default: `tool_use` with calls, else `end_turn`. Null: none. */
  stop?: string | null;
  /** Why it was refused, where it says so. */
  explanation?: string;
  /** Default: 10 in (4 cached), 5 out (2 reasoning). Null: none. */
  usage?: Usage | null;
  /** Characters of text and of input in one event. Default: words, and 16 characters. */
  split?: number;
  lineEnd?: "\n" | "\r\n" | "\r";
  /** Sends comments and events of kinds to come between the events. */
  noise?: boolean;
  /** Sends the input of calls at once, as no service of Anthropic's does. */
  wholeInput?: boolean;
  /** Sent in place of the stop reason. */
  instead?: string;
};

export type ClaudeBehaviour = ClaudeReply | BadBehaviour;
export type AnthropicServer = FakeService<ClaudeBehaviour>;

const names = ["fake-1", "fake-1-mini"];

/** One model a page. */
function modelPage(query: URLSearchParams): object {
  const next = names.indexOf(query.get("after_id") ?? "") + 1;
  const data = names.slice(next, next + 1).map((id) => ({ type: "model", id, display_name: id }));
  return { data, has_more: next + 1 < names.length, first_id: names[next] ?? null, last_id: names[next] ?? null };
}

/** Starts the service; its behaviours as in startFakeService. */
export function startAnthropicServer(
  behaviour: ClaudeBehaviour[] | ((body: unknown, number: number) => ClaudeBehaviour) = [],
): AnthropicServer {
  const wire = {
    base: "",
    path: "/v1/messages",
    documents: { "/v1/models": modelPage },
    contentType: "text/event-stream; charset=utf-8",
    error: (message: string) => claudeError(message),
    complaint: requestComplaint,
    events: eventsOf,
  };
  const hello: ClaudeReply = { kind: "answer", content: [{ type: "text", text: "Hello" }] };
  return startFakeService<ClaudeReply>(wire, hello, behaviour);
}

/** An error as Anthropic words it. */
export function claudeError(message: string, type = "invalid_request_error"): string {
  return JSON.stringify({ type: "error", error: { details: null, type, message }, request_id: "req_1" });
}

/** An event of type error, as it comes in a stream. */
export function claudeErrorEvent(message: string, type: string): string {
  return `event: error\ndata: ${claudeError(message, type)}\n\n`;
}

/** What the service signs a thinking block with. */
export function signatureOf(thinking: string): string {
  return `Sig${Bun.hash(thinking).toString(36)}==`;
}

function eventsOf(answer: ClaudeReply): WireEvents {
  const { content, lineEnd: eol = "\n", noise = false, split } = answer;
  const events: string[] = [];
  const send = (type: string, fields: object = {}) => {
    events.push(`event: ${type}${eol}data: ${JSON.stringify({ type, ...fields })}${eol}${eol}`);
    if (noise) events.push(`: hm${eol}${eol}`, `event: later${eol}data: {"type":"later","index":0}${eol}${eol}`);
  };
  const head = { id: "msg_1", type: "message", role: "assistant", model: "fake-1", content: [] };
  const open = { container: null, stop_reason: null, stop_sequence: null, stop_details: null };
  const usage = usageOf(answer);
  send("message_start", {
    message: { ...head, ...open, usage: usage && { ...usage.before, service_tier: "standard" } },
  });
  let lastText = 0;
  for (const [index, block] of content.entries()) {
    send("content_block_start", { index, content_block: emptied(block, answer.wholeInput === true) });
    if (index === 0) send("ping");
    const delta = (fields: object) => send("content_block_delta", { index, delta: fields });
    switch (block.type) {
      case "text":
        for (const text of pieces(block.text, split)) delta({ type: "text_delta", text });
        lastText = events.length - (noise ? 3 : 1);
        break;
      case "thinking":
        for (const thinking of pieces(block.thinking, split)) delta({ type: "thinking_delta", thinking });
        delta({ type: "signature_delta", signature: signatureOf(block.thinking) });
        break;
      case "tool_use":
      case "server_tool_use":
        if (answer.wholeInput === true) break;
        delta({ type: "input_json_delta", partial_json: "" });
        // A call without arguments has an empty input, and no text of it.
        for (const partial_json of block.input === "{}" ? [] : pieces(block.input, split ?? 16)) {
          delta({ type: "input_json_delta", partial_json });
        }
    }
    send("content_block_stop", { index });
  }
  const finish = events.length;
  const calls = content.some((block) => block.type === "tool_use");
  const stop_reason = answer.stop === undefined ? (calls ? "tool_use" : "end_turn") : answer.stop;
  const { explanation = null } = answer;
  const stop_details = stop_reason === "refusal" ? { type: "refusal", category: null, explanation } : null;
  const delta = { container: null, stop_reason, stop_sequence: null, stop_details };
  if (answer.instead !== undefined) events.push(answer.instead);
  else {
    send("message_delta", { delta, usage: usage?.after ?? null });
    send("message_stop");
  }
  const counts = usage && { ...usage.before, ...usage.after, input_tokens: usage.before.input_tokens };
  const document = { ...head, ...delta, content: content.map(finished), usage: counts };
  return { events, lastText, finish, document };
}

function emptied(block: ClaudeBlock, whole: boolean): object {
  switch (block.type) {
    case "text":
      return { ...block, text: "", citations: null };
    case "thinking":
      return { ...block, thinking: "", signature: "" };
    case "redacted_thinking":
      return block;
    case "tool_use":
    case "server_tool_use":
      return { ...block, input: whole ? JSON.parse(block.input) : {}, caller: { type: "direct" } };
  }
}

function finished(block: ClaudeBlock): object {
  switch (block.type) {
    case "text":
      return { ...block, citations: null };
    case "thinking":
      return { ...block, signature: signatureOf(block.thinking) };
    case "redacted_thinking":
      return block;
    case "tool_use":
    case "server_tool_use":
      return { ...block, input: JSON.parse(block.input), caller: { type: "direct" } };
  }
}

/** Anthropic counts what was read from the cache and written to it apart. */
function usageOf({ usage = { input: 10, output: 5, cached: 4, reasoning: 2 } }: ClaudeReply) {
  if (usage === null) return null;
  const { cache_write: written = 0, cache_write_1h: hour = 0 } = usage;
  const counts = {
    input_tokens: usage.input - usage.cached - written,
    cache_creation_input_tokens: written,
    cache_creation: { ephemeral_5m_input_tokens: written - hour, ephemeral_1h_input_tokens: hour },
    cache_read_input_tokens: usage.cached,
  };
  return {
    before: { ...counts, output_tokens: 1, output_tokens_details: null },
    after: {
      input_tokens: null,
      output_tokens: usage.output,
      output_tokens_details: { thinking_tokens: usage.reasoning },
    },
  };
}

const parameters =
  `model max_tokens messages system stream tools tool_choice thinking output_config stop_sequences service_tier metadata
  cache_control container diagnostics inference_geo speed`.split(/\s+/);

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What Anthropic refuses in a request, in its words. */
function requestComplaint(body: unknown): string | undefined {
  if (!isFields(body)) return "The request body is not valid JSON";
  const unknown = Object.keys(body).find((name) => !parameters.includes(name));
  if (unknown !== undefined) return `${unknown}: Extra inputs are not permitted`;
  const { max_tokens, messages, tools = [], thinking } = body;
  const missing = ["model", "max_tokens", "messages"].find((name) => body[name] === undefined);
  if (missing !== undefined) return `${missing}: Field required`;
  if (body["system"] === "") return "system: text content blocks must be non-empty";
  if (!Array.isArray(messages) || !messages.every(isFields)) return "messages: Input should be a valid list";
  if (!Array.isArray(tools)) return "tools: Input should be a valid list";
  for (const [index, tool] of tools.entries()) {
    if (!isFields(tool) || !/^[\w-]{1,128}$/.test(String(tool["name"]))) {
      return `tools.${index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`;
    }
    const schema = tool["input_schema"];
    if (!isFields(schema) || schema["type"] !== "object")
      return `tools.${index}.custom.input_schema.type: Field required`;
  }
  if (isFields(thinking) && thinking["type"] === "enabled") {
    const budget = Number(thinking["budget_tokens"]);
    if (!(budget >= 1024)) return "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024";
    if (budget >= Number(max_tokens)) return "`max_tokens` must be greater than `thinking.budget_tokens`";
  }
  return formatComplaint(body["output_config"]) ?? messagesComplaint(messages);
}

function formatComplaint(config: unknown): string | undefined {
  const format = isFields(config) ? config["format"] : undefined;
  if (format === undefined) return undefined;
  const open = (schema: unknown): boolean =>
    isFields(schema) &&
    ((schema["type"] === "object" && schema["additionalProperties"] !== false) || Object.values(schema).some(open));
  if (!isFields(format) || format["type"] !== "json_schema" || !isFields(format["schema"])) {
    return "output_config.format: Field required";
  }
  if (!open(format["schema"])) return undefined;
  return "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false";
}

function messagesComplaint(messages: Fields[]): string | undefined {
  const turns: Array<{ role: unknown; content: Fields[] }> = [];
  for (const [index, { role, content, ...rest }] of messages.entries()) {
    const at = `messages.${index}`;
    const extra = Object.keys(rest)[0];
    if (extra !== undefined) return `${at}.${extra}: Extra inputs are not permitted`;
    if (role !== "user" && role !== "assistant") return `${at}.role: Unexpected role`;
    const blocks: unknown = typeof content === "string" ? [{ type: "text", text: content }] : content;
    if (!Array.isArray(blocks) || !blocks.every(isFields)) return `${at}.content: Input should be a valid list`;
    if (blocks.length === 0) return `${at}: all messages must have non-empty content`;
    for (const [place, block] of blocks.entries()) {
      const complaint = blockComplaint(block, role, `${at}.content.${place}`);
      if (complaint !== undefined) return complaint;
    }
    // Neighbours of one role are one turn.
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else turns.push({ role, content: [...blocks] });
  }
  if (turns[0]?.role !== "user") return 'messages: first message must use the "user" role';
  for (const [index, { content }] of turns.entries()) {
    const complaint = orderComplaint(content, turns[index - 1]?.content ?? [], turns[index + 1]?.content ?? [], index);
    if (complaint !== undefined) return complaint;
  }
  return undefined;
}

const blockFields: Record<string, string[]> = {
  text: ["type", "text", "cache_control"],
  image: ["type", "source", "cache_control"],
  document: ["type", "source", "title", "context", "citations", "cache_control"],
  tool_use: ["type", "id", "name", "input", "caller", "cache_control"],
  tool_result: ["type", "tool_use_id", "content", "is_error", "cache_control"],
  thinking: ["type", "thinking", "signature"],
  redacted_thinking: ["type", "data"],
};

const places: Record<string, string[]> = {
  user: ["text", "image", "document", "tool_result"],
  assistant: ["text", "tool_use", "thinking", "redacted_thinking"],
  result: ["text", "image", "document"],
};

function blockComplaint(block: Fields, place: string, at: string): string | undefined {
  const type = String(block["type"]);
  const fields = blockFields[type];
  if (fields === undefined || places[place]?.includes(type) !== true) {
    return `${at}: Input tag '${type}' found using 'type' does not match any of the expected tags: ${places[place]}`;
  }
  const extra = Object.keys(block).find((name) => !fields.includes(name));
  if (extra !== undefined) return `${at}.${type}.${extra}: Extra inputs are not permitted`;
  switch (type) {
    case "text":
      if (typeof block["text"] !== "string") return `${at}.text.text: Field required`;
      if (block["text"] === "") return "messages: text content blocks must be non-empty";
      return block["text"].trim() === "" ? "messages: text content blocks must contain non-whitespace text" : undefined;
    case "image":
      return sourceComplaint(block["source"], /^image\/(jpeg|png|gif|webp)$/, `${at}.image.source`);
    case "document":
      return sourceComplaint(block["source"], /^application\/pdf$/, `${at}.document.source`);
    case "tool_use":
      if (!/^[a-zA-Z0-9_-]+$/.test(String(block["id"]))) {
        return `${at}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`;
      }
      return isFields(block["input"]) ? undefined : `${at}.tool_use.input: Input should be a valid dictionary`;
    case "tool_result": {
      const { content = "" } = block;
      if (typeof content === "string") return undefined;
      if (!Array.isArray(content)) return `${at}.tool_result.content: Input should be a valid list`;
      const complaints = content.map((one, index) =>
        blockComplaint(one, "result", `${at}.tool_result.content.${index}`),
      );
      return complaints.find((complaint) => complaint !== undefined);
    }
    case "thinking":
      if (block["signature"] === signatureOf(String(block["thinking"]))) return undefined;
      return `${at}: Invalid \`signature\` in \`thinking\` block`;
    default:
      return typeof block["data"] === "string" ? undefined : `${at}.redacted_thinking.data: Field required`;
  }
}

function sourceComplaint(source: unknown, types: RegExp, at: string): string | undefined {
  if (!isFields(source) || source["type"] !== "base64") return `${at}: Field required`;
  if (!types.test(String(source["media_type"]))) return `${at}.base64.media_type: Input should be '${types.source}'`;
  return /^[A-Za-z0-9+/]+={0,2}$/.test(String(source["data"])) ? undefined : `${at}.base64.data: Invalid base64 data`;
}

/** Each call needs its result in the very next turn, at its beginning; each result its call in the one before. */
function orderComplaint(content: Fields[], before: Fields[], after: Fields[], index: number): string | undefined {
  const ids = (blocks: Fields[], type: string, name: string) =>
    blocks.filter((block) => block["type"] === type).map((block) => block[name]);
  const calls = ids(content, "tool_use", "id");
  const twice = calls.find((id, place) => calls.indexOf(id) !== place);
  if (twice !== undefined) return `messages.${index}: \`tool_use\` ids must be unique`;
  const unanswered = calls.filter((id) => !ids(after, "tool_result", "tool_use_id").includes(id));
  if (unanswered.length > 0) {
    return `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${unanswered.join(", ")}`;
  }
  const stray = ids(content, "tool_result", "tool_use_id").find((id) => !ids(before, "tool_use", "id").includes(id));
  if (stray !== undefined) {
    return `messages.${index}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray}`;
  }
  const order = content.map((block) => (block["type"] === "tool_result" ? "result" : "other"));
  if (order.includes("result") && order.lastIndexOf("result") > order.indexOf("other") && order.includes("other")) {
    return `messages.${index}: \`tool_result\` blocks must come before other content`;
  }
  return undefined;
}

/** Calls the tool until the conversation has `turns` answers with the one to come, then says the text: the same for each run. */
export function claudeTurnsOf(turns: number, call: { name: string; arguments: string }, last: ClaudeReply) {
  return (body: unknown): ClaudeBehaviour => {
    const messages = isFields(body) && Array.isArray(body["messages"]) ? body["messages"] : [];
    const said = messages.filter((message) => isFields(message) && message["role"] === "assistant").length;
    if (said + 1 >= turns) return last;
    const { name, arguments: input } = call;
    return { kind: "answer", content: [{ type: "tool_use", id: `toolu_${said + 1}`, name, input }] };
  };
}

if (import.meta.main) {
  const { turns, call, last, behaviours } = processOptions<ClaudeBehaviour>();
  const { text, ...delivery } = last;
  const end: ClaudeReply = { ...delivery, content: [{ type: "text", text }] };
  console.log(startAnthropicServer(behaviours ?? claudeTurnsOf(turns, call, end)).baseUrl);
}
