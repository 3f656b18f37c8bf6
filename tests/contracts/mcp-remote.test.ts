import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StartFailure } from "../../src/core/mcp.ts";
import { NetError } from "../../src/core/net-error.ts";
import { systemClock } from "../../src/host/clock.ts";
import { openRemote } from "../../src/mcp/remote.ts";
import { freePort } from "../helpers/free-port.ts";
import { httpServer, listen, sseServer, webSocketServer, type RemoteServer } from "../helpers/mcp-remote.ts";
import { calm, oneServer } from "../helpers/mcp-session.ts";
import { until } from "../helpers/until.ts";
import { remoteServer } from "./mcp-rows.ts";

type Kind = "http" | "sse" | "websocket";

/** Why a server did not start. */
async function failure(
  kind: Kind,
  server: Pick<RemoteServer, "url" | "rule"> & { stop?(): void },
  { headers = [], deadline = 5000 }: { headers?: Array<[string, string]>; deadline?: number } = {},
): Promise<StartFailure> {
  await using row = remoteServer(kind, server, headers);
  await using one = await oneServer(row.link, { deadline });
  if (one.started.ok) throw new Error("it has started");
  return one.started.error;
}

const page = "<!DOCTYPE html>\n<title>\u001b[31mWelcome</title>";

/** A server that gives each request this answer. */
const answering = (answer: (request: Request) => Response | Promise<Response>, scheme: "http" | "ws" = "http") =>
  listen(scheme, "/mcp", { answer });

describe("a server does not start", () => {
  test.each(["http", "sse", "websocket"] as const)("over %s, where nothing listens", async (kind) => {
    const scheme = kind === "websocket" ? "ws" : "http";
    const why = await failure(kind, { url: `${scheme}://127.0.0.1:1/mcp`, rule: "127.0.0.1:1" });
    expect(why).toMatchObject({
      why: "refused",
      message: `Cannot reach '${scheme}://127.0.0.1:1': the connection was refused`,
      hint: "nothing listens there: is the server started, and its url right?",
    });
  });

  test("where its host has no address", async () => {
    const unknown = () => Promise.reject(new NetError("not_found", "Cannot reach 'x.test': there is no such host"));
    await using one = await oneServer((signal) =>
      openRemote(
        { name: "one", transport: { kind: "http", url: "http://x.test/mcp", headers: [] } },
        { net: { fetch: unknown, socket: unknown }, clock: systemClock },
        signal,
      ),
    );
    expect(one.started).toMatchObject({ ok: false, error: { why: "not_found" } });
  });

  test.each(["http", "sse", "websocket"] as const)("over %s, where its host was not granted", async (kind) => {
    const server = answering(() => new Response("x"), kind === "websocket" ? "ws" : "http");
    const why = await failure(kind, { ...server, rule: "127.0.0.1:1" });
    expect(why).toMatchObject({ why: "denied", denial: { kind: "net" } });
    expect(server.asked).toEqual([]);
  });

  test.each([
    ["http", "ws://127.0.0.1:1/", "its url is none of `transport: http`: it begins with 'http://' or 'https://'"],
    [
      "websocket",
      "http://127.0.0.1:1/",
      "its url is none of `transport: websocket`: it begins with 'ws://' or 'wss://'",
    ],
  ] as const)("over %s with a url of another kind", async (kind, url, message) => {
    expect(await failure(kind, { url, rule: "127.0.0.1:1" })).toMatchObject({ why: "failed", message });
  });

  test.each([
    ["http", httpServer, "sse", "this is a Streamable HTTP server: set `transport: http`"],
    [
      "http",
      httpServer,
      "websocket",
      "this is a Streamable HTTP server: set `transport: http`, and its url to 'http://…'",
    ],
    ["sse", sseServer, "http", "this is an SSE server: set `transport: sse`"],
    ["sse", sseServer, "websocket", "this is an SSE server: set `transport: sse`, and its url to 'http://…'"],
    [
      "websocket",
      webSocketServer,
      "http",
      "this is a WebSocket server: set `transport: websocket`, and its url to 'ws://…'",
    ],
    [
      "websocket",
      webSocketServer,
      "sse",
      "this is a WebSocket server: set `transport: websocket`, and its url to 'ws://…'",
    ],
  ] as const)("that is one of %s, and is told so", async (_kind, start, kind, message) => {
    const server = start();
    const url = server.url.replace(/^(ws|http)/, kind === "websocket" ? "ws" : "http");
    expect(await failure(kind, { ...server, url })).toMatchObject({ why: "wrong_transport", message });
  });

  test("that answers with a page, of which the begin is shown without what a terminal obeys", async () => {
    const html = () =>
      new Response(page + "x".repeat(1000), { headers: { "content-type": "text/html; charset=utf-8" } });
    const begin = `<!DOCTYPE html> <title> [31mWelcome</title>${"x".repeat(1000)}`.slice(0, 200);
    expect(await failure("http", answering(html))).toMatchObject({
      why: "not_mcp",
      message: `it answers, but not as MCP (200 OK, text/html): '${begin}'`,
    });
    expect((await failure("sse", answering(html))).message).toStartWith(
      "it answers, but not as MCP (200 OK, text/html)",
    );
    expect((await failure("websocket", answering(html, "ws"))).message).toStartWith(
      "it answers, but not with a WebSocket (200 OK, text/html): '<!DOCTYPE html>",
    );
  });

  test.each([
    [404, "not_mcp", "there is nothing at '/mcp': 404 Not Found: 'gone'"],
    [418, "not_mcp", "it answers, but not as MCP (418 I'm a Teapot, text/plain): 'gone'"],
    [503, "failed", "it answers with 503 Service Unavailable: 'gone'"],
    [401, "unauthorized", "it lets nobody in without credentials: 401 Unauthorized: 'gone'"],
    [403, "unauthorized", "it lets nobody in without credentials: 403 Forbidden: 'gone'"],
  ] as const)("that answers with %d", async (status, why, message) => {
    const answer = () => new Response("gone", { status, headers: { "content-type": "text/plain" } });
    expect(await failure("http", answering(answer))).toMatchObject({ why, message });
    const over = why === "not_mcp" ? expect.stringContaining(String(status)) : message;
    expect(await failure("sse", answering(answer))).toMatchObject({ why, message: over });
    expect(await failure("websocket", answering(answer, "ws"))).toMatchObject({ why, message: over });
  });

  test("that refuses the credentials of the entry", async () => {
    const server = answering(() => new Response("who?", { status: 401 }));
    const why = await failure("http", server, { headers: [["Authorization", "Bearer abc"]] });
    expect(why).toMatchObject({
      why: "unauthorized",
      message: "it refuses the credentials of its headers: 401 Unauthorized: 'who?'",
    });
    expect(server.headers().get("authorization")).toBe("Bearer abc");
  });

  test("that answers JSON which is no message", async () => {
    expect(
      await failure(
        "http",
        answering(() => Response.json({ hello: "world" })),
      ),
    ).toMatchObject({
      why: "not_mcp",
      message: `it answers, but not as MCP (200 OK, application/json): '{"hello":"world"}'`,
    });
  });

  test.each(["http", "sse", "websocket"] as const)(
    "over %s that redirects to another host, which sees nothing",
    async (kind) => {
      const other = answering(() => new Response("here"));
      try {
        const scheme = kind === "websocket" ? "ws" : "http";
        const moved = answering(() => new Response(null, { status: 307, headers: { location: other.url } }), scheme);
        const why = await failure(
          kind,
          { ...moved, rule: "127.0.0.1:1-65535" },
          { headers: [["X-Key", "secret"]] },
        ).catch(() => failure(kind, moved, { headers: [["X-Key", "secret"]] }));
        expect(why).toMatchObject({
          why: "failed",
          message: `it redirects to '${new URL(other.url).origin}', which is not followed`,
          hint: "if that is the server, write its url",
        });
        expect(other.asked).toEqual([]);
      } finally {
        other.stop();
      }
    },
  );

  test.each(["http", "sse", "websocket"] as const)(
    "over %s that never answers, when its time is over",
    async (kind) => {
      const server = answering(() => new Promise<Response>(() => undefined), kind === "websocket" ? "ws" : "http");
      expect(await failure(kind, server, { deadline: 200 })).toMatchObject({
        why: "deadline",
        message: "it was not ready within 0.2 s",
      });
    },
  );

  test("whose headers never end", async () => {
    const drip = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.write("HTTP/1.1 200 OK\r\nX-Slow: a"), open: () => undefined },
    });
    try {
      const rule = `127.0.0.1:${drip.port}`;
      expect(await failure("http", { url: `http://${rule}/`, rule }, { deadline: 200 })).toMatchObject({
        why: "deadline",
      });
    } finally {
      drip.stop(true);
    }
  });

  test.each([
    ["http", "json"],
    ["http", "stream"],
    ["sse", "stream"],
    ["websocket", "text"],
  ] as const)("over %s that answers in its %s with what is no answer, and is not waited for", async (kind, form) => {
    const isNone = (text: string) => {
      const { id, method } = JSON.parse(text);
      const unknown = { error: { code: -32601, message: "no" } };
      return JSON.stringify({ jsonrpc: "2.0", id, ...(method === "initialize" ? { result: null } : unknown) });
    };
    let tell = (_event: string): void => undefined;
    const events = { headers: { "content-type": "text/event-stream" } };
    const stream = () =>
      new ReadableStream<string>({
        start: (controller) => {
          tell = (event) => controller.enqueue(event);
          tell("event: endpoint\ndata: /mcp\n\n");
        },
      });
    const server = listen(kind === "websocket" ? "ws" : "http", "/mcp", {
      answer: async (request, self) => {
        if (kind === "websocket") return self.upgrade(request, { data: {} }) ? undefined : new Response("no");
        if (request.method === "GET" && kind === "sse") return new Response(stream(), events);
        if (request.method !== "POST") return new Response("", { status: 405 });
        const answer = isNone(await request.text());
        if (kind === "http" && form === "json") return Response.json(JSON.parse(answer));
        if (kind === "http") return new Response(`data: ${answer}\n\n`, events);
        tell(`data: ${answer}\n\n`);
        return new Response(null, { status: 202 });
      },
      websocket: { message: (socket, text) => void socket.send(isNone(String(text))) },
    });
    const why = await failure(kind, server, { deadline: 600_000 });
    expect(why.message).toMatch(/^it answers, but not as MCP.*"result":null\}'$/);
  });

  test("over a WebSocket that says what is no message", async () => {
    const chatty = listen("ws", "/", {
      answer: (request, self) =>
        self.upgrade(request, { data: {} }) ? undefined : new Response("no", { status: 400 }),
      websocket: { message: (socket) => void socket.send("hello \u001b]0;x\u0007there") },
    });
    expect(await failure("websocket", chatty, { deadline: 2000 })).toMatchObject({
      why: "not_mcp",
      message: "it answers, but not as MCP: 'hello ]0;x there'",
    });
  });

  test("over a WebSocket that is closed at once, with code and reason", async () => {
    const closing = listen("ws", "/", {
      answer: (request, self) =>
        self.upgrade(request, { data: {} }) ? undefined : new Response("no", { status: 400 }),
      websocket: { message: (socket) => socket.close(4403, "not you") },
    });
    expect(await failure("websocket", closing)).toMatchObject({
      why: "ended",
      message: "it closed the connection with code 4403: 'not you'",
    });
  });
});

describe("TLS", () => {
  const folder = mkdtempSync(join(tmpdir(), "rein-test-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  beforeAll(() => {
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const names = ["-subj", "/CN=x.test", "-addext", "subjectAltName=IP:127.0.0.1"];
    Bun.spawnSync(["openssl", "req", "-x509", ...kind, ...names, "-keyout", key, "-out", cert]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ["http", "https"],
    ["sse", "https"],
    ["websocket", "wss"],
  ] as const)("a server over %s whose certificate is not trusted says so", async (kind, scheme) => {
    const tls = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, tls, fetch: () => new Response("x") });
    const rule = `127.0.0.1:${server.port}`;
    const stop = () => void server.stop(true);
    expect(await failure(kind, { url: `${scheme}://${rule}/mcp`, rule, stop })).toMatchObject({
      why: "tls",
      message: expect.stringContaining("its certificate is not trusted"),
    });
  });

  test("a server that speaks no TLS says so", async () => {
    const server = answering(() => new Response("x"));
    expect(await failure("http", { ...server, url: server.url.replace("http:", "https:") })).toMatchObject({
      why: "tls",
      message: expect.stringContaining("it does not speak TLS"),
    });
  });
});

describe("a server that was ready", () => {
  test.each([
    ["http", httpServer],
    ["sse", sseServer],
    ["websocket", webSocketServer],
  ] as const)("over %s, and has lost us, is started again once: no call is repeated", async (kind, start) => {
    const server = start();
    await using row = remoteServer(kind, server);
    await using one = await oneServer(row.link);
    const { door } = one.servers;
    const echo = () => door.call("one", "echo", { text: "a" }, { signal: calm() });
    expect(await echo()).toMatchObject({ ok: true });
    server.kill();
    // One call may find out; it is not repeated, and the next has the new connection.
    await until(async () => (await echo()).ok);
    expect(one.warnings).toEqual([expect.stringMatching(/^The MCP server 'one' is gone, and is started again: /)]);
  });

  test("over http may forget sessions as often as it likes", async () => {
    const server = httpServer();
    await using row = remoteServer("http", server);
    await using one = await oneServer(row.link);
    const echo = () => one.servers.door.call("one", "echo", { text: "a" }, { signal: calm() });
    for (let times = 0; times < 3; times++) {
      server.kill();
      expect(await echo()).toMatchObject({ ok: false });
      expect(await echo()).toMatchObject({ ok: true });
    }
  });

  test("over http, and has no stream of its own and says so with 404, is as good", async () => {
    const inner = httpServer();
    const server = listen("http", "/mcp", {
      answer: (request) => (request.method === "GET" ? new Response("no", { status: 404 }) : forward(inner, request)),
    });
    try {
      await using row = remoteServer("http", server);
      await using one = await oneServer(row.link);
      await until(() => server.asked.includes("GET /mcp"));
      expect(await one.servers.door.call("one", "echo", { text: "a" }, { signal: calm() })).toMatchObject({ ok: true });
      expect(one.warnings).toEqual([]);
    } finally {
      inner.stop();
    }
  });

  test("over http is told that its session is over", async () => {
    const server = httpServer();
    await using row = remoteServer("http", server);
    const one = await oneServer(row.link);
    await one.servers.close();
    expect(server.asked.at(-1)).toBe("DELETE /mcp");
  });

  test.each([
    ["http", httpServer],
    ["sse", sseServer],
    ["websocket", webSocketServer],
  ] as const)("over %s gets the headers of its entry", async (kind, start) => {
    const server = start();
    await using row = remoteServer(kind, server, [["X-Key", "abc"]]);
    await using one = await oneServer(row.link);
    expect(one.started).toMatchObject({ ok: true });
    expect(server.headers().get("x-key")).toBe("abc");
  });

  test("over http, and ends the answer of a call early, has the call fail and not repeated", async () => {
    const inner = httpServer();
    let calls = 0;
    const server = listen("http", "/mcp", {
      answer: async (request) => {
        const text = request.method === "POST" ? await request.clone().text() : "";
        if (!text.includes('"tools/call"')) return forward(inner, request);
        calls++;
        return new Response(": here it comes\n\n", { headers: { "content-type": "text/event-stream" } });
      },
    });
    try {
      await using row = remoteServer("http", server);
      await using one = await oneServer(row.link, { timeout: 2000 });
      const called = await one.servers.door.call("one", "echo", { text: "a" }, { signal: calm() });
      expect(called.ok).toBe(false);
      expect(calls).toBe(1);
    } finally {
      inner.stop();
    }
  });

  test("over http, whose answer of a call is no message, has the call fail with what it says", async () => {
    const inner = httpServer();
    const server = listen("http", "/mcp", {
      answer: async (request) => {
        const text = request.method === "POST" ? await request.clone().text() : "";
        if (!text.includes('"tools/call"')) return forward(inner, request);
        return new Response(`<p>${"Busy ".repeat(100_000)}`, { status: 502, headers: { "content-type": "text/html" } });
      },
    });
    try {
      await using row = remoteServer("http", server);
      await using one = await oneServer(row.link);
      const called = await one.servers.door.call("one", "echo", { text: "a" }, { signal: calm() });
      const message = called.ok ? "" : called.error.message;
      expect(message).toContain("502");
      expect(message).toContain("<p>Busy Busy");
      expect(message.length).toBeLessThan(400);
    } finally {
      inner.stop();
    }
  });
});

const everything = join(import.meta.dir, "../../node_modules/@modelcontextprotocol/server-everything/dist/index.js");

async function startEverything(mode: "streamableHttp" | "sse") {
  const port = freePort();
  const child = Bun.spawn([process.execPath, everything, mode], {
    env: { PATH: process.env["PATH"] ?? "", PORT: String(port) },
    stdout: "ignore",
    stderr: "pipe",
  });
  let said = "";
  for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) {
    said += piece;
    const rule = `127.0.0.1:${port}`;
    if (said.includes(`port ${port}`))
      return { url: `http://${rule}/${mode === "sse" ? "sse" : "mcp"}`, rule, stop: () => child.kill("SIGKILL") };
  }
  throw new Error(said);
}

describe("server-everything", () => {
  test.each([
    ["http", "streamableHttp"],
    ["sse", "sse"],
  ] as const)("over %s: its tools are called, and what it does not know is said", async (kind, mode) => {
    const server = await startEverything(mode);
    await using row = remoteServer(kind, server);
    await using one = await oneServer(row.link);
    expect(one.started).toEqual({ ok: true, value: undefined });
    const { door } = one.servers;
    const shown: string[] = [];
    const call = { signal: calm(), progress: (text: string) => void shown.push(text) };
    expect(await door.call("one", "echo", { message: "hi" }, call)).toMatchObject({
      value: { content: [{ kind: "text", text: "Echo: hi" }], error: false },
    });
    await door.call("one", "trigger-long-running-operation", { duration: 0.02, steps: 2 }, call);
    expect(shown).toEqual(["1/2\n", "2/2\n"]);
    expect(await door.call("one", "nonsense", {}, call)).toMatchObject({ value: { error: true } });
  });

  test("over http, asked as SSE, and the reverse, says which it is", async () => {
    for (const [mode, kind, transport] of [
      ["streamableHttp", "sse", "http"],
      ["sse", "http", "sse"],
    ] as const) {
      const server = await startEverything(mode);
      const why = await failure(kind, server);
      expect(why).toMatchObject({
        why: "wrong_transport",
        message: expect.stringContaining(`\`transport: ${transport}\``),
      });
    }
  });
});

/** Asks the other server the same. */
async function forward(to: RemoteServer, request: Request): Promise<Response> {
  const body = request.method === "POST" ? await request.text() : undefined;
  return fetch(to.url, { method: request.method, headers: request.headers, ...(body === undefined ? {} : { body }) });
}
