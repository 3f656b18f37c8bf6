/** What the fake services of the tests share: a server whose answers go well or badly as told, in any service's wire format. */

import { parseArgs } from "node:util";

/** How an answer's body is delivered. Nothing set: whole, at once. */
export type Delivery = {
  /** Answers with one document, as to a request that asks for no stream. */
  whole?: true;
  /** Bytes in one write. Default: as it comes. */
  write?: number;
  /** Milliseconds before each event. */
  dripMs?: number;
  /** Milliseconds from the last event to the end of the body. */
  lingerMs?: number;
  /** Ends the body early: within the last event of text, within the first character of several bytes, or before the finish. */
  cut?: { at: "event" | "character" | "finish"; by: "end" | "reset" };
  /** Says nothing more, and keeps the connection: before the first byte, after the text, or after the finish. */
  stall?: "start" | "middle" | "finish";
};

/**
 * An answer as written on the wire; by number the last event of text, and the one that tells why the model stopped. `document` is
 * the same answer as one document.
 */
export type WireEvents = { events: string[]; lastText: number; finish: number; document: object };

export type BadBehaviour =
  | { kind: "status"; status: number; body?: string; headers?: Record<string, string> }
  | { kind: "whole"; body: string; type: string };

export type Recorded = { body: unknown; headers: Record<string, string> };

export type FakeService<B> = {
  /** What the service's base URL variable is set to. */
  baseUrl: string;
  requests: Recorded[];
  /** How many connections the requests came over. */
  connections(): number;
  /** Replaces what it does from now on. */
  behave(...behaviours: B[]): void;
  stop(): Promise<void>;
};

/** One service's own wire format. */
export type Wire<A> = {
  /** The path of the base URL, without a slash at the end. */
  base: string;
  /** Where answers are asked for, after `base`. */
  path: string;
  /** Other paths under `base`, and the JSON that a GET of them gives, which may depend on its query. */
  documents: Record<string, object | ((query: URLSearchParams) => object)>;
  /** Further paths under `base` that are asked by POST, and what they answer. */
  questions?: Record<string, (body: unknown) => Response>;
  contentType: string;
  /** An error's body in the service's words. */
  error(message: string): string;
  /** What the service would refuse in a request; undefined for a right one. */
  complaint?(body: unknown): string | undefined;
  events(answer: A): WireEvents;
};

type Answering = Delivery & { kind: "answer" };

/** Starts a service. The behaviours are taken in order, the last one for all further requests; or chosen for each request. */
export function startFakeService<A extends Answering>(
  wire: Wire<A>,
  fallback: A,
  behaviour: Array<A | BadBehaviour> | ((body: unknown, number: number) => A | BadBehaviour) = [],
): FakeService<A | BadBehaviour> {
  let choose = typeof behaviour === "function" ? behaviour : inOrder(behaviour, fallback);
  const requests: Recorded[] = [];
  const sockets = new Set<number>();
  const over = new AbortController();
  const refuse = (status: number, message: string) =>
    new Response(wire.error(message), { status, headers: { "content-type": "application/json" } });
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    development: false,
    // A body that is cut on purpose ends here as well; Bun would print it.
    error: () => new Response(null, { status: 500 }),
    async fetch(request, server) {
      const { pathname: path, searchParams } = new URL(request.url);
      if (path === `${wire.base}/log`) return Response.json({ requests, connections: sockets.size });
      const address = server.requestIP(request);
      if (address !== null) sockets.add(address.port);
      const document = wire.documents[path.slice(wire.base.length)];
      if (request.method === "GET" && document !== undefined) {
        return Response.json(typeof document === "function" ? document(searchParams) : document);
      }
      const question = wire.questions?.[path.slice(wire.base.length)];
      if (request.method === "POST" && question !== undefined) return question(await request.json());
      if (path !== `${wire.base}${wire.path}` || request.method !== "POST") {
        return refuse(404, `Invalid URL (${request.method} ${path})`);
      }
      const body: unknown = await request.json();
      requests.push({ body, headers: Object.fromEntries(request.headers) });
      const complaint = wire.complaint?.(body);
      if (complaint !== undefined) return refuse(400, complaint);
      return respond(wire, choose(body, requests.length), over.signal);
    },
  });
  return {
    baseUrl: `http://127.0.0.1:${server.port}${wire.base}`,
    requests,
    connections: () => sockets.size,
    behave(...behaviours) {
      choose = inOrder(behaviours, fallback);
      requests.length = 0;
      sockets.clear();
    },
    async stop() {
      over.abort();
      await server.stop(true);
    },
  };
}

function inOrder<B>(behaviours: B[], fallback: B): () => B {
  let next = 0;
  return () => behaviours[Math.min(next++, behaviours.length - 1)] ?? fallback;
}

function respond<A extends Answering>(
  wire: Wire<A>,
  behaviour: A | BadBehaviour,
  over: AbortSignal,
): Response | Promise<Response> {
  if (behaviour.kind === "status") {
    const { status, body = wire.error(`Refused with ${status}`), headers } = behaviour;
    return new Response(body, { status, headers: { "content-type": "application/json", ...headers } });
  }
  if (behaviour.kind === "whole") return new Response(behaviour.body, { headers: { "content-type": behaviour.type } });
  if (behaviour.stall === "start") return new Promise(() => {});
  const answer = wire.events(behaviour);
  if (behaviour.whole === true) {
    const whole = { events: [JSON.stringify(answer.document)], lastText: 0, finish: 0 };
    return new Response(streamOf(whole, behaviour, over), { headers: { "content-type": "application/json" } });
  }
  return new Response(streamOf(answer, behaviour, over), {
    headers: { "content-type": wire.contentType, "x-request-id": "req_1" },
  });
}

/** A text in pieces of `split` characters. Default: its words. */
export function pieces(text: string, split?: number): string[] {
  if (split === undefined) return text.match(/\s*\S+\s*/g) ?? [];
  const characters = [...text];
  return Array.from({ length: Math.ceil(characters.length / split) }, (_, index) =>
    characters.slice(index * split, (index + 1) * split).join(""),
  );
}

type Bytes = Uint8Array<ArrayBuffer>;

function streamOf({ events, lastText, finish }: Omit<WireEvents, "document">, delivery: Delivery, over: AbortSignal) {
  const encoder = new TextEncoder();
  let writes = events.map((event) => encoder.encode(event));
  if (delivery.cut !== undefined) writes = cut(writes, delivery.cut.at, lastText, finish);
  if (delivery.stall === "middle") writes = writes.slice(0, lastText + 1);
  if (delivery.stall === "finish") writes = writes.slice(0, finish + 1);
  if (delivery.write !== undefined) writes = rewrite(writes, delivery.write);
  return new ReadableStream<Bytes>({
    async start(controller) {
      for (const bytes of writes) {
        if (delivery.dripMs !== undefined) await Bun.sleep(delivery.dripMs);
        else if (delivery.write !== undefined) await Bun.sleep(0);
        if (over.aborted) return;
        controller.enqueue(bytes);
      }
      if (delivery.stall !== undefined) return;
      if (delivery.lingerMs !== undefined) await Bun.sleep(delivery.lingerMs);
      // Bun drops the connection of a body that failed; before that, what was written must have left.
      if (delivery.cut?.by === "reset") {
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

/**
 * What a service does that was started as a process: `[--turns N] [--tool NAME] [--arguments JSON] [--text TEXT] [--pieces N]
 * [--drip MS] [--behaviours JSON]`. It calls the tool until the conversation has `turns` answers with the one to come, then says
 * the text. `GET <base>/log` tells what it was asked.
 */
export function processOptions<B>(): {
  turns: number;
  call: { name: string; arguments: string };
  last: { kind: "answer"; text: string; dripMs?: number };
  behaviours: B[] | undefined;
} {
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
  return {
    turns: Number(values.turns),
    call: { name: values.tool, arguments: values.arguments },
    last: { kind: "answer", text, ...(values.drip === undefined ? {} : { dripMs: Number(values.drip) }) },
    behaviours: values.behaviours === undefined ? undefined : JSON.parse(values.behaviours),
  };
}
