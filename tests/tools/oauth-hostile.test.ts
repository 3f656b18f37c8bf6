import { afterEach, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signInsOf } from "../../src/app/sign-ins.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { makeMask } from "../../src/core/mask.ts";
import { systemClock } from "../../src/host/clock.ts";
import { oauthFlow } from "../../src/tools/oauth-flow.ts";
import { callTool } from "../helpers/call-tool.ts";
import { memoryKeychain } from "../helpers/keychain.ts";
import { openRoom } from "../host/harness.ts";

// Authorization servers that lie. Each is a real server on the loopback; the person follows what they are told of.

const closing: Array<() => Promise<void>> = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

type Lies = {
  /** In place of what its metadata says. */
  metadata?: JsonObject;
  discovery?: Response;
  /** What its token endpoint answers. */
  token?: (origin: string) => Response;
  /** Parameters that come back beside the code. */
  answer?: Record<string, string>;
  device?: (origin: string) => JsonObject;
};

function openServer(lies: Lies) {
  const seen: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request): Response => {
      const { pathname, searchParams } = new URL(request.url);
      const origin = `http://127.0.0.1:${server.port}`;
      seen.push(pathname);
      if (pathname.startsWith("/.well-known/oauth-authorization-server")) {
        const metadata = {
          issuer: origin,
          authorization_endpoint: `${origin}/auth`,
          token_endpoint: `${origin}/token`,
          device_authorization_endpoint: `${origin}/device`,
          code_challenge_methods_supported: ["S256"],
        };
        return lies.discovery ?? Response.json({ ...metadata, ...lies.metadata });
      }
      if (pathname === "/auth") {
        const back = new URL(searchParams.get("redirect_uri") ?? "");
        back.searchParams.set("state", searchParams.get("state") ?? "");
        back.searchParams.set("code", "c0de-of-the-server");
        for (const [name, value] of Object.entries(lies.answer ?? {})) back.searchParams.set(name, value);
        return Response.redirect(back.href);
      }
      if (pathname === "/device" && lies.device !== undefined) return Response.json(lies.device(origin));
      if (pathname === "/token") return lies.token?.(origin) ?? new Response("no", { status: 500 });
      return new Response("not found", { status: 404 });
    },
  });
  closing.push(() => server.stop(true));
  return { server, seen, host: `127.0.0.1:${server.port}` };
}

/** Signs in there, and says how that ended. */
async function signIn(lies: Lies, { method = "browser", scopes = [] }: { method?: string; scopes?: string[] } = {}) {
  const { host, seen } = openServer(lies);
  const oauth = { id: { issuer: `http://${host}`, client_id: "rein", scopes, hosts: [host] } };
  const keychain = memoryKeychain();
  const told: string[] = [];
  const visits: Promise<string>[] = [];
  const tell = async (text: string) => {
    told.push(text);
    const url = /http\S+/.exec(text)?.[0];
    if (url !== undefined) visits.push(fetch(url).then((response) => response.text()));
  };
  const room = openRoom({
    permissions: { net: [host] },
    environment: { XDG_DATA_HOME: join(tmpdir(), "rein-no-such-folder") },
    signIns: {
      ...signInsOf({ oauth, folder: "/agents" }, makeMask([])),
      keychain,
      // Nothing is there to lock.
      lock: async () => () => () => undefined,
    },
    person: { tell, browser: "" },
  });
  closing.push(async () => room[Symbol.asyncDispose]());
  const quick = {
    now: systemClock.now,
    sleep: (ms: number, signal: AbortSignal) => systemClock.sleep(ms < 20_000 ? 1 : ms, signal),
  };
  const input = { action: "sign_in", name: "id", method };
  const outcome = await callTool(oauthFlow({ oauth }), input, { host: room.host, clock: quick });
  await Promise.all(visits);
  const denied = room.told.flatMap(({ verdict, target }) => (verdict === "deny" ? [target] : []));
  return { ...outcome, told, denied, seen, host, kept: keychain.entries.size };
}

const code = { device_code: "d", user_code: "AB-CD", expires_in: 60 };
const fine = () => Response.json({ access_token: "an-access-token", token_type: "Bearer", expires_in: 60 });

test("an issuer that calls itself another is refused", async () => {
  const { content, told } = await signIn({ metadata: { issuer: "https://login.example.com" } });
  expect(content).toMatch(/^Cannot find out about '.*': "response" body "issuer" property does not match/);
  expect(told).toEqual([]);
});

test("a person is not sent to a host that the file does not request", async () => {
  const url = "https://login.evil.example/auth";
  const browser = await signIn({ metadata: { authorization_endpoint: url } });
  expect(browser.content).toBe("Cannot reach 'login.evil.example:443': the agent file does not request it");
  expect(browser.denied).toEqual(["login.evil.example:443"]);
  expect(browser.told).toEqual([]);
  const { content, told } = await signIn({ device: () => ({ ...code, verification_uri: url }) }, { method: "device" });
  expect(content).toBe("Cannot reach 'login.evil.example:443': the agent file does not request it");
  expect(told).toEqual([]);
});

test("a code is not sent to a host that the file does not request", async () => {
  const { content, denied, kept } = await signIn({ metadata: { token_endpoint: "https://evil.example/token" } });
  expect(content).toBe("Cannot reach 'https://evil.example': the agent file does not request it");
  expect(denied).toEqual(["evil.example:443"]);
  expect(kept).toBe(0);
});

test.each([
  ["authorization_endpoint", "http://login.example.com/auth"],
  ["authorization_endpoint", "javascript:alert(1)"],
  ["authorization_endpoint", "https://user:password@login.example.com/"],
])("a page that is not reached over https is not opened: %s %s", async (name, url) => {
  const { content, told } = await signIn({ metadata: { [name]: url } });
  expect(content).toBe(`Cannot sign in: the server's ${name} is not an https URL: '${url}'`);
  expect(told).toEqual([]);
});

test("a code is not sent without encryption to another machine", async () => {
  const { content } = await signIn({ metadata: { token_endpoint: "http://login.example.com/token" } });
  expect(content).toBe("Cannot sign in: 'http://login.example.com' is not reached over https");
});

test("a server without PKCE by S256 is refused", async () => {
  const { content } = await signIn({ metadata: { code_challenge_methods_supported: ["plain"] } });
  expect(content).toEndWith("it does not support PKCE with S256");
});

test("an endless answer is cut", async () => {
  const discovery = new Response(new ReadableStream({ pull: (out) => out.enqueue(new Uint8Array(100_000)) }));
  expect((await signIn({ discovery })).content).toEndWith("is too long");
});

test("what is no metadata is told of", async () => {
  const answers = [
    Response.json([]),
    new Response("<html>"),
    Response.json({}),
    new Response(null, { status: 503 }),
    Response.redirect("https://evil.example/"),
  ];
  for (const discovery of answers) {
    const { content, error } = await signIn({ discovery });
    expect(error).toBe(true);
    expect(content).toStartWith("Cannot find out about 'http://127.0.0.1:");
  }
});

test("a token endpoint that redirects is not followed", async () => {
  const { content, denied, host } = await signIn({ token: () => Response.redirect("https://evil.example/", 307) });
  expect(content).toBe(`Cannot sign in: 'http://${host}' answered HTTP 307`);
  expect(denied).toEqual([]);
});

test.each([
  ["an error with control characters", { error: "oops", error_description: "a\u001b[2J\n\u202eb".repeat(99) }, 400],
  ["no token", { token_type: "Bearer" }, 200],
  ["a token of another kind", { access_token: "an-access-token", token_type: "DPoP" }, 200],
  ["a token that no header can hold", { access_token: "a\r\nHost: evil", token_type: "Bearer" }, 200],
  ["a life that is no number", { access_token: "an-access-token", token_type: "Bearer", expires_in: "soon" }, 200],
] as const)("an answer with %s is no sign-in", async (_, body, status) => {
  const { content, error, kept } = await signIn({ token: () => Response.json(body, { status }) });
  expect(error).toBe(true);
  expect(content).toStartWith("Cannot sign in: ");
  expect(content).not.toMatch(/[\u0000-\u001f\u202e]/);
  expect(content.length).toBeLessThan(300);
  expect(kept).toBe(0);
});

test("an answer that is an error by its status only is told by that", async () => {
  const { content, host } = await signIn({ token: () => new Response("<h1>Down</h1>", { status: 503 }) });
  expect(content).toBe(`Cannot sign in: 'http://${host}' answered HTTP 503`);
});

test("OpenID Connect without an ID token is no sign-in", async () => {
  const { content, kept } = await signIn({ token: fine }, { scopes: ["openid"] });
  expect(content).toStartWith("Cannot sign in: ");
  expect(kept).toBe(0);
});

test("an ID token for another sign-in is refused by its nonce", async () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const { content, kept } = await signIn(
    {
      token: (iss) => {
        const claims = { iss, sub: "x", aud: "rein", exp: now + 60, iat: now, nonce: "of-somebody-else" };
        const id_token = `${part({ alg: "RS256" })}.${part(claims)}.AAAA`;
        return Response.json({ access_token: "an-access-token", token_type: "Bearer", id_token });
      },
    },
    { scopes: ["openid"] },
  );
  expect(content).toContain('"nonce"');
  expect(kept).toBe(0);
});

test("a code that comes back with tokens beside it is refused", async () => {
  const { content } = await signIn({ token: fine, answer: { id_token: "x.y.z" } });
  expect(content).toBe("Cannot sign in: implicit and hybrid flows are not supported");
});

test("an error of the page is told as the server's words", async () => {
  const { content } = await signIn({ answer: { error: "temporarily_unavailable", error_description: "come back" } });
  expect(content).toBe("Cannot sign in: the server says 'temporarily_unavailable' ('come back')");
});

test("a code for another device that is no code is not shown", async () => {
  const device = (origin: string) => ({ ...code, user_code: "\u001b[2J", verification_uri: `${origin}/x` });
  const { content, told } = await signIn({ device }, { method: "device" });
  expect(told).toEqual([]);
  expect(content).toBe("Cannot sign in: the server's code is no code: '[2J'");
});

test("a code for another device that ends before the person comes is told of", async () => {
  const lies = {
    device: (origin: string) => ({ ...code, expires_in: 0.01, verification_uri: `${origin}/x` }),
    token: () => Response.json({ error: "authorization_pending" }, { status: 400 }),
  };
  const { content } = await signIn(lies, { method: "device" });
  expect(content).toBe("Cannot sign in: the code was not used in time");
});

test("a code for another device is asked for no longer than it lasts, and more slowly when told so", async () => {
  const waits = [
    () => Response.json({ error: "authorization_pending" }, { status: 400 }),
    () => Response.json({ error: "slow_down" }, { status: 400 }),
    () => Response.json({ error: "expired_token" }, { status: 400 }),
  ];
  const { content, seen } = await signIn(
    { device: (origin) => ({ ...code, verification_uri: `${origin}/x` }), token: () => waits.shift()?.() ?? fine() },
    { method: "device" },
  );
  expect(content).toBe("Cannot sign in: the code was not used in time");
  expect(seen.filter((path) => path === "/token")).toHaveLength(3);
});
