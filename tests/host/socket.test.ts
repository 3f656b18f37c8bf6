import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket, SocketOptions } from "../../src/core/host.ts";
import { faultOf, NetError } from "../../src/core/net-error.ts";
import type { AccessRequest } from "../../src/core/permission.ts";
import { systemClock } from "../../src/host/clock.ts";
import { makeGate } from "../../src/host/gate.ts";
import { openNetwork, type NetworkOptions } from "../../src/host/net.ts";
import { makePolicy } from "../../src/permit/policy.ts";
import { everything } from "./harness.ts";

type Seen = { host: string | null; headers: Headers };

/** A WebSocket server that does what it is told by text; paths other than `/` answer without a socket. */
function serve(tls?: { key: string; cert: string }) {
  const seen: Seen[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    ...(tls === undefined ? {} : { tls }),
    fetch: (request, self) => {
      const { headers } = request;
      const { pathname } = new URL(request.url);
      seen.push({ host: headers.get("host"), headers });
      if (pathname === "/refuses")
        return new Response("no, I will not", { status: 401, headers: { "www-authenticate": "Bearer" } });
      if (pathname === "/moved") return new Response(null, { status: 307, headers: { location: "ws://127.0.0.1:1/" } });
      if (pathname === "/endless")
        return new Response(new ReadableStream({ pull: (to) => to.enqueue("x".repeat(9000)) }));
      if (pathname === "/never") return new Promise<Response>(() => undefined);
      const own = headers.get("sec-websocket-protocol") === "mcp" ? { "sec-websocket-protocol": "mcp" } : {};
      return self.upgrade(request, { headers: own }) ? undefined : new Response("no socket", { status: 400 });
    },
    websocket: {
      message: (socket, text) => {
        if (text === "close") socket.close(4001, "so it is");
        else if (text === "cut") socket.terminate();
        else if (text === "binary") socket.send(new Uint8Array([1]));
        else if (text === "long") socket.send("x".repeat(2000));
        else socket.send(text);
      },
    },
  });
  return { port: server.port ?? 0, seen, stop: () => void server.stop(true) };
}

const server = serve();
afterAll(server.stop);

/** A network in which `x.test` is this machine. */
function network(rules: string[], options: NetworkOptions = {}) {
  const resolve = { path: (rule: string) => rule, program: () => undefined };
  const policy = makePolicy({ permissions: { net: rules }, deny: {} }, everything, { cwd: "/", resolve });
  if (!policy.ok) throw new Error(policy.error.join("\n"));
  const told: string[] = [];
  const whole = new AbortController();
  const gate = makeGate(policy.value, undefined)(
    async ({ target }: AccessRequest, { verdict }) => void told.push(`${target} ${verdict}`),
    whole.signal,
  );
  const lookup = async (host: string) =>
    host === "x.test" ? ["127.0.0.2", "127.0.0.1"] : Promise.reject(new Error("ENOTFOUND"));
  const net = openNetwork(systemClock, { lookup, ...options });
  const texts: string[] = [];
  const open = (url: string, more: Partial<SocketOptions> = {}) =>
    net.socket(gate, whole.signal, new URL(url), {
      headers: new Headers({ authorization: "Bearer secret" }),
      protocol: "mcp",
      largest: 1000,
      onText: (text) => void texts.push(text),
      signal: new AbortController().signal,
      ...more,
    });
  return { told, texts, open, whole };
}

async function socketOf(opening: Promise<Socket | Response>): Promise<Socket> {
  const opened = await opening;
  if (opened instanceof Response) throw new Error(`answered ${opened.status}`);
  return opened;
}

async function thrown(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "nothing was thrown";
  } catch (error) {
    return error instanceof NetError ? `${error.code}: ${error.message} [${faultOf(error) ?? ""}]` : String(error);
  }
}

const here = `127.0.0.1:${server.port}`;

test("a socket is dialed by a judged address, under its name, with headers and subprotocol", async () => {
  const net = network([`x.test:${server.port}`, `127.0.0.0/8:${server.port}`]);
  const socket = await socketOf(net.open(`ws://x.test:${server.port}/`));
  expect((await socket.send("hello")).ok).toBe(true);
  expect((await socket.send("close")).ok).toBe(true);
  expect(await socket.ended).toEqual({ ok: true, value: { code: 4001, reason: "so it is" } });
  expect(net.texts).toEqual(["hello"]);
  expect(socket.protocol).toBe("mcp");
  const [seen] = server.seen.slice(-1);
  expect(seen?.host).toBe(`x.test:${server.port}`);
  expect(seen?.headers.get("authorization")).toBe("Bearer secret");
  expect(seen?.headers.get("sec-websocket-extensions")).toBeNull();
  expect(net.told).toEqual([`x.test:${server.port} allow`]);
  expect((await socket.send("late")).ok).toBe(false);
});

test("a socket to a host or an address that was not granted is not opened", async () => {
  const before = server.seen.length;
  expect(await thrown(network(["y.test"]).open(`ws://${here}/`))).toStartWith("denied: Cannot reach 'ws://127.0.0.1:");
  expect(await thrown(network([`x.test:${server.port}`]).open(`ws://x.test:${server.port}/`))).toStartWith("denied: ");
  expect(server.seen.length).toBe(before);
});

test("only WebSocket URLs without credentials open sockets", async () => {
  const net = network([here]);
  expect(await thrown(net.open(`http://${here}/`))).toContain("only ws and wss are WebSockets");
  expect(await thrown(net.open(`ws://a:b@${here}/`))).toContain("its URL holds credentials");
});

test("what a server answers instead of a socket is handed out, and no redirect is followed", async () => {
  const net = network([here]);
  const refused = await net.open(`ws://${here}/refuses`);
  if (!(refused instanceof Response)) throw new Error("a socket was opened");
  expect([refused.status, refused.headers.get("www-authenticate"), await refused.text()]).toEqual([
    401,
    "Bearer",
    "no, I will not",
  ]);
  const moved = await net.open(`ws://${here}/moved`);
  expect(moved instanceof Response && [moved.status, moved.headers.get("location")]).toEqual([
    307,
    "ws://127.0.0.1:1/",
  ]);
  const endless = await net.open(`ws://${here}/endless`);
  if (!(endless instanceof Response)) throw new Error("a socket was opened");
  const reader = endless.body?.getReader();
  expect((await reader?.read())?.value?.length).toBeGreaterThan(0);
  await reader?.cancel();
});

test("what may not be sent ends the socket: a long text, a binary message; so does a cut", async () => {
  for (const [text, code, message] of [
    ["long", "too_large", "it sent a message that is too long"],
    ["binary", "invalid", "it sent a binary message"],
    ["cut", "failed", "the connection was cut"],
  ] as const) {
    const net = network([here]);
    const socket = await socketOf(net.open(`ws://${here}/`));
    await socket.send(text);
    expect(await socket.ended).toEqual({ ok: false, error: { code, message } });
    expect(net.texts).toEqual([]);
  }
});

test("a socket ends with its signal and with its call, also while it is opened", async () => {
  const net = network([here]);
  const stop = new AbortController();
  const socket = await socketOf(net.open(`ws://${here}/`, { signal: stop.signal }));
  stop.abort();
  expect(await socket.ended).toEqual({ ok: false, error: { code: "cancelled", message: "cancelled" } });
  const opening = thrown(net.open(`ws://${here}/never`));
  net.whole.abort(new Error("the call has ended"));
  expect(await opening).toBe("Error: the call has ended");
});

test("nobody listening and unknown hosts are errors of their own", async () => {
  expect(await thrown(network(["127.0.0.1:1"]).open("ws://127.0.0.1:1/"))).toBe(
    "failed: Cannot reach 'ws://127.0.0.1:1': the connection was refused [refused]",
  );
  expect(await thrown(network(["z.test"]).open("wss://z.test/"))).toBe(
    "not_found: Cannot reach 'z.test': there is no such host []",
  );
});

test("over TLS the certificate is the name's, and it is checked", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rein-socket-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const names = ["-subj", "/CN=x.test", "-addext", "subjectAltName=DNS:x.test"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  Bun.spawnSync(["openssl", "req", "-x509", ...kind, ...names, "-keyout", key, "-out", cert]);
  const ca = readFileSync(cert, "utf8");
  const secure = serve({ key: readFileSync(key, "utf8"), cert: ca });
  try {
    const rules = [`*.test:${secure.port}`, `127.0.0.0/8:${secure.port}`];
    const socket = await socketOf(network(rules, { ca }).open(`wss://x.test:${secure.port}/`));
    await socket.send("close");
    expect((await socket.ended).ok).toBe(true);
    expect(await thrown(network(rules).open(`wss://x.test:${secure.port}/`))).toBe(
      `failed: Cannot reach 'wss://x.test:${secure.port}': its certificate is not trusted: it is signed by itself [tls]`,
    );
    const lookup = async () => ["127.0.0.1"];
    expect(await thrown(network(rules, { ca, lookup }).open(`wss://other.test:${secure.port}/`))).toBe(
      `failed: Cannot reach 'wss://other.test:${secure.port}': its certificate is for another host [tls]`,
    );
    expect(await thrown(network([here], { ca }).open(`wss://${here}/`))).toContain("[tls]");
  } finally {
    secure.stop();
    rmSync(folder, { recursive: true });
  }
});
