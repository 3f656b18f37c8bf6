/**
 * The fake service of the benchmark, a process of its own: as little as answers Chat Completions, Messages, Responses and Ollama's
 * API. Prints its port. Under `/<turns>/<id>/` it asks for `file_read` until the conversation has that many turns, and then says
 * the answer. `GET /log/<id>` tells when each request of that id came and when its answer was handed to the socket, by
 * CLOCK_MONOTONIC.
 */
import { monotonicNs } from "./clock.ts";

export type Served = { at: number; sent: number };

const log = new Map<string, Served[]>();
const answer = "It is done.";
const tool = "file_read";
const input = { path: "notes.txt" };
const args = JSON.stringify(input);

/** One service's answer of this turn: the answer when it is the last one, else a call of the tool. */
type Wire = { path: string; body(turn: number, last: boolean, streamed: boolean): string; type?: string };

const wires: Wire[] = [
  {
    path: "/chat/completions",
    body(turn, last, streamed) {
      const head = { id: "c", created: 1, model: "bench" };
      const call = { index: 0, id: `call_${turn}`, type: "function", function: { name: tool, arguments: args } };
      const message = last
        ? { role: "assistant", content: answer }
        : { role: "assistant", content: null, tool_calls: [call] };
      const finish = last ? "stop" : "tool_calls";
      const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
      if (!streamed) {
        const choices = [{ index: 0, message, finish_reason: finish }];
        return JSON.stringify({ ...head, object: "chat.completion", choices, usage });
      }
      const chunk = (choices: object[], rest: object = {}): object => ({
        ...head,
        object: "chat.completion.chunk",
        choices,
        ...rest,
      });
      return (
        event(chunk([{ index: 0, delta: message, finish_reason: null }])) +
        event(chunk([{ index: 0, delta: {}, finish_reason: finish }])) +
        event(chunk([], { usage })) +
        "data: [DONE]\n\n"
      );
    },
  },
  {
    path: "/messages",
    body(turn, last, streamed) {
      const usage = { input_tokens: 10, output_tokens: 5 };
      const message = { id: "m", type: "message", role: "assistant", model: "bench", usage };
      const call = { type: "tool_use", id: `call_${turn}`, name: tool };
      const stop = { stop_reason: last ? "end_turn" : "tool_use", stop_sequence: null };
      if (!streamed) {
        const content = [last ? { type: "text", text: answer } : { ...call, input }];
        return JSON.stringify({ ...message, content, ...stop });
      }
      const content_block = last ? { type: "text", text: "" } : { ...call, input: {} };
      const delta = last ? { type: "text_delta", text: answer } : { type: "input_json_delta", partial_json: args };
      return events([
        { type: "message_start", message: { ...message, content: [], stop_reason: null, stop_sequence: null } },
        { type: "content_block_start", index: 0, content_block },
        { type: "content_block_delta", index: 0, delta },
        { type: "content_block_stop", index: 0 },
        { type: "message_delta", delta: stop, usage },
        { type: "message_stop" },
      ]);
    },
  },
  {
    path: "/responses",
    body(turn, last, streamed) {
      const content = [{ type: "output_text", text: answer, annotations: [] }];
      const message = { id: "i", type: "message", role: "assistant", status: "completed", content };
      const call = { id: "i", type: "function_call", call_id: `call_${turn}`, name: tool, arguments: args };
      const item = last ? message : { ...call, status: "completed" };
      const usage = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };
      const response = { id: "r", object: "response", created_at: 1, model: "bench", output: [item], usage };
      if (!streamed) return JSON.stringify({ ...response, status: "completed" });
      const begun = last ? { ...message, content: [] } : { ...call, arguments: "" };
      const delta = last
        ? { type: "response.output_text.delta", item_id: "i", output_index: 0, content_index: 0, delta: answer }
        : { type: "response.function_call_arguments.delta", item_id: "i", output_index: 0, delta: args };
      return events([
        { type: "response.created", response: { ...response, status: "in_progress", output: [] } },
        { type: "response.output_item.added", output_index: 0, item: { ...begun, status: "in_progress" } },
        delta,
        { type: "response.output_item.done", output_index: 0, item },
        { type: "response.completed", response: { ...response, status: "completed" } },
      ]);
    },
  },
  {
    path: "/api/chat",
    type: "application/x-ndjson",
    body(turn, last, streamed) {
      const head = { model: "bench", created_at: "2026-01-01T00:00:00Z" };
      const call = { id: `call_${turn}`, function: { name: tool, arguments: input } };
      const message = last
        ? { role: "assistant", content: answer }
        : { role: "assistant", content: "", tool_calls: [call] };
      const end = { done: true, done_reason: "stop", prompt_eval_count: 10, eval_count: 5 };
      if (!streamed) return JSON.stringify({ ...head, message, ...end });
      const empty = { role: "assistant", content: "" };
      return [
        { ...head, message, done: false },
        { ...head, message: empty, ...end },
      ]
        .map((line) => `${JSON.stringify(line)}\n`)
        .join("");
    },
  },
];

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

/** Events that are called what their data's type says. */
function events(list: Array<Record<string, unknown> & { type: string }>): string {
  return list.map((data) => `event: ${data.type}\n${event(data)}`).join("");
}

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  idleTimeout: 0,
  async fetch(request) {
    const at = monotonicNs();
    const { pathname } = new URL(request.url);
    const [, first = "", id = ""] = pathname.split("/");
    if (first === "log") return Response.json(log.get(id) ?? []);
    const wire = wires.find(({ path }) => pathname.endsWith(path));
    if (wire === undefined || request.method !== "POST") return Response.json({ data: [] });
    const served = log.get(id) ?? [];
    log.set(id, served);
    const streamed = /"stream": ?true/.test(await request.text());
    const turn = served.length + 1;
    const body = wire.body(turn, turn >= Number(first), streamed);
    const type = streamed ? (wire.type ?? "text/event-stream") : "application/json";
    const response = new Response(body, { headers: { "content-type": type } });
    served.push({ at, sent: monotonicNs() });
    return response;
  },
});
console.log(server.port);
