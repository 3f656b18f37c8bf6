import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { JsonObject } from "../../src/core/json.ts";
import { userAgent } from "../../src/core/version.ts";
import { systemClock } from "../../src/host/clock.ts";
import { makeHttpRequest } from "../../src/tools/http-request.ts";
import { callTool } from "../helpers/call-tool.ts";
import { startSite } from "../helpers/web-site.ts";
import { openRoom } from "../host/harness.ts";

// http_request through the real doors, with servers on the loopback.

const token = "s3cret/value+1";
const spaces = Buffer.alloc(100_000_000, 32);

const other = startSite({ "/seen": (request) => Response.json({ headers: Object.fromEntries(request.headers) }) });
const site = startSite({
  "/echo": async (request, url) =>
    Response.json({
      method: request.method,
      query: Object.fromEntries(url.searchParams),
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    }),
  "/to": (_, url) =>
    new Response(null, {
      status: Number(url.searchParams.get("status") ?? 302),
      headers: { location: url.searchParams.get("url") ?? "" },
    }),
  "/loop": () => new Response(null, { status: 302, headers: { location: "/loop" } }),
  "/fails": () => Response.json({ error: "no such item" }, { status: 422 }),
  "/cyrillic": () =>
    new Response(Uint8Array.from([0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2]), {
      headers: { "content-type": "text/plain; charset=windows-1251" },
    }),
  "/utf16": () =>
    new Response(Buffer.from("<a>wide</a>", "utf16le"), { headers: { "content-type": "text/xml; charset=utf-16le" } }),
  "/zip": () => new Response(Uint8Array.from([0x50, 0x4b, 3, 4, 0, 0])),
  "/cookies": () => new Response("ok", { headers: { "set-cookie": "session=abc", "x-request-id": "a\tb" } }),
  "/gzip": () => new Response(gzipSync("packed"), { headers: { "content-encoding": "gzip" } }),
  "/br": () => new Response(brotliCompressSync("packed"), { headers: { "content-encoding": "br" } }),
  "/zstd": () => new Response(zstdCompressSync("packed"), { headers: { "content-encoding": "zstd" } }),
  "/bomb": () =>
    new Response(gzipSync(spaces), { headers: { "content-encoding": "gzip", "content-type": "text/plain" } }),
  "/unknown": () =>
    new Response("as it is", { headers: { "content-encoding": "constructor", "content-type": "text/plain" } }),
  "/broken": () => new Response("this is not gzip", { headers: { "content-encoding": "gzip" } }),
  "/slow": () => new Response(new ReadableStream({ pull: () => new Promise(() => undefined) })),
  "/tagged": (request) =>
    request.headers.get("if-none-match") === '"1"'
      ? new Response(null, { status: 304 })
      : new Response("the page", { headers: { etag: '"1"', "content-type": "text/plain" } }),
  "/long-header": () => new Response("ok", { headers: { link: "x".repeat(5000) } }),
});
afterAll(() => {
  site.stop();
  other.stop();
});

type Options = { net?: string[]; hosts?: string[]; signal?: AbortSignal };

function open({ net = [site.host, other.host], hosts = [site.host] }: Options = {}) {
  const secrets = { api: { env: "API_TOKEN", hosts } };
  const room = openRoom({
    permissions: { net, env: ["API_TOKEN"], read: ["."], write: ["out"] },
    environment: { PATH: "/usr/bin", API_TOKEN: token },
    secretNames: ["API_TOKEN"],
    secrets,
    place: (cwd) => void Bun.write(join(cwd, "data.bin"), "bytes of a file"),
  });
  const tool = makeHttpRequest({ secrets, oauth: {} });
  const call = (input: JsonObject, signal = new AbortController().signal) =>
    callTool(tool, input, { host: room.host, signal, clock: systemClock });
  return { ...room, tool, call };
}

/** The JSON behind the headers of an answer. */
function bodyOf(content: string): JsonObject {
  const parsed: JsonObject = JSON.parse(content.slice(content.indexOf("\n\n") + 2));
  return parsed;
}

describe("a request", () => {
  test("has its method, query, headers and body, each encoded once", async () => {
    await using room = open();
    const sent = async (input: JsonObject) =>
      bodyOf((await room.call({ url: `${site.origin}/echo?a=1`, ...input })).content);

    const json = await sent({ query: { "q r": "x&y=z" }, headers: { "X-One": "1" }, json: { text: "ä" } });
    expect(json).toMatchObject({ method: "POST", query: { a: "1", "q r": "x&y=z" }, body: '{"text":"ä"}' });
    expect(json["headers"]).toMatchObject({
      "x-one": "1",
      "content-type": "application/json",
      "user-agent": userAgent,
    });

    const form = await sent({ method: "PUT", form: { "a b": "c&d", e: "" } });
    expect(form).toMatchObject({ method: "PUT", body: "a+b=c%26d&e=" });
    expect(form["headers"]).toMatchObject({ "content-type": "application/x-www-form-urlencoded" });

    const text = await sent({ text: "plain", headers: { "content-type": "text/csv" } });
    expect(text).toMatchObject({ body: "plain", headers: { "content-type": "text/csv" } });

    expect(await sent({ file: "data.bin" })).toMatchObject({ method: "POST", body: "bytes of a file" });
  });

  test("that could be two, or is none, is refused", async () => {
    await using room = open();
    const why = async (input: JsonObject) => (await room.call({ url: site.origin, ...input })).content;
    expect(await why({ json: {}, text: "x" })).toBe("Cannot send the request: it can have only one of 'json', 'text'");
    expect(await why({ method: "GET", text: "x" })).toContain("GET has no body");
    expect(await why({ headers: { "X-A": "a\r\nX-B: b" } })).toBe(
      'Cannot send the header "X-A": its value has a line break or a NUL',
    );
    expect(await why({ headers: { "X-A\r\nX-B": "b" } })).toBe(
      'Cannot send the header "X-A\\r\\nX-B": that is no name of a header',
    );
    for (const name of ["Host", "content-length", "Transfer-Encoding", "connection", "Proxy-Authorization"]) {
      expect(await why({ headers: { [name]: "x" } })).toBe(
        `Cannot send the header "${name}": it is not for callers to set`,
      );
    }
    expect(await why({ headers: { "X-A": "日本" } })).toContain("characters that no header can hold");
    expect(await why({ url: "no url" })).toBe("Cannot send the request: 'url' is not an absolute URL");
    expect(site.asked.filter((line) => line === "GET /")).toEqual([]);
  });

  test("changes something unless its method says that it does not", () => {
    const tool = makeHttpRequest({ secrets: {}, oauth: {} });
    const effects = (input: JsonObject) => tool.effects({ url: "https://x.test", ...input });
    expect(effects({})).toBe("read");
    expect(effects({ method: "HEAD" })).toBe("read");
    expect(effects({ save_to: "x" })).toBe("write");
    expect(effects({ json: {} })).toBe("external");
    expect(effects({ method: "DELETE" })).toBe("external");
  });
});

describe("where a request may go", () => {
  test("is only what was granted, whichever way the address is written", async () => {
    await using room = open({ net: [site.host, "localhost:1", "[::1]:1"] });
    const port = site.host.split(":")[1];
    for (const url of [
      "http://169.254.169.254/latest/meta-data",
      `http://2852039166:${port}/`,
      `http://localhost:${port}/`,
      `http://[::ffff:127.0.0.1]:${Number(port) + 1}/`,
      "http://[fe80::1]/",
      "http://0x7f.1:1234/",
    ]) {
      const { content, error } = await room.call({ url });
      expect([url, error, content.includes("the agent file does not request it")]).toEqual([url, true, true]);
    }
    for (const [url, why] of [
      ["file:///etc/passwd", "only http and https are supported"],
      ["ftp://127.0.0.1/", "only http and https are supported"],
      [`http://user:pass@${site.host}/`, "its URL holds credentials"],
    ]) {
      expect((await room.call({ url: url ?? "" })).content).toContain(why ?? "");
    }
  });

  test("is judged again after each redirect", async () => {
    await using room = open({ net: [site.host] });
    const to = encodeURIComponent(`${other.origin}/seen`);
    const before = other.asked.length;
    const { content, error } = await room.call({ url: `${site.origin}/to?url=${to}` });
    expect(content).toBe(`Cannot reach '${other.origin}': the agent file does not request it`);
    expect([error, other.asked.slice(before)]).toEqual([true, []]);
    expect(
      (await room.call({ url: `${site.origin}/to?url=${encodeURIComponent("file:///etc/passwd")}` })).content,
    ).toContain("only http and https");
    expect((await room.call({ url: `${site.origin}/loop` })).content).toContain("too many redirects");
  });
});

describe("a secret", () => {
  const inAll = {
    headers: { authorization: "Bearer {{secret:api}}", "x-key": "{{ secret:api }}" },
    query: { key: "{{secret:api}}" },
  };

  test("is put into headers, query and body of a request to its host", async () => {
    await using room = open();
    const said = bodyOf(
      (await room.call({ url: `${site.origin}/echo`, ...inAll, json: { a: ["{{secret:api}}"] } })).content,
    );
    expect(said).toMatchObject({ query: { key: token }, body: JSON.stringify({ a: [token] }) });
    expect(said["headers"]).toMatchObject({ authorization: `Bearer ${token}`, "x-key": token });
    const form = bodyOf((await room.call({ url: `${site.origin}/echo`, form: { k: "{{secret:api}}" } })).content);
    expect(form["body"]).toBe(`k=${encodeURIComponent(token)}`);
  });

  test("stays with its host where a redirect leads away, with the standard credentials", async () => {
    await using room = open();
    const url = `${site.origin}/to?status=307&url=${encodeURIComponent(`${other.origin}/seen`)}`;
    const { content } = await room.call({ url, headers: { ...inAll.headers, cookie: "a=b", "x-plain": "1" } });
    expect(content).not.toContain(token);
    expect(content).toContain(`[redirected to ${other.origin}/seen]`);
    const headers = bodyOf(content)["headers"];
    expect(headers).toMatchObject({ "x-plain": "1" });
    expect(Object.keys(headers ?? {})).not.toContainAnyValues(["authorization", "x-key", "cookie"]);

    const before = other.asked.length;
    const posted = await room.call({ url, json: { key: "{{secret:api}}" } });
    expect(posted.content).toContain(`it redirects a body that holds a secret to '${other.origin}'`);
    expect(other.asked.length).toBe(before);
  });

  test("goes nowhere else, and the refusal does not tell it", async () => {
    await using room = open();
    const refused = await room.call({ url: `${other.origin}/seen`, ...inAll });
    expect(refused.content).toBe(
      `Cannot use the variable 'API_TOKEN': the secret 'api' goes to ${site.host} only, not to ${other.host}`,
    );
    expect(room.told).toEqual([{ kind: "env", target: "API_TOKEN", verdict: "deny" }]);
    const plain = await room.call({ url: "http://example.test/", headers: inAll.headers });
    expect(plain.content).toContain("goes over https only, or to this machine");
    const unknown = await room.call({ url: site.origin, headers: { x: "{{secret:apo}}" } });
    expect(unknown.content).toBe("There is no secret 'apo'");
    const inUrl = await room.call({ url: `${site.origin}/{{secret:api}}` });
    expect(inUrl.content).toContain("A secret cannot stand in 'url'");
    expect(await room.host.env.get("API_TOKEN")).toMatchObject({ ok: false });
  });

  test("is told to the model by its name and hosts", () => {
    const { description } = makeHttpRequest({
      secrets: { api: { env: "API_TOKEN", hosts: ["api.test"] } },
      oauth: {},
    });
    expect(description).toContain("{{secret:api}} for api.test");
    expect(description).not.toContain("API_TOKEN");
  });
});

describe("an answer", () => {
  test("shows its status, what of its headers helps, and its text", async () => {
    await using room = open();
    const failing = await room.call({ url: `${site.origin}/fails` });
    expect(failing).toEqual({
      content: 'HTTP 422\ncontent-type: application/json;charset=utf-8\n\n{"error":"no such item"}',
      error: true,
    });
    const cookies = await room.call({ url: `${site.origin}/cookies` });
    expect(cookies.content).toBe("HTTP 200\ncontent-type: text/plain;charset=utf-8\nx-request-id: a b\n\nok");
    const long = (await room.call({ url: `${site.origin}/long-header` })).content;
    expect(long.length).toBeLessThan(700);
    expect((await room.call({ url: `${site.origin}/echo`, method: "HEAD" })).content).toStartWith("HTTP 200\n");
  });

  test("is decoded from its charset and unpacked", async () => {
    await using room = open();
    const text = async (path: string) => (await room.call({ url: site.origin + path })).content;
    expect(await text("/cyrillic")).toEndWith("\n\nПривет\n[decoded from windows-1251]");
    expect(await text("/utf16")).toEndWith("\n\n<a>wide</a>\n[decoded from UTF-16LE]");
    for (const way of ["gzip", "br", "zstd"]) expect(await text(`/${way}`)).toEndWith("\n\npacked");
    expect(await text("/unknown")).toEndWith("\n\nas it is");
    expect(await text("/zip")).toEndWith(
      "[the body is a ZIP archive (or a document in one: docx, xlsx, jar), 6 bytes: save it with 'save_to']",
    );
  });

  test("has an end in size and time, however it is packed", async () => {
    await using room = open();
    const bomb = await room.call({ url: `${site.origin}/bomb` });
    expect(bomb.content).toEndWith("[only the first 16 MB were read]");
    expect(bomb.content.length).toBeLessThan(60_000);
    const saved = await room.call({ url: `${site.origin}/bomb`, save_to: "out/bomb" });
    expect(saved).toMatchObject({ error: true });
    expect(saved.content).toContain("Nothing is saved to 'out/bomb': the body has more than 64 MB");
    const broken = await room.call({ url: `${site.origin}/broken` });
    expect(broken).toMatchObject({ error: true });
    expect(broken.content).toBe(
      `Cannot read the answer of '${site.origin}': it is cut, or not packed in 'gzip' as it says`,
    );
    const slow = await room.call({ url: `${site.origin}/slow`, timeout: 1 });
    expect(slow.content).toBe(`Cannot reach '${site.origin}': no whole answer in 1 s`);
    const abort = new AbortController();
    const waiting = room.call({ url: `${site.origin}/slow` }, abort.signal);
    abort.abort();
    expect((await waiting).content).toBe(`Cannot reach '${site.origin}': cancelled`);
  });

  test("is saved byte for byte where that is granted", async () => {
    await using room = open();
    const saved = await room.call({ url: `${site.origin}/zip`, save_to: "out/a.zip" });
    expect(saved.content).toEndWith("[the body, 6 bytes, is saved to 'out/a.zip']");
    expect([...readFileSync(join(room.cwd, "out/a.zip"))]).toEqual([0x50, 0x4b, 3, 4, 0, 0]);
    const denied = await room.call({ url: `${site.origin}/zip`, save_to: "elsewhere" });
    expect(denied).toMatchObject({ error: true });
    expect(denied.content).toContain("Cannot write 'elsewhere'");
  });

  test("is shown and not saved where it tells of an error: what was saved before stays", async () => {
    await using room = open();
    await room.call({ url: `${site.origin}/zip`, save_to: "out/a.zip" });
    const failed = await room.call({ url: `${site.origin}/fails`, save_to: "out/a.zip" });
    expect(failed).toMatchObject({ error: true });
    expect(failed.content).toContain("no such item");
    expect([...readFileSync(join(room.cwd, "out/a.zip"))]).toEqual([0x50, 0x4b, 3, 4, 0, 0]);
  });

  test("is saved without the secrets that were sent", async () => {
    await using room = open();
    const input = { headers: { authorization: "Basic {{secret:api}}" }, json: { key: "{{secret:api}}" } };
    await room.call({ url: `${site.origin}/echo`, ...input, save_to: "out/echo" });
    const text = readFileSync(join(room.cwd, "out/echo"), "utf8");
    expect(JSON.parse(text)).toMatchObject({
      body: '{"key":"[masked]"}',
      headers: { authorization: "Basic [masked]" },
    });
    expect(text).not.toContain(token);
  });

  test("that has not changed comes from the cache, and one that has does not", async () => {
    await using room = open();
    const call = () => room.call({ url: `${site.origin}/tagged` });
    const first = await call();
    expect(first.cached).toBeUndefined();
    expect(await call()).toEqual({ ...first, cached: true });
    expect(
      (await room.call({ url: `${site.origin}/tagged`, headers: { accept: "text/plain" } })).cached,
    ).toBeUndefined();
  });
});
