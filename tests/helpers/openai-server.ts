/**
 * A service on this machine that speaks Chat Completions as OpenAI's own does, well or badly as told.
 *
 * As a process: `bun tests/helpers/openai-server.ts [--turns N] [--tool NAME] [--arguments JSON] [--text TEXT] [--pieces N]
 * [--drip MS] [--behaviours JSON]` prints its base URL on the first line. `GET <base>/log` tells what it was asked.
 */
import { parseArgs } from "node:util";

/** A tool call on the wire. Without `id` or `index` the service leaves them out, as some do. */
export type WireCall = { id?: string; index?: number; name?: string; arguments: string | object };

export type Answer = {
  kind: "answer";
  text?: string;
  refusal?: string;
  reasoning?: { field: "reasoning_content" | "reasoning"; text: string };
  calls?: WireCall[];
  /** Default: `tool_calls` with calls, else `stop`. Null: the stream ends without one. */
  finish?: string | null;
  /** Default: 10 in (4 cached), 5 out (2 reasoning). Null: no usage chunk. */
  usage?: { input: number; output: number; cached: number; reasoning: number } | null;
  /** Characters of text and of arguments in one event. Default: words, and 16 characters. */
  split?: number;
  /** Bytes in one write. Default: as it comes. */
  write?: number;
  lineEnd?: "\n" | "\r\n" | "\r";
  /** Sends comments, chunks without choices and fields of other kinds between the events. */
  noise?: boolean;
  /** Default true: ends with `data: [DONE]`. */
  done?: boolean;
  /** Milliseconds before each event. */
  dripMs?: number;
  /** Milliseconds from the last event to the end of the body. */
  lingerMs?: number;
  /** Ends the body early: within the last event of text, within the first character of several bytes, or before the finish reason. */
  cut?: { at: "event" | "character" | "finish"; by: "end" | "reset" };
  /** Says nothing more, and keeps the connection: before the first byte, after the first event, or after the finish reason. */
  stall?: "start" | "middle" | "finish";
  /** Sent in place of the finish reason. */
  instead?: string;
};

export type Behaviour =
  | Answer
  | { kind: "status"; status: number; body?: string; headers?: Record<string, string> }
  | { kind: "whole"; body: string; type: string };

export type Recorded = { body: unknown; headers: Record<string, string> };

export type OpenAIServer = {
  /** What OPENAI_BASE_URL is set to. */
  baseUrl: string;
  requests: Recorded[];
  /** How many connections the requests came over. */
  connections(): number;
  /** Replaces what it does from now on. */
  behave(...behaviours: Behaviour[]): void;
  stop(): Promise<void>;
};

/** An error as OpenAI words it. */
export function errorBody(message: string, type = "invalid_request_error", code: string | null = null): string {
  return JSON.stringify({ error: { message, type, param: null, code } });
}

/** Starts the service. The behaviours are taken in order, the last one for all further requests; or chosen for each request. */
export function startOpenAIServer(
  behaviour: Behaviour[] | ((body: unknown, number: number) => Behaviour) = [],
): OpenAIServer {
  let choose = typeof behaviour === "function" ? behaviour : inOrder(behaviour);
  const requests: Recorded[] = [];
  const sockets = new Set<number>();
  const over = new AbortController();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    development: false,
    // A body that is cut on purpose ends here as well; Bun would print it.
    error: () => new Response(null, { status: 500 }),
    async fetch(request, server) {
      const path = new URL(request.url).pathname;
      if (path === "/v1/log") return Response.json({ requests, connections: sockets.size });
      const address = server.requestIP(request);
      if (address !== null) sockets.add(address.port);
      if (path !== "/v1/chat/completions" || request.method !== "POST") {
        return new Response(errorBody(`Invalid URL (${request.method} ${path})`), { status: 404, headers: json });
      }
      const body: unknown = await request.json();
      requests.push({ body, headers: Object.fromEntries(request.headers) });
      return respond(choose(body, requests.length), over.signal);
    },
  });
  return {
    baseUrl: `http://127.0.0.1:${server.port}/v1`,
    requests,
    connections: () => sockets.size,
    behave(...behaviours) {
      choose = inOrder(behaviours);
      requests.length = 0;
      sockets.clear();
    },
    async stop() {
      over.abort();
      await server.stop(true);
    },
  };
}

const json = { "content-type": "application/json" };

function inOrder(behaviours: Behaviour[]): () => Behaviour {
  let next = 0;
  return () => behaviours[Math.min(next++, behaviours.length - 1)] ?? { kind: "answer", text: "Hello" };
}

function respond(behaviour: Behaviour, over: AbortSignal): Response | Promise<Response> {
  if (behaviour.kind === "status") {
    const { status, body = errorBody(`Refused with ${status}`), headers } = behaviour;
    return new Response(body, { status, headers: { ...json, ...headers } });
  }
  if (behaviour.kind === "whole") return new Response(behaviour.body, { headers: { "content-type": behaviour.type } });
  if (behaviour.stall === "start") return new Promise(() => {});
  return new Response(streamOf(behaviour, over), {
    headers: { "content-type": "text/event-stream; charset=utf-8", "x-request-id": "req_1" },
  });
}

/** The events of an answer; the last of text, and the first after the content, by number. */
function eventsOf(answer: Answer): { events: string[]; lastText: number; finish: number } {
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
  if (answer.reasoning !== undefined) chunk({ [answer.reasoning.field]: answer.reasoning.text });
  for (const content of pieces(answer.text ?? "", answer.split)) chunk({ content });
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
  if (answer.usage !== null) {
    const { input, output, cached, reasoning } = answer.usage ?? { input: 10, output: 5, cached: 4, reasoning: 2 };
    const usage = {
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
      prompt_tokens_details: { cached_tokens: cached, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: reasoning, audio_tokens: 0 },
    };
    send(JSON.stringify({ ...head, choices: [], usage }));
  }
  if (answer.done !== false) send("[DONE]");
  return { events, lastText, finish };
}

function pieces(text: string, split: number | undefined): string[] {
  if (split === undefined) return text.match(/\s*\S+\s*/g) ?? [];
  const characters = [...text];
  return Array.from({ length: Math.ceil(characters.length / split) }, (_, index) =>
    characters.slice(index * split, (index + 1) * split).join(""),
  );
}

function fragmentsOf(call: WireCall, split = 16): object[] {
  const place = call.index === undefined ? {} : { index: call.index };
  const named = call.name === undefined ? {} : { name: call.name };
  const first = { ...place, ...(call.id === undefined ? {} : { id: call.id }), type: "function" };
  // Who leaves out the index, or sends an object, sends a call whole.
  if (call.index === undefined || typeof call.arguments !== "string") {
    return [{ ...first, function: { ...named, arguments: call.arguments } }];
  }
  const rest = pieces(call.arguments, split).map((piece) => ({ ...place, function: { arguments: piece } }));
  return [{ ...first, function: { ...named, arguments: "" } }, ...rest];
}

type Bytes = Uint8Array<ArrayBuffer>;

function streamOf(answer: Answer, over: AbortSignal): ReadableStream<Bytes> {
  const { events, lastText, finish } = eventsOf(answer);
  const encoder = new TextEncoder();
  let writes = events.map((event) => encoder.encode(event));
  if (answer.cut !== undefined) writes = cut(writes, answer.cut.at, lastText, finish);
  if (answer.stall === "middle") writes = writes.slice(0, 2);
  if (answer.stall === "finish") writes = writes.slice(0, finish + 1);
  if (answer.write !== undefined) writes = rewrite(writes, answer.write);
  return new ReadableStream({
    async start(controller) {
      for (const bytes of writes) {
        if (answer.dripMs !== undefined) await Bun.sleep(answer.dripMs);
        else if (answer.write !== undefined) await Bun.sleep(0);
        if (over.aborted) return;
        controller.enqueue(bytes);
      }
      if (answer.stall !== undefined) return;
      if (answer.lingerMs !== undefined) await Bun.sleep(answer.lingerMs);
      // Bun drops the connection of a body that failed; before that, what was written must have left.
      if (answer.cut?.by === "reset") {
        await Bun.sleep(5);
        controller.error(new Error("cut"));
      } else controller.close();
    },
  });
}

function cut(writes: Bytes[], at: "event" | "character" | "finish", lastText: number, finish: number): Bytes[] {
  if (at === "finish") return writes.slice(0, finish);
  const number = at === "event" ? lastText : writes.findIndex((bytes) => bytes.some((byte) => byte > 127));
  const bytes = writes[number] ?? new Uint8Array();
  const end = at === "event" ? bytes.length / 2 : bytes.findIndex((byte) => byte > 127) + 1;
  return [...writes.slice(0, number), bytes.slice(0, end)];
}

function rewrite(writes: Bytes[], size: number): Bytes[] {
  const all = new Uint8Array(Buffer.concat(writes));
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.subarray(index * size, (index + 1) * size),
  );
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
  const { values } = parseArgs({
    options: {
      turns: { type: "string", default: "1" },
      tool: { type: "string", default: "file_read" },
      arguments: { type: "string", default: '{"path":"README.md"}' },
      text: { type: "string", default: "Done" },
      pieces: { type: "string" },
      drip: { type: "string" },
      behaviours: { type: "string" },
    },
  });
  const text = values.pieces === undefined ? values.text : "word ".repeat(Number(values.pieces));
  const last: Answer = { kind: "answer", text, ...(values.drip === undefined ? {} : { dripMs: Number(values.drip) }) };
  const call: WireCall = { name: values.tool, arguments: values.arguments };
  const behaviours: Behaviour[] | undefined =
    values.behaviours === undefined ? undefined : JSON.parse(values.behaviours);
  const server = startOpenAIServer(behaviours ?? turnsOf(Number(values.turns), call, last));
  console.log(server.baseUrl);
}
