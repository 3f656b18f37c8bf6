import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { NetError } from "../../src/core/net-error.ts";
import type { AccessRequest, Decision } from "../../src/core/permission.ts";
import { version } from "../../src/core/version.ts";
import { systemClock } from "../../src/host/clock.ts";
import { makeGate } from "../../src/host/gate.ts";
import { openNetwork, type NetworkOptions } from "../../src/host/net.ts";
import { followRedirects, type Hop } from "../../src/host/redirect.ts";
import { makePolicy } from "../../src/permit/policy.ts";
import { everything } from "./harness.ts";

type Seen = { method: string; path: string; host: string | null; headers: Headers; body: string; client: number };

/** A server on the loopback that tells what it saw. `/to?status=…&url=…` redirects. */
function serve(): {
  port: number;
  seen: Seen[];
  stop: () => void;
  tell: (path: string, answer: () => Response) => void;
} {
  const seen: Seen[] = [];
  const answers = new Map<string, () => Response>();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request, self) => {
      const url = new URL(request.url);
      const client = self.requestIP(request)?.port ?? 0;
      const { method, headers } = request;
      seen.push({ method, path: url.pathname, host: headers.get("host"), headers, body: await request.text(), client });
      if (url.pathname === "/to") {
        const status = Number(url.searchParams.get("status") ?? "302");
        return new Response("moved", { status, headers: { location: url.searchParams.get("url") ?? "" } });
      }
      return answers.get(url.pathname)?.() ?? new Response("hello");
    },
  });
  return {
    port: server.port ?? 0,
    seen,
    stop: () => void server.stop(true),
    tell: (path, answer) => void answers.set(path, answer),
  };
}

const server = serve();
const other = serve();
afterAll(() => {
  server.stop();
  other.stop();
});

type Told = { request: AccessRequest; verdict: Decision["verdict"] };

/** A network of hosts with made-up addresses, under rules. */
function network(
  rules: string[],
  hosts: Record<string, string[]> = {},
  options: NetworkOptions & { deny?: string[] } = {},
) {
  const resolve = { path: (rule: string) => rule, program: () => undefined };
  const plan = { permissions: { net: rules }, deny: { net: options.deny ?? [] } };
  const policy = makePolicy(plan, everything, { cwd: "/", resolve });
  if (!policy.ok) throw new Error(policy.error.join("\n"));
  const told: Told[] = [];
  const lookedUp: string[] = [];
  const signal = new AbortController().signal;
  const gate = makeGate(policy.value, undefined)(
    async (request, { verdict }) => void told.push({ request, verdict }),
    signal,
  );
  const lookup = async (host: string) => {
    lookedUp.push(host);
    return hosts[host] ?? Promise.reject(new Error("ENOTFOUND"));
  };
  const net = openNetwork(systemClock, { lookup, ...options });
  return {
    told,
    lookedUp,
    fetch: (input: string | URL | Request, init?: RequestInit) => net.fetch(gate, signal, input, init),
    service: (baseUrl: string, input: string, init?: RequestInit, ca?: string) =>
      net.fetchService({ baseUrl, ca }, signal, input, init),
  };
}

async function thrown(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "nothing was thrown";
  } catch (error) {
    return error instanceof NetError ? `${error.code}: ${error.message}` : String(error);
  }
}

const here = `127.0.0.1:${server.port}`;
const there = `127.0.0.1:${other.port}`;
const unrequested = "the agent file does not request it";

describe("the gate", () => {
  test("a granted address is reached, under its own URL", async () => {
    const net = network([here]);
    const response = await net.fetch(`http://${here}/a?b=c`);
    expect(await response.text()).toBe("hello");
    expect({ url: response.url, redirected: response.redirected }).toEqual({
      url: `http://${here}/a?b=c`,
      redirected: false,
    });
    expect(net.told.map((one) => `${one.request.target} ${one.verdict}`)).toEqual([`${here} allow`]);
  });

  test("a host that was not granted is not even looked up", async () => {
    const net = network([here], { "x.test": ["127.0.0.1"] });
    expect(await thrown(net.fetch(`http://x.test:${server.port}/`))).toBe(
      `denied: Cannot reach 'http://x.test:${server.port}': ${unrequested}`,
    );
    expect(net.lookedUp).toEqual([]);
  });

  test("a granted name that leads to this machine is denied unless its address is granted too", async () => {
    const name = `x.test:${server.port}`;
    const before = server.seen.length;
    expect(await thrown(network([name], { "x.test": ["127.0.0.1"] }).fetch(`http://${name}/`))).toBe(
      `denied: Cannot reach 'http://${name}': ${unrequested} (the host's address is '127.0.0.1')`,
    );
    expect(server.seen.length).toBe(before);
    const net = network([name, here], { "x.test": ["127.0.0.1"] });
    await net.fetch(`http://${name}/`);
    expect(server.seen.at(-1)?.host).toBe(name);
    expect(net.told.map((one) => one.request.address)).toEqual(["127.0.0.1"]);
  });

  test("one private address among public ones denies the host", async () => {
    const net = network(["x.test:80"], { "x.test": ["93.184.215.14", "10.0.0.1"] });
    expect(await thrown(net.fetch("http://x.test/"))).toContain("(the host's address is '10.0.0.1')");
  });

  test("no spelling of an address gets past its rule", async () => {
    const net = network(["93.184.215.14:80"]);
    for (const host of ["127.1", "0x7f000001", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "0"]) {
      expect(await thrown(net.fetch(`http://${host}:${server.port}/`))).toStartWith("denied: ");
    }
    const granted = network([here]);
    expect((await granted.fetch(`http://0x7f.1:${server.port}/`)).status).toBe(200);
  });

  test("only http and https, and no credentials in the URL", async () => {
    const net = network([here]);
    expect(await thrown(net.fetch("file:///etc/passwd"))).toBe(
      "failed: Cannot reach 'file:///etc/passwd': only http and https are supported",
    );
    expect(await thrown(net.fetch("data:text/plain,x"))).toContain("only http and https");
    expect(await thrown(net.fetch(`http://a:b@${here}/`))).toContain("its URL holds credentials");
    expect(await thrown(net.fetch("nonsense"))).toBe("failed: Cannot reach 'nonsense': it is not a URL");
  });

  test("options that would dial something else are not taken", async () => {
    const net = network([here]);
    const init = { unix: "/nonexistent.sock", proxy: "http://127.0.0.1:1", headers: { Host: "evil.test" } };
    expect((await net.fetch(`http://${here}/`, init)).status).toBe(200);
    expect(server.seen.at(-1)?.host).toBe(here);
  });
});

describe("requests", () => {
  test("method, headers and body arrive, from a Request too", async () => {
    const net = network([here]);
    await net.fetch(`http://${here}/p`, { method: "post", body: JSON.stringify({ a: 1 }), headers: { "X-A": "b" } });
    const posted = server.seen.at(-1);
    expect([posted?.method, posted?.body, posted?.headers.get("x-a")]).toEqual(["POST", '{"a":1}', "b"]);
    await net.fetch(new Request(`http://${here}/q`, { method: "PUT", body: "text" }));
    expect([server.seen.at(-1)?.method, server.seen.at(-1)?.body]).toEqual(["PUT", "text"]);
  });

  test("all requests of a run use one connection", async () => {
    const net = network([`x.test:${server.port}`, here], { "x.test": ["127.0.0.1"] });
    const before = server.seen.length;
    for (let i = 0; i < 5; i++)
      await (await net.fetch(`http://x.test:${server.port}/`, { method: "POST", body: "x" })).text();
    expect(new Set(server.seen.slice(before).map((one) => one.client)).size).toBe(1);
    expect(net.lookedUp).toEqual(["x.test"]);
  });

  test("the next address is tried where nobody listens on the first", async () => {
    const net = network(["localhost:1", `localhost:${server.port}`], { localhost: ["127.0.0.2", "127.0.0.1"] });
    expect(await (await net.fetch(`http://localhost:${server.port}/`)).text()).toBe("hello");
    expect(await thrown(net.fetch("http://localhost:1/"))).toBe(
      "failed: Cannot reach 'http://localhost:1': the connection was refused",
    );
  });

  test("a host that does not exist says so", async () => {
    expect(await thrown(network(["x.test"]).fetch("https://x.test/"))).toBe(
      "not_found: Cannot reach 'x.test': there is no such host",
    );
  });

  test("an abort ends a request with its own reason, while it waits for the answer and while it is read", async () => {
    const net = network([here]);
    const abort = new AbortController();
    server.tell("/slow", () => new Response(new ReadableStream({ start: (to) => to.enqueue(new Uint8Array([65])) })));
    const response = await net.fetch(`http://${here}/slow`, { signal: abort.signal });
    const body = response.text();
    abort.abort(new Error("stop"));
    expect(await thrown(body)).toBe("Error: stop");
    expect(await thrown(net.fetch(`http://${here}/`, { signal: abort.signal }))).toBe("Error: stop");
  });
});

test("a request says who sends it, unless it says so itself", async () => {
  const net = network([here]);
  await net.fetch(`http://${here}/`);
  expect(server.seen.at(-1)?.headers.get("user-agent")).toBe(`rein/${version}`);
  await net.fetch(`http://${here}/`, { headers: { "User-Agent": "other" } });
  expect(server.seen.at(-1)?.headers.get("user-agent")).toBe("other");
});

describe("a packed body", () => {
  const signal = new AbortController().signal;
  const frame = zstdCompressSync("x");
  const endless = () => new ReadableStream<Uint8Array>({ pull: (stream) => stream.enqueue(frame) });
  /** What a dial gives is never ended by itself: only whoever asked for it ends it. */
  const dialed = (headers: Record<string, string>, status = 200, given: ReadableStream | null = endless()) => {
    const hops: Hop[] = [];
    const dial = async (hop: Hop) => {
      hops.push(hop);
      return hops.length > 1 ? new Response("end") : new Response(given, { status, headers });
    };
    return { hops, response: followRedirects(dial, signal, "http://x.test/") };
  };

  test("is unpacked no further once it is cancelled: the request is ended with it", async () => {
    const { hops, response } = dialed({ "content-encoding": "zstd" });
    for await (const _ of (await response).body ?? []) break;
    expect(hops.map((hop) => hop.signal.aborted)).toEqual([true]);
  });

  test("of a redirect is ended before the next request", async () => {
    const { hops, response } = dialed({ "content-encoding": "br", location: "/end" }, 302);
    expect(await (await response).text()).toBe("end");
    expect(hops.map((hop) => hop.signal.aborted)).toEqual([true, false]);
  });

  test("that is cut is no answer, and one of nothing is empty", async () => {
    const packed = gzipSync("some text");
    const { response } = dialed({ "content-encoding": "gzip" }, 200, new Response(packed.subarray(0, -4)).body);
    expect(await thrown((await response).text())).toBe(
      "failed: Cannot read the answer of 'http://x.test': it is cut, or not packed in 'gzip' as it says",
    );
    const nothing = dialed({ "content-encoding": "gzip" }, 200, new Response("").body);
    expect(await (await nothing.response).text()).toBe("");
  });

  test("that is not packed as it says is told of, and a connection that was lost as one", async () => {
    for (const packing of ["gzip", "deflate", "br", "zstd"]) {
      const { response } = dialed({ "content-encoding": packing }, 200, new Response("plain text".repeat(9)).body);
      expect(await thrown((await response).text())).toContain(`not packed in '${packing}' as it says`);
    }
    const lost = new ReadableStream({
      start: (controller) => controller.enqueue(gzipSync("some text").subarray(0, 12)),
      pull: (controller) => controller.error(new Error("lost")),
    });
    const { response } = dialed({ "content-encoding": "gzip" }, 200, lost);
    expect(await thrown((await response).text())).toBe("Error: lost");
  });

  test("takes no memory that is not read", async () => {
    const bomb = await packedZeros();
    server.tell("/bomb", () => new Response(bomb, { headers: { "content-encoding": "zstd" } }));
    const code = `
      const { openNetwork } = await import(process.argv[1]);
      const net = openNetwork({ now: Date.now });
      const response = await net.fetchNamed(new AbortController().signal, process.argv[2]);
      for await (const piece of response.body) break;
      await Bun.sleep(300);
      net.close();
      console.log(/VmHWM:\\s+(\\d+) kB/.exec(await Bun.file("/proc/self/status").text())[1]);`;
    const command = [process.execPath, "-e", code, join(import.meta.dir, "../../src/host/net.ts")];
    const child = Bun.spawn([...command, `http://${here}/bomb`], { stdout: "pipe", stderr: "inherit" });
    const out = await child.stdout.text();
    expect(Number(out) / 1024).toBeWithin(1, 250);
  });
});

/** A gigabyte, in some kilobytes. */
async function packedZeros(): Promise<Uint8Array<ArrayBuffer>> {
  const frame = await Bun.zstdCompress(new Uint8Array(512 * 2 ** 20));
  return new Uint8Array(Buffer.concat(Array.from({ length: 2 }, () => frame)));
}

describe("redirects", () => {
  const to = (url: string, status = 302) => `http://${here}/to?status=${status}&url=${encodeURIComponent(url)}`;

  test("each hop is judged by itself", async () => {
    expect(await thrown(network([here]).fetch(to(`http://${there}/`)))).toBe(
      `denied: Cannot reach 'http://${there}': ${unrequested}`,
    );
    expect(await thrown(network([here]).fetch(to("http://169.254.169.254/latest/meta-data")))).toContain(unrequested);
    expect(await thrown(network([here]).fetch(to("file:///etc/passwd")))).toContain("only http and https");
    const response = await network([here, there]).fetch(to(`http://${there}/end`));
    expect({ url: response.url, redirected: response.redirected }).toEqual({
      url: `http://${there}/end`,
      redirected: true,
    });
  });

  test("a relative location is relative to the name and not to the address", async () => {
    const net = network([`x.test:${server.port}`, here], { "x.test": ["127.0.0.1"] });
    const response = await net.fetch(`http://x.test:${server.port}/to?url=/end`);
    expect(response.url).toBe(`http://x.test:${server.port}/end`);
    expect(server.seen.at(-1)?.host).toBe(`x.test:${server.port}`);
  });

  test.each([
    [301, "GET", ""],
    [302, "GET", ""],
    [303, "GET", ""],
    [307, "POST", "body"],
    [308, "POST", "body"],
  ])("after %d a POST goes on as %s", async (status, method, body) => {
    await network([here]).fetch(to("/end", status), {
      method: "POST",
      body: "body",
      headers: { "content-type": "a/b" },
    });
    const end = server.seen.at(-1);
    expect([end?.path, end?.method, end?.body]).toEqual(["/end", method, body]);
    expect(end?.headers.get("content-type")).toBe(body === "" ? null : "a/b");
  });

  test("credentials do not go to another origin", async () => {
    const headers = { Authorization: "Bearer x", Cookie: "a=b", "X-Other": "c" };
    await network([here, there]).fetch(to(`http://${there}/`), { headers });
    const names = ["authorization", "cookie", "x-other"];
    expect(names.map((name) => other.seen.at(-1)?.headers.get(name))).toEqual([null, null, "c"]);
    await network([here]).fetch(to("/"), { headers });
    expect(names.map((name) => server.seen.at(-1)?.headers.get(name))).toEqual(["Bearer x", "a=b", "c"]);
  });

  test("an endless one ends, and one that was not to be followed is given or refused", async () => {
    server.tell("/loop", () => new Response("", { status: 302, headers: { location: "/loop" } }));
    expect(await thrown(network([here]).fetch(`http://${here}/loop`))).toContain("too many redirects");
    expect((await network([here]).fetch(to("/"), { redirect: "manual" })).status).toBe(302);
    expect(await thrown(network([here]).fetch(to("/"), { redirect: "error" }))).toContain("it redirects");
  });
});

describe("the model's own service", () => {
  test("is reached without a grant, and nothing else is", async () => {
    const net = network([]);
    const base = `http://${here}/v1`;
    expect((await net.service(base, `${base}/chat`)).status).toBe(200);
    expect(net.told).toEqual([]);
    expect(await thrown(net.service(base, `http://${there}/v1`))).toBe(
      `failed: Cannot reach 'http://${here}': it leads to 'http://${there}', and no other host is followed`,
    );
    const away = `http://${here}/to?url=${encodeURIComponent(`http://${there}/`)}`;
    const before = other.seen.length;
    expect(await thrown(net.service(base, away, { headers: { Authorization: "Bearer key" } }))).toContain(
      `it leads to 'http://${there}'`,
    );
    expect(other.seen.length).toBe(before);
  });

  test("an answer that is no HTTP is told without the URL, which may hold a secret", async () => {
    const odd = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.end("SSH-2.0-OpenSSH_9.0\r\n") },
    });
    const base = `http://127.0.0.1:${odd.port}`;
    const message = await thrown(network([]).service(base, `${base}/v1?token=secret`));
    odd.stop(true);
    expect(message).toBe(`failed: Cannot reach '${base}': Malformed_HTTP_Response`);
  });
});

describe("https", () => {
  const folder = mkdtempSync(join(tmpdir(), "rein-test-"));
  const key = join(folder, "key.pem");
  const cert = join(folder, "cert.pem");
  let secure: ReturnType<typeof Bun.serve> | undefined;

  beforeAll(() => {
    const request = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
    ];
    const names = ["-subj", "/CN=pinned.test", "-addext", "subjectAltName=DNS:pinned.test,DNS:localhost"];
    const made = Bun.spawnSync(["openssl", ...request, ...names, "-keyout", key, "-out", cert]);
    if (!made.success) throw new Error(made.stderr.toString());
    secure = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      tls: { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") },
      fetch: (request) =>
        request.url.endsWith("/down")
          ? Response.redirect(`http://${here}/`)
          : new Response(request.headers.get("host")),
    });
  });
  afterAll(async () => {
    await secure?.stop(true);
    rmSync(folder, { recursive: true });
  });

  test("the certificate is the name's, though the address is dialed", async () => {
    const port = secure?.port ?? 0;
    const hosts = { "pinned.test": ["127.0.0.1"], "wrong.test": ["127.0.0.1"] };
    const rules = [`pinned.test:${port}`, `wrong.test:${port}`, `127.0.0.1:${port}`];
    const net = network(rules, hosts, { ca: readFileSync(cert, "utf8") });
    expect(await (await net.fetch(`https://pinned.test:${port}/`)).text()).toBe(`pinned.test:${port}`);
    expect(await thrown(net.fetch(`https://wrong.test:${port}/`))).toStartWith(
      "failed: Cannot reach 'https://wrong.test:",
    );
    expect(await thrown(net.fetch(`https://127.0.0.1:${port}/`))).toStartWith("failed: ");
    const untrusting = network(rules, hosts);
    expect(await thrown(untrusting.fetch(`https://pinned.test:${port}/`))).toStartWith("failed: ");
  });

  test("what the user named is reached without a gate, and never goes on unencrypted", async () => {
    const port = secure?.port ?? 0;
    const net = openNetwork(systemClock, { ca: readFileSync(cert, "utf8") });
    const { signal } = new AbortController();
    const named = (path: string) => net.fetchNamed(signal, `https://localhost:${port}${path}`);
    expect(await (await named("/")).text()).toBe(`localhost:${port}`);
    expect(await thrown(named("/down"))).toBe(
      `failed: Cannot reach 'http://${here}': a redirect from https to http is not followed`,
    );
    net.close();
  });
});
