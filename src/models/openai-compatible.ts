import { OpenAI } from "openai";
import type { ChatCompletionCreateParamsStreaming } from "openai/resources/chat/completions";
import type { Clock, Fetch } from "../core/host.ts";
import { isJsonObject, type Json } from "../core/json.ts";
import { makeMask } from "../core/mask.ts";
import type { Model, ModelEvent, ModelFailure, ModelRequest } from "../core/model.ts";
import type { Result } from "../core/result.ts";
import { chatAnswer, type ChatAnswer } from "./chat-answer.ts";
import { chatRequest } from "./chat-request.ts";
import { eventReader, type EventReader, type ServerEvent } from "./event-stream.ts";
import { cancelled, cleanText, refusalFailure, serviceMessage, streamFailure } from "./failure.ts";
import { defaultPatience, startPatience, type Patience, type PatienceLimits } from "./patience.ts";

export type OpenAICompatibleOptions = {
  /** `provider/model`, as reported. */
  name: string;
  /** The model as the service knows it. */
  model: string;
  /** An http or https URL without user or password, to which `/chat/completions` is added. */
  baseUrl: string;
  /** Absent: requests carry no Authorization header, as services on the own machine want it. */
  key?: string;
  fetch: Fetch;
  clock: Clock;
  patience?: PatienceLimits;
};

/** The most that is read of a body that is no stream, in characters: enough for its message. */
const bodyLimit = 64 * 1024;

/** A failure on its way out through the SDK, which wraps it as the cause of an error of its own. */
class Refused extends Error {
  constructor(readonly failure: ModelFailure) {
    super("Refused by the service");
  }
}

/** A service that speaks OpenAI's Chat Completions, by the SDK. */
export function openaiCompatible(options: OpenAICompatibleOptions): Model {
  const { clock, key } = options;
  const service = new URL(options.baseUrl).host;
  const mask = makeMask(key === undefined ? [] : [key]);

  const client = new OpenAI({
    baseURL: options.baseUrl,
    // The SDK insists on a key. A header that is null is not sent.
    apiKey: key ?? "none",
    ...(key === undefined ? { defaultHeaders: { Authorization: null } } : {}),
    // What is not given here the SDK takes from the environment; OPENAI_CUSTOM_HEADERS it reads in any case.
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: "off",
    maxRetries: 0,
    // The longest timer there is: our own patience decides.
    timeout: 2 ** 31 - 1,
    fetch: async (url, init) => {
      const response = await options.fetch(url, init);
      // The SDK would read a body to its end, however long, and keep of it only what has OpenAI's own form.
      if (!response.ok) throw new Refused(await refusal(response));
      return response;
    },
  });

  async function refusal({ status, headers, body }: Response): Promise<ModelFailure> {
    return refusalFailure({ service, status, headers, body: await beginning(body) }, mask, clock.now());
  }

  function refused(kind: ModelFailure["kind"], what: string): Refused {
    return new Refused({ kind, message: `'${service}' answered with ${what}`, retryable: false });
  }

  /** Sends the request; the reader of its answer, or an error. */
  async function open(body: ChatCompletionCreateParamsStreaming, patience: Patience): Promise<EventReader> {
    // Not `chat.completions.create`: it serializes the conversation through a replacer function and decodes the answer through
    // five generators, which together cost more than all the rest of a turn.
    const response = await client
      .post("/chat/completions", { body, stream: true, signal: patience.signal })
      .asResponse();
    const type = response.headers.get("content-type") ?? "";
    if (/\bhtml\b/i.test(type)) throw refused("request", "HTML: is the base URL right?");
    if (/\/json\b/i.test(type)) {
      const said = cleanText(mask.text(serviceMessage(await beginning(response.body))));
      throw refused("service", `one document instead of a stream: ${said}`);
    }
    if (response.body === null) throw refused("service", "nothing");
    return eventReader(response.body, patience.heard, clock);
  }

  /** What events say that came together. `end` is set when nothing more counts: the service's last word, or a failure. */
  function readEvents(events: ServerEvent[], answer: ChatAnswer): { said: ModelEvent[]; end?: "done" | ModelFailure } {
    const said: ModelEvent[] = [];
    for (const event of events) {
      if (event.data === "[DONE]") return { said, end: "done" };
      let chunk: Json;
      try {
        chunk = JSON.parse(event.data);
      } catch {
        const message = `'${service}' sent an event that is not JSON`;
        return { said, end: { kind: "service", message, retryable: true } };
      }
      const error = event.event === "error" ? chunk : isJsonObject(chunk) ? chunk["error"] : undefined;
      if (error !== undefined && error !== null) return { said, end: streamFailure(service, error, mask) };
      for (const next of answer.read(chunk)) append(said, next);
    }
    return { said };
  }

  function connectionFailure(error: unknown, opened: boolean, patience: Patience): ModelFailure {
    const refused = causes(error).find((cause) => cause instanceof Refused);
    if (refused !== undefined) return refused.failure;
    const spentMs = patience.spentMs();
    const message =
      spentMs === undefined
        ? `${opened ? "Lost the connection to" : "Cannot reach"} '${service}': ${cleanText(mask.text(reasonOf(error)))}`
        : `'${service}' said nothing for ${Math.ceil(spentMs / 1000)} s`;
    return { kind: "network", message, retryable: true };
  }

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const body = chatRequest(options.model, request);
    const answer = chatAnswer(service, request.messages);
    const patience = startPatience(clock, options.patience ?? defaultPatience, signal);
    const failed = (error: unknown, opened: boolean): ModelEvent => {
      return { type: "failure", failure: signal.aborted ? cancelled : connectionFailure(error, opened, patience) };
    };
    let reader: EventReader | undefined;
    let end: "done" | ModelFailure | undefined;
    try {
      const opened = await settle(open(body, patience));
      if (!opened.ok) return yield failed(opened.error, false);
      reader = opened.value;
      while (end === undefined) {
        const batch = await settle(reader.next());
        // Once the service said why it stopped the answer is whole, whatever becomes of the connection.
        if (!batch.ok && (signal.aborted || !answer.finished())) return yield failed(batch.error, true);
        if (!batch.ok || batch.value === undefined) break;
        const read = readEvents(batch.value, answer);
        end = read.end;
        for (const event of read.said) yield event;
        // What came in one piece with an abort is not passed on as an answer.
        if (signal.aborted) return yield { type: "failure", failure: cancelled };
      }
      if (end !== undefined && end !== "done") return yield { type: "failure", failure: end };
      for (const event of answer.end()) yield event;
    } finally {
      reader?.close(end === "done");
      patience.end();
    }
  }

  return { name: options.name, stream };
}

/** Joins what came together: a burst of one-word pieces need not be a burst of events. */
function append(events: ModelEvent[], event: ModelEvent): void {
  const last = events.at(-1);
  if (
    event.type === "tool_call" &&
    last?.type === "tool_call" &&
    last.index === event.index &&
    event.id === undefined
  ) {
    last.arguments += event.arguments;
    if (event.name !== undefined) last.name = event.name;
  } else if ((event.type === "text" || event.type === "reasoning") && last?.type === event.type) {
    last.text += event.text;
  } else events.push(event);
}

/** Errors of a connection are values: the errors of our own code are not, and pass. */
async function settle<T>(work: Promise<T>): Promise<Result<T, unknown>> {
  try {
    return { ok: true, value: await work };
  } catch (error) {
    return { ok: false, error };
  }
}

/** The beginning of a body as text; what cannot be read is left out. */
async function beginning(body: ReadableStream<Uint8Array> | null): Promise<string> {
  if (body === null) return "";
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (text.length < bodyLimit) {
    const piece = await settle(reader.read());
    if (!piece.ok || piece.value.done) break;
    text += decoder.decode(piece.value.value, { stream: true });
  }
  await settle(reader.cancel());
  return text;
}

/** An error and the causes under it, the outermost first. */
function causes(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let next = error; next instanceof Error && chain.length < 8; next = next.cause) chain.push(next);
  return chain;
}

/** The SDK says "Connection error."; what happened is in the cause. */
function reasonOf(error: unknown): string {
  const deepest = causes(error).at(-1);
  return deepest instanceof Error ? deepest.message : String(error);
}
