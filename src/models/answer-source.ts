import type { Clock } from "../core/host.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { Mask } from "../core/mask.ts";
import type { ModelFailure } from "../core/model.ts";
import { textReader } from "./body.ts";
import { eventReader } from "./event-stream.ts";
import { cleanText, serviceMessage, streamFailure } from "./failure.ts";

/** Pieces of an answer that came together. `end` is set when nothing after them counts: the service's last word, or a failure. */
export type Batch<Piece> = { pieces: Piece[]; end?: "done" | ModelFailure };

/** Where the pieces of one answer come from. */
export type Source<Piece> = {
  /** Undefined when the body ended. Throws when the connection breaks. */
  next(): Promise<Batch<Piece> | undefined>;
  /** Ends the reading. With `complete` nothing of use will come, and the connection may be kept for the next request. */
  close(complete: boolean): void;
};

/**
 * Some services answer a request for a stream with one document. This makes of it the pieces that the stream would have had, and
 * none where it is no answer.
 */
export type Whole = (document: JsonObject) => Json[];

/** Who answers: the name in failures, what no message may show, the time. */
export type Sender = { host: string; mask: Mask; clock: Clock };

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

/** The server-sent events of a body, each one's data as JSON. */
export function eventSource(body: ReadableStream<Uint8Array>, { host, mask, clock }: Sender): Source<Json> {
  const reader = eventReader(body, clock);

  function read(events: Array<{ event?: string | undefined; data: string }>): Batch<Json> {
    const pieces: Json[] = [];
    for (const { event, data } of events) {
      if (data === "[DONE]") return { pieces, end: "done" };
      const piece = parse(data);
      if (piece === undefined) {
        const message = `'${host}' sent an event that is not JSON`;
        return { pieces, end: { kind: "service", message, retryable: true } };
      }
      const error = (isJsonObject(piece) ? piece["error"] : undefined) ?? (event === "error" ? piece : null);
      if (error !== null) return { pieces, end: streamFailure(host, error, mask) };
      pieces.push(piece);
    }
    return { pieces };
  }

  return {
    async next() {
      const events = await reader.next();
      return events && read(events);
    },
    close: reader.close,
  };
}

/** A body that is one JSON document. */
export function documentSource(body: ReadableStream<Uint8Array>, { host, mask }: Sender, whole: Whole): Source<Json> {
  const reader = textReader(body);

  function read(text: string): Batch<Json> {
    const document = parse(text);
    if (document === undefined && text.trimStart().startsWith("{")) {
      const message = `'${host}' stopped in the middle of its answer`;
      return { pieces: [], end: { kind: "network", message, retryable: true } };
    }
    const { error = null } = isJsonObject(document) ? document : {};
    if (error !== null) return { pieces: [], end: streamFailure(host, error, mask) };
    const pieces = isJsonObject(document) ? whole(document) : [];
    if (pieces.length > 0) return { pieces, end: "done" };
    const said = cleanText(mask.text(serviceMessage(text)));
    const message = `'${host}' answered with a document that is no answer: ${said}`;
    return { pieces, end: { kind: "service", message, retryable: false } };
  }

  return {
    async next() {
      const text = await reader.next();
      return text === undefined ? { pieces: [] } : read(text);
    },
    close: reader.close,
  };
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
