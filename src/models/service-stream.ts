import { NetError, runtimeText } from "../core/net-error.ts";
import type { Fetch } from "../core/host.ts";
import type { Json } from "../core/json.ts";
import { makeMask } from "../core/mask.ts";
import type { Model, ModelEvent, ModelFailure, ModelRequest, ModelSize } from "../core/model.ts";
import { ok, type Result } from "../core/result.ts";
import { documentSource, eventSource, type Batch, type Source, type Whole } from "./answer-source.ts";
import { beginning, bounded } from "./body.ts";
import { cancelled, cleanText, Refused, refusalFailure, streamFailure } from "./failure.ts";
import { defaultPatience, startPatience, type Patience } from "./patience.ts";
import type { ServiceConfig } from "./service.ts";

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
  /** The server-sent events of a response, each one's data as JSON; or what `whole` makes of a response that is one document. */
  events(response: Response, whole: Whole): Source<Json>;
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
  /** How large the model is, where only the service and this machine know. */
  size?(signal: AbortSignal): Promise<ModelSize & { warning?: string }>;
  /** What to do where it cannot be reached. */
  unreachable?: string;
};

/**
 * The most that one answer may come to, in characters: a service that never stops talking must not fill the memory. A call weighs
 * as much as what is kept of it.
 */
const longestAnswer = 64 * 1024 * 1024;
const callWeight = 256;

/** The most models of a list: a list without end must not fill the memory. */
const mostNames = 10_000;

/** A model of a service: all that does not depend on which service it is. `connect` makes the SDK's client. */
export function serviceModel<Piece>(config: ServiceConfig, connect: (link: Link) => Service<Piece>): Model {
  const { clock } = config;
  const host = new URL(config.baseUrl).host;
  // A header may hold a secret as well as the key does, and alone after a word for its kind: `Bearer …`.
  const secrets = Object.values(config.headers).flatMap((value) => [value, ...value.split(" ")]);
  const mask = makeMask(config.key === undefined ? secrets : [config.key, ...secrets]);

  async function reach(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const response = await config.fetch(input, init);
    // An SDK would read a body to its end, however long, and keep of it only what has its service's own form.
    if (!response.ok) {
      const { status, headers } = response;
      const body = await beginning(response.body);
      throw new Refused(refusalFailure({ service: host, status, headers, body }, mask, clock.now()));
    }
    if (isType(response, "html")) throw unusable("request", "HTML: is the base URL right?");
    // An answer is asked for by POST, and has a reader of its own: what is asked for by GET is one document.
    return (init?.method ?? "GET").toUpperCase() === "GET" ? bounded(response) : response;
  }

  function unusable(kind: ModelFailure["kind"], what: string): Refused {
    return new Refused({ kind, message: `'${host}' answered with ${what}`, retryable: false });
  }

  function events(response: Response, whole: Whole): Source<Json> {
    if (response.body === null) throw unusable("service", "nothing");
    const sender = { host, mask, clock };
    if (isType(response, "json")) return documentSource(response.body, sender, whole);
    return eventSource(response.body, sender);
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

  const service = connect({ host, fetch: reach, events, failure: (error) => streamFailure(host, error, mask) });

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
      let size = 0;
      while (last === undefined) {
        const batch = await settle(source.next());
        // Once the service said why it stopped the answer is whole, whatever becomes of the connection.
        if (!batch.ok && (signal.aborted || !answer.finished())) return yield failed(batch.error, true);
        const came = batch.ok ? batch.value : undefined;
        if (came !== undefined) patience.heard();
        const said = came === undefined ? answer.end() : readPieces(came, answer);
        last = said.find(isLast);
        complete = last?.type === "stop" && came !== undefined;
        for (const event of said) {
          if (event === last || countsNothing(event)) continue;
          size += weight(event);
          yield event;
        }
        if (size > longestAnswer) last = endless(host);
        // What came in one piece with an abort is not passed on as an answer.
        if (signal.aborted) return yield { type: "failure", failure: cancelled };
      }
      yield last;
    } finally {
      source?.close(complete);
      patience.end();
    }
  }

  const { names, size: sizeIn } = service;
  const size = sizeIn === undefined ? {} : { size: sized };
  if (names === undefined) return { name: config.name, ...size, stream };
  const listing = names;

  /** A service that does not tell is asked all the same, and its failure told then. */
  async function sized(signal: AbortSignal): Promise<ModelSize & { warning?: string }> {
    const patience = startPatience(clock, config.patience ?? defaultPatience, signal);
    const told = sizeIn === undefined ? undefined : await settle(sizeIn(patience.signal));
    patience.end();
    return told?.ok === true ? told.value : {};
  }

  async function list(signal: AbortSignal): Promise<Result<string[], ModelFailure>> {
    const patience = startPatience(clock, config.patience ?? defaultPatience, signal);
    const listed = await settle(gather(listing(patience.signal)));
    patience.end();
    if (listed.ok) return ok(listed.value);
    return { ok: false, error: failureOf(listed.error, false, patience, signal) };
  }

  return { name: config.name, list, ...size, stream };
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

/** What of the memory an event takes, in characters. */
function weight(event: ModelEvent): number {
  if (event.type === "text" || event.type === "reasoning") return event.text.length;
  return event.type === "tool_call" ? event.arguments.length + (event.id === undefined ? 0 : callWeight) : 0;
}

function endless(host: string): ModelEvent {
  const message = `'${host}' does not end its answer: more than ${longestAnswer / 2 ** 20} million characters`;
  return { type: "failure", failure: { kind: "service", message, retryable: false } };
}

/** Some services send a usage that says 0 of everything: that is no count, since there is no request of no tokens. */
function countsNothing(event: ModelEvent): boolean {
  return event.type === "usage" && event.usage.input + event.usage.output === 0;
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

async function gather(names: AsyncIterable<string>): Promise<string[]> {
  const list: string[] = [];
  for await (const name of names) {
    list.push(name);
    if (list.length === mostNames) break;
  }
  return list;
}

/** `application/problem+json` is JSON too; `application/x-ndjson` is a stream. */
const types = { html: /[/+]html\b/i, json: /[/+]json\b/i };

function isType(response: Response, name: keyof typeof types): boolean {
  return types[name].test(response.headers.get("content-type") ?? "");
}

/** Errors of a connection are values: the errors of our own code are not, and pass. */
async function settle<T>(work: Promise<T>): Promise<Result<T, unknown>> {
  try {
    return { ok: true, value: await work };
  } catch (error) {
    return { ok: false, error };
  }
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
  return runtimeText(chain.at(-1) ?? error);
}
