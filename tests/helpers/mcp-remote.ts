import {
  serializeMessage,
  WebStandardStreamableHTTPServerTransport,
  type JSONRPCMessage,
  type Transport,
} from "@modelcontextprotocol/server";
import { caseServer } from "./mcp-server.ts";

/** The server of the cases on the loopback. `rule`: as `permissions.net` names it. */
export type RemoteServer = {
  url: string;
  rule: string;
  /** What it was asked: "POST /mcp". */
  asked: string[];
  /** The headers of the last request. */
  headers(): Headers;
  /** Forgets all sessions, or cuts all connections. */
  kill(): void;
  /** Has each request judged first: what this answers is the answer. Says the server. */
  guard(judge: (request: Request) => Promise<Response | undefined>): RemoteServer;
  stop(): void;
};

export const httpServer = (): RemoteServer => listen("http", "/mcp", overHttp());
export const sseServer = (): RemoteServer => listen("http", "/sse", overSse());
export const webSocketServer = (): RemoteServer => listen("ws", "/ws", overWebSocket());

/** Over Streamable HTTP, with a session for each client. */
export function overHttp(): Way {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();
  return {
    kill: () => sessions.clear(),
    answer: async (request) => {
      const id = request.headers.get("mcp-session-id");
      const known = id === null ? undefined : sessions.get(id);
      if (known !== undefined) return known.handleRequest(request);
      if (id !== null)
        return Response.json({ jsonrpc: "2.0", id: null, error: { code: -32001, message: "?" } }, { status: 404 });
      const transport = new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (made) => void sessions.set(made, transport),
        onsessionclosed: (ended) => void sessions.delete(ended),
      });
      await caseServer().connect(transport);
      return transport.handleRequest(request);
    },
  };
}

/** Over the older SSE: one stream of events, and a URL to post to. */
export function overSse(): Way {
  const streams = new Map<string, Pushed>();
  return {
    kill: () => {
      for (const stream of streams.values()) void stream.close();
    },
    answer: async (request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (request.method === "POST" && pathname === "/messages") {
        const stream = streams.get(searchParams.get("id") ?? "");
        if (stream === undefined) return new Response("no such session", { status: 404 });
        const message: JSONRPCMessage = JSON.parse(await request.text());
        stream.onmessage?.(message);
        return new Response("Accepted", { status: 202 });
      }
      if (request.method !== "GET" || pathname !== "/sse")
        return new Response(`Cannot ${request.method}`, { status: 404 });
      const id = crypto.randomUUID();
      let controller: ReadableStreamDefaultController<string> | undefined;
      const body = new ReadableStream<string>({
        start: (its) => {
          controller = its;
          its.enqueue(`event: endpoint\ndata: /messages?id=${id}\n\n`);
        },
      });
      const stream = new Pushed(
        (text) => controller?.enqueue(`event: message\ndata: ${text}\n\n`),
        () => controller?.close(),
      );
      streams.set(id, stream);
      await caseServer().connect(stream);
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  };
}

/** Over WebSockets, which the protocol has no standard for: one message is one text. */
export function overWebSocket(): Way {
  const sockets = new Set<Bun.ServerWebSocket<{ pushed?: Pushed }>>();
  return {
    kill: () => {
      for (const socket of sockets) socket.terminate();
    },
    answer: (request, server) => {
      const upgrade = { data: {}, headers: { "sec-websocket-protocol": "mcp" } };
      return server.upgrade(request, upgrade) ? undefined : new Response("Upgrade Required", { status: 426 });
    },
    websocket: {
      maxPayloadLength: 100_000_000,
      open: (socket) => {
        sockets.add(socket);
        const pushed = new Pushed(
          (text) => void socket.send(text),
          () => socket.close(),
        );
        socket.data.pushed = pushed;
        void caseServer().connect(pushed);
      },
      message: (socket, text) => {
        const message: JSONRPCMessage = JSON.parse(String(text));
        socket.data.pushed?.onmessage?.(message);
      },
      close: (socket) => void sockets.delete(socket),
    },
  };
}

/** A server's end that pushes texts. */
class Pushed implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: <T extends JSONRPCMessage>(message: T) => void;
  readonly #push: (text: string) => void;
  readonly #end: () => void;

  constructor(push: (text: string) => void, end: () => void) {
    this.#push = push;
    this.#end = end;
  }

  async start(): Promise<void> {
    // It is open already.
  }

  async send(message: JSONRPCMessage): Promise<void> {
    this.#push(serializeMessage(message).trimEnd());
  }

  async close(): Promise<void> {
    this.#end();
    this.onclose?.();
  }
}

type Sockets = Bun.WebSocketHandler<{ pushed?: Pushed }>;

/** What answers requests, and perhaps speaks over sockets. */
export type Way = {
  answer(
    request: Request,
    server: Bun.Server<{ pushed?: Pushed }>,
  ): Response | undefined | Promise<Response | undefined>;
  websocket?: Sockets;
  kill?(): void;
};

/** Answers on the loopback. Anything that answers there is a server for these tests. */
export function listen(scheme: "http" | "ws", path: string, how: Way): RemoteServer {
  const asked: string[] = [];
  let headers = new Headers();
  let judge: (request: Request) => Promise<Response | undefined> = async () => undefined;
  const server = Bun.serve<{ pushed?: Pushed }>({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: async (request, self) => {
      asked.push(`${request.method} ${new URL(request.url).pathname}`);
      headers = request.headers;
      return (await judge(request)) ?? how.answer(request, self);
    },
    websocket: how.websocket ?? { message: () => undefined },
  });
  const rule = `127.0.0.1:${server.port}`;
  const made: RemoteServer = {
    url: `${scheme}://${rule}${path}`,
    rule,
    asked,
    headers: () => headers,
    kill: () => how.kill?.(),
    guard: (by) => {
      judge = by;
      return made;
    },
    stop: () => void server.stop(true),
  };
  return made;
}
