import { createParser } from "eventsource-parser";
import type { Clock } from "../core/host.ts";

/** One server-sent event. `event` is its type where it has one. */
export type ServerEvent = { event?: string | undefined; data: string };

/** Reads server-sent events from a body, all that came together at once. */
export type EventReader = {
  /** Undefined when the body ended. An event that was cut is not one. Throws when the connection breaks. */
  next(): Promise<ServerEvent[] | undefined>;
  /** Ends the reading. With `complete` nothing of use will come, and the connection is kept for the next request. */
  close(complete: boolean): void;
};

/** The most that one event may hold, in characters: a service that never ends its line must not fill the memory. */
export const longestEvent = 64 * 1024 * 1024;

/** How long a service may take to end a body after its last event, before the connection is given up. */
const lingerMs = 1000;

export function eventReader(body: ReadableStream<Uint8Array>, clock: Clock): EventReader {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let batch: ServerEvent[] = [];
  let ended = false;
  const parser = createParser({
    maxBufferSize: longestEvent,
    onEvent: (event) => batch.push(event),
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") throw error;
    },
  });

  async function next(): Promise<ServerEvent[] | undefined> {
    const { done, value } = await reader.read();
    if (done) {
      ended = true;
      return undefined;
    }
    parser.feed(decoder.decode(value, { stream: true }));
    const events = batch;
    batch = [];
    return events;
  }

  return {
    next,
    close(complete) {
      if (ended) return;
      // What becomes of a connection that nobody reads any more is no failure of the answer.
      (complete ? drain(reader, clock) : reader.cancel()).catch(() => undefined);
    },
  };
}

type BodyReader = { read(): Promise<{ done: boolean }>; cancel(): Promise<void> };

/** Reads what is left of a body, but not for long. A connection is used again only when its body was read to the end. */
export async function drain(reader: BodyReader, clock: Clock): Promise<void> {
  const over = new AbortController();
  const rest = async () => {
    while (!(await reader.read()).done);
  };
  await Promise.race([rest(), clock.sleep(lingerMs, over.signal)]);
  over.abort("read");
  await reader.cancel();
}
