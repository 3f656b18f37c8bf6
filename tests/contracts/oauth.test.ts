import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signInsOf } from "../../src/app/sign-ins.ts";
import type { Clock, Person } from "../../src/core/host.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { makeMask } from "../../src/core/mask.ts";
import type { OauthSpec } from "../../src/core/oauth.ts";
import { systemClock } from "../../src/host/clock.ts";
import type { Keychain } from "../../src/host/keychain.ts";
import { loadTools, noSetting } from "../../src/tools/index.ts";
import { callTool } from "../helpers/call-tool.ts";
import { memoryKeychain, noKeychain } from "../helpers/keychain.ts";
import { browse, type How } from "../helpers/oidc-browser.ts";
import { clientId, startOidcServer, type OidcServer } from "../helpers/oidc-server.ts";
import { until } from "../helpers/until.ts";
import { openRoom } from "../host/harness.ts";

// oauth_flow with a real authorization server, oidc-provider, which enforces PKCE; and the token in http_request.

let server: OidcServer;
let data = "";

beforeAll(async () => {
  server = await startOidcServer();
});

afterAll(() => server.stop());

type Options = {
  how?: How;
  browser?: string;
  keychain?: Keychain;
  nobody?: boolean;
  hosts?: string[];
  folder?: string;
  keep?: boolean;
};

/** A run of an agent with the sign-in `id`, and a person who does as `how` says with each page that they are told of. */
function open({ how = "agree", browser = "", keychain = noKeychain, nobody, hosts, folder, keep }: Options = {}) {
  if (keep !== true) data = mkdtempSync(join(tmpdir(), "rein-oauth-"));
  const spec: OauthSpec = {
    issuer: server.issuer,
    client_id: clientId,
    scopes: ["openid", "offline_access"],
    hosts: hosts ?? [server.host],
  };
  const oauth = { id: spec };
  const mask = makeMask([]);
  const told: string[] = [];
  const visits: Promise<string>[] = [];
  const person: Person = {
    browser,
    tell: async (text) => {
      told.push(text);
      const url = /http\S+/.exec(text)?.[0] ?? "";
      if (browser === "") visits.push(browse(how, url));
    },
  };
  const room = openRoom({
    permissions: { net: [server.host], run: [process.execPath], read: ["/"], write: ["/"] },
    environment: { PATH: process.env["PATH"], XDG_DATA_HOME: data, TMPDIR: process.env["TMPDIR"] },
    signIns: { ...signInsOf({ oauth, folder: folder ?? "/agents" }, mask), keychain },
    ...(nobody === true ? {} : { person }),
  });
  const call = async (
    name: string,
    input: JsonObject,
    { signal, clock = systemClock }: { signal?: AbortSignal; clock?: Pick<Clock, "now" | "sleep"> } = {},
  ) => {
    const [tool] = await loadTools([name], { ...noSetting, oauth });
    if (tool === undefined) throw new Error(`no tool '${name}'`);
    const outcome = await callTool(tool, input, {
      host: room.host,
      clock,
      ...(signal === undefined ? {} : { signal }),
    });
    return { ...outcome, content: mask.text(outcome.content) };
  };
  const flow = (action: string, more: JsonObject = {}, how_: Parameters<typeof call>[2] = {}) =>
    call("oauth_flow", { action, name: "id", ...more }, how_);
  /** Asks the server who it is whose token it gets. */
  const whoami = () =>
    call("http_request", { url: `${server.issuer}/me`, headers: { authorization: "Bearer {{secret:id}}" } });
  const close = async () => {
    await Promise.all(visits);
    await room[Symbol.asyncDispose]();
    if (keep !== true) rmSync(data, { recursive: true, force: true });
  };
  const denied = () =>
    room.told.flatMap(({ verdict, kind, target }) => (verdict === "deny" ? [`${kind} ${target}`] : []));
  return { ...room, spec, told, mask, call, flow, whoami, denied, [Symbol.asyncDispose]: close };
}

const folder = () => join(data, "rein/credentials");
const files = () => readdirSync(folder()).filter((name) => name.endsWith(".json"));

/** What is kept, as the file has it. */
function kept(): { access: string; refresh: string; expires: number } {
  return JSON.parse(readFileSync(join(folder(), files()[0] ?? ""), "utf8"));
}

function keep(change: object): void {
  writeFileSync(join(folder(), files()[0] ?? ""), JSON.stringify({ version: 1, ...kept(), ...change }));
}

/** Short waits are none: for codes on other devices. */
const quick: Pick<Clock, "now" | "sleep"> = {
  now: systemClock.now,
  sleep: (ms, signal) => systemClock.sleep(ms < 20_000 ? 5 : ms, signal),
};

describe("in a browser", () => {
  test("a command opens the page, and http_request has the token, which nobody sees", async () => {
    const script = join(import.meta.dir, "../helpers/oidc-browser.ts");
    await using agent = open({ browser: `${process.execPath} ${script} agree %s` });
    const { content, error } = await agent.flow("sign_in");
    expect(error).toBeUndefined();
    expect(content).toStartWith(
      `Signed in to 'id'. Use it in http_request with the header Authorization: Bearer {{secret:id}}, for ${server.host}\n`,
    );
    expect(content).toEndWith("mode 0600: the keychain cannot be used: libsecret not available]");
    const url = new URL(/http\S+/.exec(agent.told[0] ?? "")?.[0] ?? "");
    expect(url.searchParams.get("code_challenge_method")).toBe("S256");
    expect(url.searchParams.get("redirect_uri")).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    const me = await agent.whoami();
    expect(me.content).toContain("HTTP 200");
    expect(me.content).toContain('{"sub":"somebody"}');
    const { access, refresh } = kept();
    expect(agent.mask.text(`${access} ${refresh}`)).toBe("[masked] [masked]");
    expect(agent.told.join("\n")).not.toContain(access);
    expect((await agent.flow("status")).content).toStartWith("Somebody has signed in to 'id'.");
  });

  test("the file is its owner's only, and so is its folder", async () => {
    await using agent = open();
    await agent.flow("sign_in");
    expect(statSync(join(folder(), files()[0] ?? "")).mode & 0o777).toBe(0o600);
    expect(statSync(folder()).mode & 0o777).toBe(0o700);
    expect(files()).toHaveLength(1);
    const { content } = await agent.call("file_read", { path: join(folder(), files()[0] ?? "") });
    expect(content).toContain("denied by rein: its sign-ins are kept there");
    expect(agent.told).toHaveLength(1);
  });

  test("where there is a keychain no file is written", async () => {
    const keychain = memoryKeychain();
    await using agent = open({ keychain });
    expect((await agent.flow("sign_in")).content).toEndWith(`for ${server.host}`);
    expect(files()).toEqual([]);
    expect(keychain.entries.size).toBe(1);
    expect((await agent.whoami()).content).toContain("HTTP 200");
    await agent.flow("sign_out");
    expect(keychain.entries.size).toBe(0);
  });

  test("who has signed in is not asked again", async () => {
    await using agent = open();
    await agent.flow("sign_in");
    expect((await agent.flow("sign_in")).content).toStartWith("Somebody has signed in to 'id' already.");
    expect(agent.told).toHaveLength(1);
  });

  test.each([
    ["cancel", "Cannot sign in: the person, or the server, refused it"],
    ["other-issuer", 'Cannot sign in: unexpected "iss" (issuer) response parameter value'],
    ["no-issuer", 'Cannot sign in: response parameter "iss" (issuer) missing'],
  ] as const)("an answer of '%s' is no sign-in", async (how, message) => {
    await using agent = open({ how });
    expect(await agent.flow("sign_in")).toEqual({ content: message, error: true });
    expect((await agent.flow("status")).content).toBe("Nobody has signed in to 'id' yet");
  });

  test("what another page sends to the listener is not what is waited for", async () => {
    await using agent = open({ browser: "none" });
    const stop = new AbortController();
    const signing = agent.flow("sign_in", {}, { signal: stop.signal });
    await until(() => agent.told.length > 0);
    const redirect = new URL(agent.told[0]?.match(/http\S+/)?.[0] ?? "").searchParams.get("redirect_uri") ?? "";
    const status = async (url: string, init?: RequestInit) => (await fetch(url, init)).status;
    expect(await status(redirect.replace("/callback", "/"))).toBe(404);
    expect(await status(redirect.replace("/callback", "/callback/more"))).toBe(404);
    expect(await status(redirect, { method: "POST" })).toBe(405);
    expect(await status(redirect, { headers: { host: "evil.example" } })).toBe(421);
    expect(await status(`${redirect}?code=c&state=of-somebody-else`)).toBe(400);
    expect(await status(`${redirect}?error=access_denied`)).toBe(400);
    stop.abort();
    expect(await signing).toEqual({ content: "Cannot sign in: cancelled", error: true });
    await expect(status(redirect)).rejects.toThrow();
  });

  test("a person who does not come is not waited for without end", async () => {
    await using agent = open({ browser: "none" });
    const clock = {
      now: systemClock.now,
      sleep: (ms: number, signal: AbortSignal) => systemClock.sleep(ms / 1000, signal),
    };
    const { content } = await agent.flow("sign_in", {}, { clock });
    expect(content).toBe("Cannot sign in to 'id': nobody signed in within 5 minutes");
  });

  test("where nobody is nothing is waited for, and it is said what to do", async () => {
    await using agent = open({ nobody: true });
    const { content, error } = await agent.flow("sign_in");
    expect(error).toBe(true);
    expect(content).toContain(
      "nobody is at a terminal; a person can do it before the run with rein tools call oauth_flow",
    );
    expect(agent.told).toEqual([]);
  });
});

describe("with a code", () => {
  test("a person agrees on another device", async () => {
    await using agent = open();
    const { content } = await agent.flow("sign_in", { method: "device" }, { clock: quick });
    expect(content).toStartWith("Signed in to 'id'.");
    expect(agent.told[0]).toMatch(/^Sign in to 'id' on any device:\n {2}http\S+\nThe code is [A-Z]{4}-[A-Z]{4}$/);
    expect((await agent.whoami()).content).toContain('{"sub":"somebody"}');
  });

  test("a person refuses on another device", async () => {
    await using agent = open({ how: "cancel" });
    const { content } = await agent.flow("sign_in", { method: "device" }, { clock: quick });
    expect(content).toBe("Cannot sign in: the person, or the server, refused it");
  });
});

describe("later", () => {
  test("two processes that find a token ended renew it once, and both have the new one", async () => {
    await using agent = open();
    await agent.flow("sign_in");
    const before = kept();
    keep({ expires: 1 });
    const given = server.grants.length;
    const fixture = join(import.meta.dir, "fixtures/oauth-token.ts");
    const ask = async () => {
      const child = Bun.spawn([process.execPath, fixture, JSON.stringify(agent.spec), data, "/agents"]);
      return new Response(child.stdout).text();
    };
    const [one, other] = await Promise.all([ask(), ask()]);
    const after = kept();
    expect([one, other]).toEqual([after.access, after.access]);
    expect(after.access).not.toBe(before.access);
    // The server rotates: whoever uses an old one again loses all of them.
    expect(after.refresh).not.toBe(before.refresh);
    expect(server.grants.slice(given)).toEqual(["refresh_token"]);
    expect((await agent.whoami()).content).toContain("HTTP 200");
  });

  test("requests at the same time renew a token once", async () => {
    await using agent = open();
    await agent.flow("sign_in");
    keep({ expires: 1 });
    const given = server.grants.length;
    const answers = await Promise.all([agent.whoami(), agent.whoami(), agent.whoami()]);
    expect(answers.map(({ content }) => content.slice(0, 8))).toEqual(["HTTP 200", "HTTP 200", "HTTP 200"]);
    expect(server.grants.slice(given)).toEqual(["refresh_token"]);
  });

  test("refresh gets a new token for one that the service refuses", async () => {
    await using agent = open();
    await agent.flow("sign_in");
    keep({ access: "a-token-of-no-use" });
    expect(await agent.whoami()).toMatchObject({ error: true, content: expect.stringContaining("HTTP 401") });
    expect((await agent.flow("refresh")).content).toStartWith("The token of 'id' is new.");
    expect((await agent.whoami()).content).toContain("HTTP 200");
  });

  test("sign_out has the server forget the token, and forgets it here", async () => {
    await using agent = open();
    await agent.flow("sign_in");
    const { access, refresh } = kept();
    expect((await agent.flow("sign_out")).content).toBe("The sign-in to 'id' is forgotten");
    const me = await fetch(`${server.issuer}/me`, { headers: { authorization: `Bearer ${access}` } });
    expect(me.status).toBe(401);
    const form = { grant_type: "refresh_token", refresh_token: refresh, client_id: clientId };
    const again = await fetch(`${server.issuer}/token`, { method: "POST", body: new URLSearchParams(form) });
    expect(again.status).toBe(400);
    expect(files()).toEqual([]);
    expect((await agent.whoami()).content).toBe(
      "Nobody has signed in to 'id' yet: call oauth_flow with action sign_in",
    );
  });

  test("a sign-in that was revoked elsewhere says so", async () => {
    await using agent = open();
    await agent.flow("sign_in");
    const form = { token: kept().refresh, client_id: clientId };
    await fetch(`${server.issuer}/token/revocation`, { method: "POST", body: new URLSearchParams(form) });
    const message =
      "Cannot renew the sign-in: what it stands on has ended or was revoked; sign_out, then sign_in again with oauth_flow";
    expect(await agent.flow("refresh")).toEqual({ content: message, error: true });
    keep({ expires: 1 });
    expect(await agent.whoami()).toEqual({ content: message, error: true });
    expect((await agent.flow("sign_in")).content).toStartWith("Signed in to 'id'.");
  });

  test("the token goes to its hosts only", async () => {
    await using agent = open({ hosts: ["api.example.com"] });
    await agent.flow("sign_in");
    const { content, error } = await agent.whoami();
    expect(error).toBe(true);
    expect(content).toStartWith(
      `Cannot use the sign-in 'id': the secret 'id' goes to api.example.com only, not to ${server.host}`,
    );
    expect(agent.denied()).toEqual([`net ${server.host}`]);
  });

  test("neither an agent of another folder nor one with other hosts has what was signed in to", async () => {
    await using agent = open();
    await agent.flow("sign_in");
    for (const other of [{ folder: "/strange" }, { hosts: ["evil.example", server.host] }]) {
      await using stranger = open({ ...other, keep: true, nobody: true });
      expect((await stranger.flow("status")).content).toBe("Nobody has signed in to 'id' yet");
    }
    await using same = open({ keep: true, nobody: true });
    expect((await same.whoami()).content).toContain("HTTP 200");
  });
});
