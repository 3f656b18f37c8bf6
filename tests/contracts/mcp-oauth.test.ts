import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signInDoors } from "../../src/app/mcp-host.ts";
import { signInsOf } from "../../src/app/sign-ins.ts";
import type { Person } from "../../src/core/host.ts";
import { makeMask } from "../../src/core/mask.ts";
import type { McpOauth } from "../../src/core/mcp.ts";
import { NetError } from "../../src/core/net-error.ts";
import { ok } from "../../src/core/result.ts";
import { systemClock } from "../../src/host/clock.ts";
import type { OpenLink } from "../../src/mcp/link.ts";
import { openRemote } from "../../src/mcp/remote.ts";
import { ServerTokens } from "../../src/mcp/server-tokens.ts";
import { noKeychain } from "../helpers/keychain.ts";
import { startOauthServers, type OauthServers } from "../helpers/mcp-oauth-server.ts";
import { calm, oneServer } from "../helpers/mcp-session.ts";
import { browse, type How } from "../helpers/oidc-browser.ts";
import { openScreen } from "../helpers/terminal.ts";
import { until } from "../helpers/until.ts";
import { openRoom } from "../host/harness.ts";

// Sign-ins to remote servers, from the first 401 to a token that is renewed, with an authorization server of the tests.

const folders: string[] = [];
const running: OauthServers[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  for (const one of running.splice(0)) one.stop();
});

function start(...args: Parameters<typeof startOauthServers>): OauthServers {
  const servers = startOauthServers(...args);
  running.push(servers);
  return servers;
}

function newData(): string {
  const made = mkdtempSync(join(tmpdir(), "rein-oauth-"));
  folders.push(made);
  return made;
}

type Options = {
  kind?: "http" | "sse" | "websocket";
  how?: How | "leave it";
  nobody?: boolean;
  oauth?: McpOauth<string>;
  net?: string[];
  data?: string;
  folder?: string;
};

/** A run that may reach both servers, with a person who agrees to each page that they are told of. */
function open(servers: OauthServers, options: Options = {}) {
  const { kind = "http", how = "agree", nobody, oauth, net = Object.values(servers.rules), data = newData() } = options;
  const told: string[] = [];
  const visits: Promise<string>[] = [];
  const mask = makeMask([]);
  const person: Person = {
    browser: "",
    tell: async (text) => {
      told.push(text);
      if (how !== "leave it") visits.push(browse(how, /http\S+/.exec(text)?.[0] ?? ""));
    },
  };
  const room = openRoom({
    permissions: { net },
    environment: { PATH: process.env["PATH"], XDG_DATA_HOME: data, TMPDIR: process.env["TMPDIR"] },
    signIns: { ...signInsOf({ oauth: {}, folder: options.folder ?? "/agents" }, mask), keychain: noKeychain },
    ...(nobody === true ? {} : { person }),
  });
  const transport = { kind, url: servers.url, headers: [], ...(oauth === undefined ? {} : { oauth }) };
  const doors = (signal: AbortSignal) => {
    const signIn = signInDoors(transport, room.host, systemClock, signal);
    return { net: room.host.net, clock: systemClock, ...(signIn === undefined ? {} : { signIn }) };
  };
  const link: OpenLink = (signal) => openRemote({ name: "one", transport }, doors(signal), signal);
  const login = async (signal = calm()) => {
    const { signIn } = doors(signal);
    if (signIn?.browser === undefined) throw new Error("nobody is there");
    return new ServerTokens({ name: "one", ...transport }, new URL(servers.url), signIn, signal).login(signIn.browser);
  };
  const end = async () => {
    await Promise.all(visits);
    await room[Symbol.asyncDispose]();
  };
  return { data, link, login, told, mask, [Symbol.asyncDispose]: end };
}

async function echo(one: Awaited<ReturnType<typeof oneServer>>): Promise<string> {
  const called = await one.servers.door.call("one", "echo", { text: "hi" }, { signal: calm() });
  return called.ok ? "called" : called.error.message;
}

const command = "run `rein mcp login one`";

describe.each(["http", "sse", "websocket"] as const)("a server over %s that wants a sign-in", (kind) => {
  test("has a person sign in before it starts, and later runs need nobody", async () => {
    const servers = start(kind);
    await using first = open(servers, { kind });
    await using one = await oneServer(first.link, { deadline: 3000 });
    expect(one.started).toMatchObject({ ok: true });
    expect(await echo(one)).toBe("called");
    expect(servers.given).toEqual(["register", "authorization_code use"]);
    const [page] = first.told;
    expect(page).toStartWith("Sign in to 'one' with a browser of this machine:\n");
    expect(servers.secrets.filter((secret) => page?.includes(secret))).toEqual([]);
    // What is kept is masked from then on.
    expect(first.mask.text(servers.secrets.slice(-2).join(" "))).toBe("[masked] [masked]");

    await using second = open(servers, { kind, nobody: true, data: first.data });
    await using again = await oneServer(second.link);
    expect(await echo(again)).toBe("called");
    expect(servers.given).toEqual(["register", "authorization_code use"]);
    expect(second.mask.text(servers.secrets.at(-1) ?? "")).toBe("[masked]");
  });

  test("says which command to run where nobody is", async () => {
    const servers = start(kind);
    await using run = open(servers, { kind, nobody: true });
    await using one = await oneServer(run.link);
    expect(one.started).toMatchObject({
      ok: false,
      error: { why: "unauthorized", message: `it wants a sign-in: ${command}` },
    });
    expect(servers.given).toEqual([]);
  });
});

describe("a kept sign-in", () => {
  test("is renewed where its token ends, in the middle of a run too", async () => {
    const servers = start();
    await using run = open(servers);
    await using one = await oneServer(run.link);
    servers.revoke();
    expect(await echo(one)).toBe("called");
    expect(servers.given).toEqual(["register", "authorization_code use", "refresh_token"]);
  });

  test("is renewed once by two runs at the same time", async () => {
    const servers = start();
    await using before = open(servers);
    expect(await before.login()).toMatchObject({ ok: true });
    servers.revoke();
    await using first = open(servers, { nobody: true, data: before.data });
    await using second = open(servers, { nobody: true, data: before.data });
    await using one = await oneServer(first.link);
    await using other = await oneServer(second.link);
    expect([await echo(one), await echo(other)]).toEqual(["called", "called"]);
    servers.revoke();
    expect(await Promise.all([echo(one), echo(other), echo(one)])).toEqual(["called", "called", "called"]);
    expect(servers.given.filter((what) => what === "refresh_token")).toHaveLength(2);
  });

  test("that cannot be renewed any more says so", async () => {
    const servers = start();
    await using before = open(servers);
    expect(await before.login()).toMatchObject({ ok: true });
    servers.revoke({ renewals: true });
    await using run = open(servers, { nobody: true, data: before.data });
    await using one = await oneServer(run.link);
    expect(one.started).toMatchObject({
      error: {
        why: "unauthorized",
        message:
          "it wants a new sign-in (the sign-in cannot be renewed: what it stands on has ended or was revoked): " +
          command,
      },
    });
  });

  test("is for the agent files of one folder", async () => {
    const servers = start();
    await using before = open(servers);
    expect(await before.login()).toMatchObject({ ok: true });
    await using run = open(servers, { nobody: true, data: before.data, folder: "/others" });
    await using one = await oneServer(run.link);
    expect(one.started).toMatchObject({ error: { message: `it wants a sign-in: ${command}` } });
  });
});

describe("a call that needs more than was granted", () => {
  test("has a person sign in for all of it, and is done then", async () => {
    const servers = start();
    await using run = open(servers);
    await using one = await oneServer(run.link);
    servers.require("admin");
    expect(await echo(one)).toBe("called");
    expect(servers.given.at(-1)).toBe("authorization_code use admin");
  });

  test("says which command to run where nobody is, and that asks for it", async () => {
    const servers = start();
    await using before = open(servers);
    expect(await before.login()).toMatchObject({ ok: true });
    servers.require("admin");
    await using run = open(servers, { nobody: true, data: before.data });
    await using one = await oneServer(run.link);
    expect(await echo(one)).toContain(`it wants a sign-in for more than before ('use admin'): ${command}`);
    await using after = open(servers, { data: before.data });
    expect(await after.login()).toMatchObject({ ok: true });
    expect(servers.given.at(-1)).toBe("authorization_code use admin");
    // A new token is looked for when the old one is refused.
    expect(await echo(one)).toBe("called");
  });
});

describe("no sign-in", () => {
  test.each(["other-issuer", "no-issuer"] as const)("comes of an answer of '%s'", async (how) => {
    const servers = start();
    await using run = open(servers, { how });
    const done = await run.login();
    expect(done.ok).toBe(false);
    expect(servers.given).toEqual(["register"]);
  });

  test("is made at a server that was not granted, and it is said which", async () => {
    const servers = start();
    await using run = open(servers, { net: [servers.rules.server] });
    expect(await run.login()).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining(servers.issuer), denial: { kind: "net" } },
    });
    await using one = await oneServer(run.link);
    expect(one.started).toMatchObject({ error: { why: "denied", denial: { kind: "net" } } });
  });

  test.each(["http://public.example/login", "javascript:alert(1)", "file:///etc/passwd"])(
    "is made on a page that is %s",
    async (page) => {
      const servers = start("http", { page });
      await using run = open(servers, { net: [...Object.values(servers.rules), "public.example:80"] });
      expect((await run.login()).ok).toBe(false);
      expect(run.told).toEqual([]);
    },
  );

  test("is made for a token that could be read on the way", async () => {
    const refuses = async () => new Response("no", { status: 401, headers: { "www-authenticate": "Bearer" } });
    const nothing = async () => Promise.reject(new NetError("failed", "not asked for"));
    const kept = { read: async () => ok(undefined), change: async () => Promise.reject(new Error("not asked for")) };
    const signIn = { fetch: nothing, clock: systemClock, kept };
    const transport = { kind: "http" as const, url: "http://public.example/mcp", headers: [] };
    const doors = { net: { fetch: refuses, socket: nothing }, clock: systemClock, signIn };
    await using one = await oneServer((signal) => openRemote({ name: "one", transport }, doors, signal));
    expect(one.started).toMatchObject({
      error: {
        why: "unauthorized",
        message: "it wants a sign-in, and its token could be read on the way to 'http://public.example': use https",
      },
    });
  });
});

test("the client and the scopes are those of the file, where it names them", async () => {
  const servers = start();
  await using run = open(servers, { how: "leave it", oauth: { client_id: "mine", scopes: ["own"] } });
  const interrupt = new AbortController();
  const login = run.login(interrupt.signal);
  await until(() => run.told.length > 0);
  interrupt.abort();
  expect((await login).ok).toBe(false);
  const page = new URL(/http\S+/.exec(run.told[0] ?? "")?.[0] ?? "");
  expect([page.searchParams.get("client_id"), page.searchParams.get("scope")]).toEqual(["mine", "own"]);
  expect(servers.given).toEqual([]);
});

test("the executable: a person signs in by command, and then a run needs nobody", async () => {
  const servers = start();
  const agent = [
    "model: scripted/script.yaml",
    "prompt: Go",
    `permissions: { net: ["${servers.rules.authorization}"] }`,
    `mcp: { notes: { url: "${servers.url}" } }`,
  ].join("\n");
  const script = "- calls: [{ name: echo, arguments: { text: signed in } }]\n- text: done\n";
  // The run has no terminal to ask at.
  const run = "rein run agent.yaml -P --output jsonl 2>&1 < /dev/null | cat";
  await using screen = openScreen(
    `CI=1 ${run}; rein mcp login notes agent.yaml -P && CI=1 ${run}`,
    { "agent.yaml": `${agent}\n`, "script.yaml": script },
    { columns: 2000, env: { BROWSER: "none" } },
  );
  await screen.until("Sign in to 'notes' with a browser of this machine:");
  await screen.until("%2Fmcp\n");
  await browse("agree", /http:\S+\/authorize\S+/.exec(screen.text())?.[0] ?? "");
  const { text, code } = await screen.end();
  expect(code).toBe(0);
  expect(text).toContain("it wants a sign-in: run `rein mcp login notes`");
  expect(text).toContain("Signed in to 'notes': the tokens are in ");
  expect(text).toContain('"content":"signed in"');
  expect(servers.given).toEqual(["register", "authorization_code use"]);
  expect(servers.secrets.filter((secret) => text.includes(secret))).toEqual([]);
});
