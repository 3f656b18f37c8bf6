import { NetError } from "../core/net-error.ts";
import type { Fetch } from "../core/host.ts";
import { isJsonObject, type Json } from "../core/json.ts";
import { makeMask } from "../core/mask.ts";
import type { Model, ModelEvent, ModelFailure, ModelRequest } from "../core/model.ts";
import { ok, type Result } from "../core/result.ts";
import { eventReader } from "./event-stream.ts";
import { cancelled, cleanText, refusalFailure, serviceMessage, streamFailure } from "./failure.ts";
import { defaultPatience, startPatience, type Patience } from "./patience.ts";
import type { ServiceConfig } from "./service.ts";

/** Pieces of an answer that came together. `end` is set when nothing after them counts: the service's last word, or a failure. */
export type Batch<Piece> = { pieces: Piece[]; end?: "done" | ModelFailure };

/** Where the pieces of one answer come from. */
export type Source<Piece> = {
  /** Undefined when the body ended. Throws when the connection breaks. */
  next(): Promise<Batch<Piece> | undefined>;
  /** Ends the reading. With `complete` nothing of use will come, and the connection may be kept for the next request. */
  close(complete: boolean): void;
};

/** What a provider makes of the pieces of one answer. */
export type AnswerReader<Piece> = {
  /** What the next piece says. A `stop` or a `failure` among it is the last word: nothing after it is read. */
  read(piece: Piece): ModelEvent[];
  /** Whether the service said why it stopped: the answer is whole, whatever becomes of the connection. */
  finished(): boolean;
  /** What the answer came to, when nothing more will come: ends with `stop`, or with a `failure` when it was cut. */
  end(): ModelEvent[];
};

/** What a provider is handed to reach its service with. */
export type Link = {
  /** The service's host, as failures name it. */
  host: string;
  /** For the SDK: a response that is not a success, or HTML, is thrown as Refused, its body read with a bound. */
  fetch: Fetch;
  /** The server-sent events of a response, each one's data as JSON. Throws Refused when the body is no stream. */
  events(response: Response): Promise<Source<Json>>;
  /** What an error object that came in the middle of an answer means. */
  failure(error: Json): ModelFailure;
};

/** One request, ready to be sent. */
export type Exchange<Piece> = {
  /** Sends it. The signal ends it, and the reading of its answer. What is thrown here is a failure of the connection, or Refused. */
  open(signal: AbortSignal): Promise<Source<Piece>>;
  answer: AnswerReader<Piece>;
};

/** One service by its SDK. */
export type Service<Piece> = {
  /** Makes the service's request of ours; a failure when it cannot be said to this service. */
  ask(request: ModelRequest): Result<Exchange<Piece>, ModelFailure>;
  /** The names of the service's models; absent where it has no list. */
  names?(signal: AbortSignal): AsyncIterable<string>;
  /** What to do where it cannot be reached. */
  unreachable?: string;
};

/** A failure on its way out through an SDK, which may wrap it as the cause of an error of its own. */
export class Refused extends Error {
  constructor(readonly failure: ModelFailure) {
    super(failure.message);
  }
}

/** The most that is read of a body that is no stream, in characters: enough for its message. */
const bodyLimit = 64 * 1024;

/** The most models of a list: a list without end must not fill the memory. */
const mostNames = 10_000;

/** A model of a service: all that does not depend on which service it is. `connect` makes the SDK's client. */
export function serviceModel<Piece>(config: ServiceConfig, connect: (link: Link) => Service<Piece>): Model {
  const { clock } = config;
  const host = new URL(config.baseUrl).host;
  // A header may hold a secret as well as the key does.
  const mask = makeMask([...(config.key === undefined ? [] : [config.key]), ...Object.values(config.headers)]);

  async function reach(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const response = await config.fetch(input, init);
    // An SDK would read a body to its end, however long, and keep of it only what has its service's own form.
    if (!response.ok) {
      const { status, headers } = response;
      const body = await beginning(response.body);
      throw new Refused(refusalFailure({ service: host, status, headers, body }, mask, clock.now()));
    }
    if (isType(response, "html")) throw unusable("request", "HTML: is the base URL right?");
    return response;
  }

  function unusable(kind: ModelFailure["kind"], what: string): Refused {
    return new Refused({ kind, message: `'${host}' answered with ${what}`, retryable: false });
  }

  async function events(response: Response): Promise<Source<Json>> {
    if (isType(response, "json")) {
      const said = cleanText(mask.text(serviceMessage(await beginning(response.body))));
      throw unusable("service", `one document instead of a stream: ${said}`);
    }
    if (response.body === null) throw unusable("service", "nothing");
    const reader = eventReader(response.body, clock);
    return {
      async next() {
        const batch = await reader.next();
        return batch && readBatch(batch);
      },
      close: reader.close,
    };
  }

  function failure(error: Json): ModelFailure {
    return streamFailure(host, error, mask);
  }

  function readBatch(events: Array<{ event?: string | undefined; data: string }>): Batch<Json> {
    const pieces: Json[] = [];
    for (const { event, data } of events) {
      if (data === "[DONE]") return { pieces, end: "done" };
      let piece: Json;
      try {
        piece = JSON.parse(data);
      } catch {
        const message = `'${host}' sent an event that is not JSON`;
        return { pieces, end: { kind: "service", message, retryable: true } };
      }
      const error = (isJsonObject(piece) ? piece["error"] : undefined) ?? (event === "error" ? piece : null);
      if (error !== null) return { pieces, end: failure(error) };
      pieces.push(piece);
    }
    return { pieces };
  }

  function failureOf(error: unknown, opened: boolean, patience: Patience, signal: AbortSignal): ModelFailure {
    if (signal.aborted) return cancelled;
    const refused = causes(error).find((cause) => cause instanceof Refused);
    if (refused !== undefined) return refused.failure;
    const spentMs = patience.spentMs();
    const message =
      spentMs === undefined
        ? `${opened ? "Lost the connection to" : "Cannot reach"} '${host}': ${cleanText(mask.text(reasonOf(error)))}`
        : `'${host}' said nothing for ${Math.ceil(spentMs / 1000)} s`;
    const hint =
      opened || spentMs !== undefined || service.unreachable === undefined ? {} : { hint: service.unreachable };
    return { kind: "network", message, ...hint, retryable: true };
  }

  const service = connect({ host, fetch: reach, events, failure });

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const exchange = service.ask(request);
    if (!exchange.ok) return yield { type: "failure", failure: exchange.error };
    const { open, answer } = exchange.value;
    const patience = startPatience(clock, config.patience ?? defaultPatience, signal);
    const failed = (error: unknown, opened: boolean): ModelEvent => {
      return { type: "failure", failure: failureOf(error, opened, patience, signal) };
    };
    let source: Source<Piece> | undefined;
    let complete = false;
    try {
      const opened = await settle(open(patience.signal));
      if (!opened.ok) return yield failed(opened.error, false);
      source = opened.value;
      let last: ModelEvent | undefined;
      while (last === undefined) {
        const batch = await settle(source.next());
        // Once the service said why it stopped the answer is whole, whatever becomes of the connection.
        if (!batch.ok && (signal.aborted || !answer.finished())) return yield failed(batch.error, true);
        const came = batch.ok ? batch.value : undefined;
        if (came !== undefined) patience.heard();
        const said = came === undefined ? answer.end() : readPieces(came, answer);
        last = said.find(isLast);
        complete = last?.type === "stop" && came !== undefined;
        for (const event of said) if (event !== last) yield event;
        // What came in one piece with an abort is not passed on as an answer.
        if (signal.aborted) return yield { type: "failure", failure: cancelled };
      }
      yield last;
    } finally {
      source?.close(complete);
      patience.end();
    }
  }

  if (service.names === undefined) return { name: config.name, stream };
  const { names } = service;

  async function list(signal: AbortSignal): Promise<Result<string[], ModelFailure>> {
    const patience = startPatience(clock, config.patience ?? defaultPatience, signal);
    const listed = await settle(gather(names(patience.signal)));
    patience.end();
    if (listed.ok) return ok(listed.value);
    return { ok: false, error: failureOf(listed.error, false, patience, signal) };
  }

  return { name: config.name, list, stream };
}

/** What pieces say that came together, up to the last word. */
function readPieces<Piece>({ pieces, end }: Batch<Piece>, answer: AnswerReader<Piece>): ModelEvent[] {
  const said: ModelEvent[] = [];
  for (const piece of pieces) {
    for (const event of answer.read(piece)) {
      append(said, event);
      if (isLast(event)) return said;
    }
  }
  if (end === "done") said.push(...answer.end());
  else if (end !== undefined) said.push({ type: "failure", failure: end });
  return said;
}

function isLast(event: ModelEvent): boolean {
  return event.type === "stop" || event.type === "failure";
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

/** The pieces that an SDK reads by itself; `close` is the source's. */
export function iterableSource<Piece>(pieces: AsyncIterable<Piece>, close: Source<Piece>["close"]): Source<Piece> {
  const iterator = pieces[Symbol.asyncIterator]();
  return {
    async next() {
      const { done, value } = await iterator.next();
      return done ? undefined : { pieces: [value] };
    },
    close,
  };
}

async function gather(names: AsyncIterable<string>): Promise<string[]> {
  const list: string[] = [];
  for await (const name of names) {
    list.push(name);
    if (list.length === mostNames) break;
  }
  return list;
}

function isType(response: Response, name: "html" | "json"): boolean {
  // `application/problem+json` too; `application/x-ndjson` is a stream, and no JSON.
  const type = response.headers.get("content-type") ?? "";
  return new RegExp(`[/+]${name}\\b`, "i").test(type);
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

/** An SDK says "Connection error."; what happened is in the cause: in the host's words, else in the runtime's. */
function reasonOf(error: unknown): string {
  const chain = causes(error);
  const net = chain.find((cause) => cause instanceof NetError);
  if (net !== undefined) return net.message.replace(/^Cannot reach '[^']*': /, "");
  const deepest = chain.at(-1);
  return deepest instanceof Error ? deepest.message : String(error);
}
