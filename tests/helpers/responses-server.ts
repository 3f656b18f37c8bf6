/**
 * A service on this machine that speaks the Responses API as OpenAI does, well or badly as told. As a process:
 * `bun tests/helpers/responses-server.ts`, with the flags of processOptions, prints its base URL on the first line.
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
import { errorBody } from "./openai-server.ts";

export type ResponsesCall = { call_id?: string; name?: string; arguments: string };

export type ResponsesReply = Delivery & {
  kind: "answer";
  text?: string;
  refusal?: string;
  /** Makes the text a message of this phase, after a message of the other one that says this. */
  commentary?: string;
  reasoning?: { summary: string[]; encrypted: string };
  calls?: ResponsesCall[];
  /** How it ends. Null: the stream ends without an end. */
  end?: "completed" | { incomplete: string } | { failed: object } | null;
  /** Default: 10 in (4 cached), 5 out (2 reasoning). Null: none. */
  usage?: Usage | null;
  /** Characters of text and of arguments in one event. Default: words, and 16 characters. */
  split?: number;
  lineEnd?: "\n" | "\r\n" | "\r";
  /** Sends comments and events of other kinds between the events. */
  noise?: boolean;
  /** Sends arguments in an item's last event only. */
  wholeCalls?: boolean;
  /** Sent in place of the end. */
  instead?: string;
};

export type ResponsesBehaviour = ResponsesReply | BadBehaviour;
export type ResponsesServer = FakeService<ResponsesBehaviour>;

const models = ["fake-1", "fake-1-mini"].map((id) => ({ id, object: "model", created: 1767225600, owned_by: "fake" }));

/** Starts the service; its behaviours as in startFakeService. */
export function startResponsesServer(
  behaviour: ResponsesBehaviour[] | ((body: unknown, number: number) => ResponsesBehaviour) = [],
): ResponsesServer {
  const wire = {
    base: "/v1",
    path: "/responses",
    documents: { "/models": { object: "list", data: models } },
    contentType: "text/event-stream; charset=utf-8",
    error: (message: string) => errorBody(message),
    complaint: requestComplaint,
    events: eventsOf,
  };
  return startFakeService<ResponsesReply>(wire, { kind: "answer", text: "Hello" }, behaviour);
}

/** An event of type error, as it comes in a stream. */
export function errorEvent(message: string, code: string | null): string {
  const event = { type: "error", code, message, param: null, sequence_number: 9 };
  return `event: error\ndata: ${JSON.stringify(event)}\n\n`;
}

function eventsOf(answer: ResponsesReply): WireEvents {
  const eol = answer.lineEnd ?? "\n";
  const events: string[] = [];
  let sequence = 0;
  const send = (type: string, fields: object) => {
    const data = JSON.stringify({ type, sequence_number: sequence++, ...fields });
    events.push(`event: ${type}${eol}data: ${data}${eol}${eol}`);
    if (answer.noise !== true) return;
    events.push(`: ping${eol}${eol}`, `event: keepalive${eol}data: {"type":"keepalive"}${eol}${eol}`);
  };
  const output: object[] = [];
  const item = (opened: object, content: (place: object) => void, done: object) => {
    const place = { output_index: output.length };
    send("response.output_item.added", { ...place, item: { ...opened, status: "in_progress" } });
    content(place);
    send("response.output_item.done", { ...place, item: done });
    output.push(done);
  };
  const response = {
    id: "resp_1",
    object: "response",
    created_at: 1767225600,
    status: "in_progress",
    error: null,
    incomplete_details: null,
    model: "fake-1",
    parallel_tool_calls: true,
    store: false,
    usage: null,
  };
  send("response.created", { response: { ...response, output: [] } });
  send("response.in_progress", { response: { ...response, output: [] } });

  if (answer.reasoning !== undefined) {
    const { summary, encrypted } = answer.reasoning;
    const opened = { id: `rs_${output.length}`, type: "reasoning", summary: [] };
    const parts = summary.map((text) => ({ type: "summary_text", text }));
    const think = (place: object) => {
      for (const [summary_index, part] of parts.entries()) {
        const where = { item_id: opened.id, ...place, summary_index };
        send("response.reasoning_summary_part.added", { ...where, part: { type: "summary_text", text: "" } });
        for (const delta of pieces(part.text, answer.split)) {
          send("response.reasoning_summary_text.delta", { ...where, delta, obfuscation: "x" });
        }
        send("response.reasoning_summary_text.done", { ...where, text: part.text });
        send("response.reasoning_summary_part.done", { ...where, part });
      }
    };
    item(opened, think, { ...opened, summary: parts, encrypted_content: encrypted });
  }

  let lastText = 1;
  const message = (text: string, kind: "output_text" | "refusal", phase: object) => {
    const opened = { id: `msg_${output.length}`, type: "message", role: "assistant", content: [], ...phase };
    const part =
      kind === "refusal" ? { type: kind, refusal: text } : { type: kind, text, annotations: [], logprobs: [] };
    const say = (place: object) => {
      const where = { item_id: opened.id, ...place, content_index: 0 };
      const empty = kind === "refusal" ? { refusal: "" } : { text: "" };
      send("response.content_part.added", { ...where, part: { ...part, ...empty } });
      const type = kind === "refusal" ? "response.refusal" : "response.output_text";
      for (const delta of pieces(text, answer.split)) send(`${type}.delta`, { ...where, delta, logprobs: [] });
      lastText = events.length - (answer.noise === true ? 3 : 1);
      send(`${type}.done`, { ...where, ...(kind === "refusal" ? { refusal: text } : { text, logprobs: [] }) });
      send("response.content_part.done", { ...where, part });
    };
    item(opened, say, { ...opened, status: "completed", content: [part] });
  };
  const { commentary } = answer;
  if (commentary !== undefined) message(commentary, "output_text", { phase: "commentary" });
  const phase = commentary === undefined ? {} : { phase: "final_answer" };
  if (answer.text !== undefined && answer.text !== "") message(answer.text, "output_text", phase);
  if (answer.refusal !== undefined) message(answer.refusal, "refusal", {});

  for (const call of answer.calls ?? []) {
    const opened = { id: `fc_${output.length}`, type: "function_call", ...call, arguments: "" };
    const write = (place: object) => {
      const where = { item_id: opened.id, ...place };
      if (answer.wholeCalls === true) return;
      for (const delta of pieces(call.arguments, answer.split ?? 16)) {
        send("response.function_call_arguments.delta", { ...where, delta, obfuscation: "xyz" });
      }
      send("response.function_call_arguments.done", { ...where, arguments: call.arguments });
    };
    item(opened, write, { ...opened, status: "completed", arguments: call.arguments });
  }

  const finish = events.length;
  const ended = { ...response, output, usage: usageOf(answer), ...endOf(answer) };
  if (answer.instead !== undefined) events.push(answer.instead);
  else if (answer.end !== null) send(`response.${ended.status}`, { response: ended });
  return { events, lastText, finish, document: ended };
}

function endOf({ end }: ResponsesReply) {
  if (end === undefined || end === null || end === "completed") return { status: "completed" };
  if ("incomplete" in end) return { status: "incomplete", incomplete_details: { reason: end.incomplete } };
  return { status: "failed", error: end.failed, usage: null };
}

function usageOf({ usage = { input: 10, output: 5, cached: 4, reasoning: 2 } }: ResponsesReply): object | null {
  if (usage === null) return null;
  return {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: usage.cached, cache_write_tokens: usage.cache_write ?? 0 },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: usage.input + usage.output,
  };
}

const parameters =
  `model input instructions stream store include tools tool_choice text max_output_tokens temperature top_p
  reasoning service_tier metadata parallel_tool_calls prompt_cache_key truncation user safety_identifier`.split(/\s+/);

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What OpenAI refuses in a request, in its words. */
function requestComplaint(body: unknown): string | undefined {
  if (!isFields(body)) return "We could not parse the JSON body of your request.";
  const unknown = Object.keys(body).find((name) => !parameters.includes(name));
  if (unknown !== undefined) return `Unknown parameter: '${unknown}'.`;
  if (typeof body["model"] !== "string") return "Missing required parameter: 'model'.";
  const { input, tools = [] } = body;
  if (!Array.isArray(tools)) return "Invalid type for 'tools'.";
  for (const [index, tool] of tools.entries()) {
    if (!isFields(tool) || tool["type"] !== "function" || typeof tool["name"] !== "string") {
      return `Missing required parameter: 'tools[${index}].name'.`;
    }
    if (!isFields(tool["parameters"])) return `Invalid type for 'tools[${index}].parameters'.`;
  }
  if (typeof input === "string") return undefined;
  if (!Array.isArray(input) || !input.every(isFields)) return "Invalid type for 'input'.";
  for (const [index, item] of input.entries()) {
    const complaint = itemComplaint(item, `input[${index}]`) ?? orderComplaint(input, index);
    if (complaint !== undefined) return complaint;
  }
  return undefined;
}

const itemFields: Record<string, string[]> = {
  message: ["type", "role", "content", "id", "status", "phase"],
  reasoning: ["type", "id", "summary", "content", "encrypted_content", "status"],
  function_call: ["type", "id", "call_id", "name", "arguments", "status"],
  function_call_output: ["type", "id", "call_id", "output", "status"],
};

const contentFields: Record<string, string[]> = {
  input_text: ["type", "text"],
  input_image: ["type", "image_url", "file_id", "detail"],
  input_file: ["type", "filename", "file_data", "file_id", "file_url"],
  output_text: ["type", "text", "annotations", "logprobs"],
  refusal: ["type", "refusal"],
};

function itemComplaint(item: Fields, path: string): string | undefined {
  const type = item["type"] ?? "message";
  const fields = typeof type === "string" ? itemFields[type] : undefined;
  if (fields === undefined) {
    return `Invalid value: '${type}'. Supported values are: ${Object.keys(itemFields).join(", ")}.`;
  }
  const unknown = Object.keys(item).find((name) => !fields.includes(name));
  if (unknown !== undefined) return `Unknown parameter: '${path}.${unknown}'.`;
  if (type === "message") {
    const said =
      item["role"] === "assistant" ? ["output_text", "refusal"] : ["input_text", "input_image", "input_file"];
    return contentComplaint(item["content"], said, `${path}.content`);
  }
  if (type === "function_call_output") {
    return contentComplaint(item["output"], ["input_text", "input_image", "input_file"], `${path}.output`);
  }
  const texts = type === "reasoning" ? ["id", "encrypted_content"] : ["call_id", "name", "arguments"];
  const missing = texts.find((name) => typeof item[name] !== "string");
  if (missing !== undefined) return `Missing required parameter: '${path}.${missing}'.`;
  return undefined;
}

function contentComplaint(content: unknown, allowed: string[], path: string): string | undefined {
  if (typeof content === "string") return undefined;
  if (!Array.isArray(content)) return `Missing required parameter: '${path}'.`;
  for (const [index, part] of content.entries()) {
    const type: unknown = isFields(part) ? part["type"] : undefined;
    if (!isFields(part) || typeof type !== "string" || !allowed.includes(type)) {
      return `Invalid value: '${type}'. Supported values are: ${allowed.join(", ")}.`;
    }
    const unknown = Object.keys(part).find((name) => contentFields[type]?.includes(name) !== true);
    if (unknown !== undefined) return `Unknown parameter: '${path}[${index}].${unknown}'.`;
    const url = part["image_url"] ?? part["file_data"] ?? "data:";
    if (typeof url !== "string" || !url.startsWith("data:")) return `Invalid '${path}[${index}]'. Expected a data URL.`;
  }
  return undefined;
}

/** Calls need their outputs, outputs their calls, and reasoning what followed from it. */
function orderComplaint(input: Fields[], index: number): string | undefined {
  const { type, call_id, id } = input[index] ?? {};
  const has = (kind: string, items: Fields[]) =>
    items.some((other) => other["type"] === kind && other["call_id"] === call_id);
  if (type === "function_call" && !has("function_call_output", input.slice(index))) {
    return `No tool output found for function call ${call_id}.`;
  }
  if (type === "function_call_output" && !has("function_call", input.slice(0, index))) {
    return `No tool call found for function call output with call_id ${call_id}.`;
  }
  const next = input[index + 1];
  const follows = ["reasoning", "function_call"].includes(String(next?.["type"])) || next?.["role"] === "assistant";
  if (type === "reasoning" && !follows) {
    return `Item '${id}' of type 'reasoning' was provided without its required following item.`;
  }
  return undefined;
}

/** Calls the tool until the conversation has `turns` answers with the one to come, then says the text: the same for each run. */
export function responsesTurnsOf(turns: number, call: ResponsesCall, last: ResponsesReply) {
  return (body: unknown): ResponsesBehaviour => {
    const input = isFields(body) && Array.isArray(body["input"]) ? body["input"] : [];
    const said = input.filter((item) => isFields(item) && item["type"] === "function_call").length;
    if (said + 1 >= turns) return last;
    return { kind: "answer", calls: [{ call_id: `call_${said + 1}`, ...call }] };
  };
}

if (import.meta.main) {
  const { turns, call, last, behaviours } = processOptions<ResponsesBehaviour>();
  console.log(startResponsesServer(behaviours ?? responsesTurnsOf(turns, call, last)).baseUrl);
}
