/** A service on this machine that speaks Ollama's own API as its server does, well or badly as told. */
import { isJsonObject } from "../../src/core/json.ts";
import {
  pieces,
  startFakeService,
  type BadBehaviour,
  type Delivery,
  type FakeService,
  type WireEvents,
} from "./fake-service.ts";

export type OllamaReply = Delivery & {
  kind: "answer";
  text?: string;
  thinking?: string;
  /** Without `id` as old servers send them. */
  calls?: Array<{ id?: string; name: string; arguments: object | string }>;
  /** Default: `stop`. Null: the last line gives none, as old servers do. */
  reason?: string | null;
  /** Default: 10 in, 5 out. Null: none, as when nothing had to be read anew. */
  usage?: { input: number; output: number } | null;
  /** Characters of text in one line. Default: words. */
  split?: number;
  lineEnd?: "\n" | "\r\n" | "\n\n" | "";
  /** Sent in place of the last line. */
  instead?: string;
};

export type OllamaBehaviour = OllamaReply | BadBehaviour;
export type OllamaServer = FakeService<OllamaBehaviour>;

/** What /api/show says of each model. */
const models: Record<string, { context?: number; usual?: number; capabilities?: string[] }> = {
  "fake-1": { context: 32_768, capabilities: ["completion", "tools", "vision", "thinking"] },
  "fake-1-mini": { context: 4096, usual: 2048, capabilities: ["completion"] },
  "fake-old": {},
  "fake-tuned": { context: 131_072, usual: 20_000, capabilities: ["completion", "tools"] },
};

/** Starts the service; its behaviours as in startFakeService. Only the models of the table above exist; the last two are not listed. */
export function startOllamaServer(
  behaviour: OllamaBehaviour[] | ((body: unknown, number: number) => OllamaBehaviour) = [],
): OllamaServer {
  const wire = {
    base: "",
    path: "/api/chat",
    documents: { "/api/tags": { models: ["fake-1:latest", "fake-1-mini"].map(listed) } },
    questions: { "/api/show": show },
    contentType: "application/x-ndjson",
    error: ollamaError,
    complaint: requestComplaint,
    events: eventsOf,
  };
  return startFakeService<OllamaReply>(wire, { kind: "answer", text: "Hello" }, behaviour);
}

/** An error as Ollama words it, as a body and as a line of a stream. */
export function ollamaError(message: string): string {
  return JSON.stringify({ error: message });
}

function listed(name: string) {
  const details = { parent_model: "", format: "gguf", family: "fake", families: ["fake"], parameter_size: "1B" };
  return { name, model: name, modified_at: "2026-01-01T00:00:00Z", size: 1, digest: "00", details };
}

function show(body: unknown): Response {
  const name = isJsonObject(body) ? String(body["model"]) : "";
  const model = models[name];
  if (model === undefined)
    return new Response(ollamaError(`model '${name}' not found`), { status: 404, headers: json });
  const { context, usual, capabilities } = model;
  const parameters =
    usual === undefined ? {} : { parameters: `stop                           "<|end|>"\nnum_ctx ${usual}` };
  const info = context === undefined ? {} : { "general.architecture": "fake", "fake.context_length": context };
  return Response.json({
    modelfile: "# Modelfile",
    ...parameters,
    template: "{{ .Prompt }}",
    details: listed(name).details,
    model_info: info,
    ...(capabilities === undefined ? {} : { capabilities }),
  });
}

const json = { "content-type": "application/json; charset=utf-8" };

/** What the server's decoder and its chat handler refuse; as in Go, an unknown field is no error and one of the wrong type is. */
function requestComplaint(body: unknown): string | undefined {
  if (!isJsonObject(body)) return "missing request body";
  const { model, messages, tools, options } = body;
  if (Array.isArray(tools) && tools.length > 0 && !models[String(model)]?.capabilities?.includes("tools")) {
    return `registry.ollama.ai/library/${String(model)}:latest does not support tools`;
  }
  if (options !== undefined && !isJsonObject(options)) return "json: cannot unmarshal options";
  for (const message of Array.isArray(messages) ? messages : []) {
    if (!isJsonObject(message)) return "json: cannot unmarshal message";
    if (!["system", "user", "assistant", "tool"].includes(String(message["role"]))) return "invalid role";
    if (typeof message["content"] !== "string") return "json: cannot unmarshal content into a string";
    for (const call of Array.isArray(message["tool_calls"]) ? message["tool_calls"] : []) {
      const called = isJsonObject(call) && isJsonObject(call["function"]) ? call["function"] : {};
      if (!isJsonObject(called["arguments"])) return "json: cannot unmarshal arguments into an object";
    }
  }
  return undefined;
}

function eventsOf(answer: OllamaReply): WireEvents {
  const events: string[] = [];
  const line = (content: object) => events.push(`${JSON.stringify(content)}${answer.lineEnd ?? "\n"}`);
  const head = { model: "fake-1", created_at: "2026-01-01T00:00:00.123456789Z" };
  const said = (message: object) =>
    line({ ...head, message: { role: "assistant", content: "", ...message }, done: false });
  for (const thinking of pieces(answer.thinking ?? "", answer.split)) said({ thinking });
  for (const content of pieces(answer.text ?? "", answer.split)) said({ content });
  const lastText = events.length - 1;
  // All calls of a turn in one line each.
  const calls = (answer.calls ?? []).map(({ id, ...call }, index) => {
    return { ...(id === undefined ? {} : { id }), function: { index, ...call } };
  });
  for (const call of calls) said({ tool_calls: [call] });
  const finish = events.length;
  const { input, output } = answer.usage ?? { input: 10, output: 5 };
  const counts = answer.usage === null ? {} : { prompt_eval_count: input, eval_count: output };
  const reason = answer.reason === null ? {} : { done_reason: answer.reason ?? "stop" };
  const end = { ...reason, done: true, total_duration: 1, load_duration: 1, ...counts };
  if (answer.instead === undefined) line({ ...head, message: { role: "assistant", content: "" }, ...end });
  else events.push(answer.instead);
  const message = {
    role: "assistant",
    content: answer.text ?? "",
    ...(answer.thinking === undefined ? {} : { thinking: answer.thinking }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  return { events, lastText, finish, document: { ...head, message, ...end } };
}
