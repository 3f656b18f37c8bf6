/**
 * A service on this machine that speaks Chat Completions as OpenAI's own does, well or badly as told. As a process:
 * `bun tests/helpers/openai-server.ts`, with the flags of processOptions, prints its base URL on the first line.
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

/** A tool call on the wire. Without `id` or `index` the service leaves them out, as some do. */
export type WireCall = {
  id?: string;
  index?: number;
  name?: string;
  arguments: string | object;
  /** What Google wants back with the call. */
  extra_content?: object;
};

export type Answer = Delivery & {
  kind: "answer";
  text?: string;
  refusal?: string;
  /** In a field of its own, or as Google marks it in the content. */
  reasoning?: { field: "reasoning_content" | "reasoning" | "content"; text: string };
  calls?: WireCall[];
  /** Default: `tool_calls` with calls, else `stop`. Null: the stream ends without one. */
  finish?: string | null;
  /** Default: 10 in (4 cached), 5 out (2 reasoning). Null: no usage chunk. */
  usage?: Usage | null;
  /** Counts what was thought in the total only, as Google does. */
  apart?: boolean;
  /** Characters of text and of arguments in one event. Default: words, and 16 characters. */
  split?: number;
  lineEnd?: "\n" | "\r\n" | "\r";
  /** Sends comments, chunks without choices and fields of other kinds between the events. */
  noise?: boolean;
  /** Default true: ends with `data: [DONE]`. */
  done?: boolean;
  /** Sent in place of the finish reason. */
  instead?: string;
};

export type Behaviour = Answer | BadBehaviour;
export type OpenAIServer = FakeService<Behaviour>;

/** An error as OpenAI words it. */
export function errorBody(message: string, type = "invalid_request_error", code: string | null = null): string {
  return JSON.stringify({ error: { message, type, param: null, code } });
}

const models = ["fake-1", "fake-1-mini"].map((id) => ({ id, object: "model", created: 1767225600, owned_by: "fake" }));

/** Starts the service; its behaviours as in startFakeService. `base` is the path of its base URL. */
export function startOpenAIServer(
  behaviour: Behaviour[] | ((body: unknown, number: number) => Behaviour) = [],
  base = "/v1",
): OpenAIServer {
  const wire = {
    base,
    path: "/chat/completions",
    documents: { "/models": { object: "list", data: models } },
    contentType: "text/event-stream; charset=utf-8",
    error: (message: string) => errorBody(message),
    events: eventsOf,
  };
  return startFakeService<Answer>(wire, { kind: "answer", text: "Hello" }, behaviour);
}

/** The events of an answer; the last of text, and the first after the content, by number. */
function eventsOf(answer: Answer): WireEvents {
  const eol = answer.lineEnd ?? "\n";
  const events: string[] = [];
  const send = (data: string) => events.push(`data: ${data}${eol}${eol}`);
  const head = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1767225600, model: "fake-1" };
  const chunk = (delta: object, finish: string | null = null) => {
    const choices = [{ index: 0, delta, logprobs: null, finish_reason: finish }];
    send(JSON.stringify({ ...head, service_tier: "default", system_fingerprint: "fp_1", choices, usage: null }));
    if (!answer.noise) return;
    events.push(`: ping${eol}${eol}`, `id: 7${eol}retry: 10${eol}unknown: x${eol}`);
    send(JSON.stringify({ ...head, choices: [], prompt_filter_results: [] }));
  };

  chunk({ role: "assistant", content: answer.calls === undefined ? "" : null, refusal: null });
  const { reasoning } = answer;
  const marked = reasoning?.field === "content";
  if (reasoning !== undefined && !marked) chunk({ [reasoning.field]: reasoning.text });
  if (marked) {
    const thoughts = pieces(`<thought>${reasoning.text}`, answer.split);
    for (const content of thoughts) chunk({ content, extra_content: { google: { thought: true } } });
  }
  const said = pieces(answer.text ?? "", answer.split);
  for (const [index, content] of said.entries())
    chunk({ content: marked && index === 0 ? `</thought>${content}` : content });
  const lastText = events.length - 1;
  for (const refusal of pieces(answer.refusal ?? "", answer.split)) chunk({ refusal });
  const wire = (answer.calls ?? []).map((call) => fragmentsOf(call, answer.split));
  // Parallel calls come one after the other from OpenAI, and mixed from others.
  for (let turn = 0; wire.some((fragments) => turn < fragments.length); turn++) {
    for (const fragments of wire) if (fragments[turn] !== undefined) chunk({ tool_calls: [fragments[turn]] });
  }
  const finish = events.length;
  if (answer.instead !== undefined) events.push(answer.instead);
  const reason = answer.finish === undefined ? (answer.calls === undefined ? "stop" : "tool_calls") : answer.finish;
  if (reason !== null) chunk({}, reason);
  const usage = usageOf(answer);
  if (usage !== null) send(JSON.stringify({ ...head, choices: [], usage }));
  if (answer.done !== false) send("[DONE]");
  const choice = { index: 0, message: messageOf(answer), logprobs: null, finish_reason: reason };
  return { events, lastText, finish, document: { ...head, object: "chat.completion", choices: [choice], usage } };
}

function usageOf({ apart, usage = { input: 10, output: 5, cached: 4, reasoning: 2 } }: Answer): object | null {
  if (usage === null) return null;
  const { input, output, cached, reasoning, cache_write: cache_write_tokens } = usage;
  return {
    prompt_tokens: input,
    completion_tokens: apart === true ? output - reasoning : output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached, audio_tokens: 0, cache_write_tokens },
    ...(apart === true ? {} : { completion_tokens_details: { reasoning_tokens: reasoning, audio_tokens: 0 } }),
  };
}

/** The whole message. Google puts what was thought before the text. */
function messageOf({ text = "", refusal, reasoning, calls }: Answer): object {
  const marked = reasoning?.field === "content";
  const content = marked ? `<thought>${reasoning.text}</thought>${text}` : text;
  return {
    role: "assistant",
    content: content === "" ? null : content,
    refusal: refusal ?? null,
    ...(marked ? { extra_content: { google: { thought: true } } } : {}),
    ...(reasoning === undefined || marked ? {} : { [reasoning.field]: reasoning.text }),
    ...(calls === undefined ? {} : { tool_calls: calls.map(wholeCall) }),
  };
}

function wholeCall({ index: _index, name, arguments: args, ...call }: WireCall): object {
  return { ...call, type: "function", function: { name, arguments: args } };
}

function fragmentsOf(call: WireCall, split = 16): object[] {
  const place = call.index === undefined ? {} : { index: call.index };
  const named = call.name === undefined ? {} : { name: call.name };
  const extra = call.extra_content === undefined ? {} : { extra_content: call.extra_content };
  const first = { ...place, ...(call.id === undefined ? {} : { id: call.id }), type: "function", ...extra };
  // Who leaves out the index, or sends an object, sends a call whole.
  if (call.index === undefined || typeof call.arguments !== "string") {
    return [{ ...first, function: { ...named, arguments: call.arguments } }];
  }
  const rest = pieces(call.arguments, split).map((piece) => ({ ...place, function: { arguments: piece } }));
  return [{ ...first, function: { ...named, arguments: "" } }, ...rest];
}

/** Calls the tool until the conversation has `turns` answers with the one to come, then says the text: the same for each run. */
export function turnsOf(turns: number, call: WireCall, last: Answer): (body: unknown) => Behaviour {
  return (body) => {
    const messages: unknown = typeof body === "object" && body !== null && "messages" in body ? body.messages : [];
    const said = Array.isArray(messages) ? messages.filter((message) => message?.role === "assistant").length : 0;
    if (said + 1 >= turns) return last;
    return { kind: "answer", calls: [{ index: 0, id: `call_${said + 1}`, ...call }] };
  };
}

if (import.meta.main) {
  const { turns, call, last, behaviours } = processOptions<Behaviour>();
  console.log(startOpenAIServer(behaviours ?? turnsOf(turns, call, last)).baseUrl);
}
