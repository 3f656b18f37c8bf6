/**
 * What a call of each built-in tool costs: through the loop, the gate and the doors. Where a call waits for a child or the network,
 * the same is done without rein, in turn, and our part is the difference.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signInsOf } from "../src/app/sign-ins.ts";
import type { AgentRun } from "../src/core/agents.ts";
import type { Person } from "../src/core/host.ts";
import type { JsonObject } from "../src/core/json.ts";
import { makeMask } from "../src/core/mask.ts";
import type { RecallDoor } from "../src/core/recall.ts";
import { systemClock } from "../src/host/clock.ts";
import { openHost } from "../src/host/host.ts";
import { readMachine } from "../src/host/machine.ts";
import { runCalls, type CallContext } from "../src/loop/calls.ts";
import { noPast, Past } from "../src/loop/past.ts";
import { makePolicy } from "../src/permit/policy.ts";
import { startMcp, type Mcp } from "./mcp.ts";
import { serverTool } from "../src/tools/mcp-tool.ts";
import { memoryStore } from "../src/store/open.ts";
import { loadTools, noSetting, toolNames } from "../src/tools/index.ts";
import { noKeychain } from "../tests/helpers/keychain.ts";
import { serverCommand, startServer } from "./language-server.ts";
import { median } from "./measure.ts";

const rounds = 41;

/** The goal for our part of a call, in milliseconds. */
export const goalMs = 5;

/** Medians in milliseconds. `theirs`: the child or the request alone; absent where the call waits for neither. */
export type ToolTime = { tool: string; what: string; ours: number; theirs?: number; part: number };

type Case = { tool: string; what: string; input: JsonObject; before?(): void; theirs?(): Promise<unknown> };

export async function builtInTimes(): Promise<ToolTime[]> {
  const cwd = realpathSync(mkdtempSync(join(tmpdir(), "rein-bench-built-in-")));
  const site = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: ({ url }) => page(new URL(url)) });
  const server = startServer();
  const mcp = await startMcp();
  const environment = { PATH: process.env["PATH"], SEARXNG_URL: site.url.href, XDG_DATA_HOME: join(cwd, "data") };
  try {
    const machine = readMachine({ cwd, agentFolder: cwd, environment });
    if (!machine.ok) throw new Error(machine.error.message);
    const grants = { all: true, allow: {}, deny: {} };
    const net = [`127.0.0.1:${site.port}`];
    const permissions = {
      read: ["."],
      write: ["."],
      run: ["bash", "git", process.execPath],
      net,
      env: ["SEARXNG_URL"],
    };
    const policy = makePolicy({ permissions, deny: {} }, grants, machine.value);
    if (!policy.ok) throw new Error(policy.error.join("; "));
    const common = { machine: machine.value, policy: policy.value, clock: systemClock, environment };
    const hosts = [`127.0.0.1:${site.port}`];
    const oauth = { id: { issuer: site.url.origin, client_id: "bench", scopes: [], hosts } };
    const mask = makeMask([]);
    const signIns = { ...signInsOf({ oauth, folder: cwd }, mask), keychain: noKeychain };
    const host = openHost({ ...common, secretNames: [], inputs: new Map(), signIns, person });
    try {
      plant(cwd);
      const skills = [{ name: "notes", description: "How notes are taken", folder: join(cwd, "notes") }];
      const memory = join(cwd, "notes.md");
      const lsp = { python: serverCommand };
      const builtIn = await loadTools(toolNames, { ...noSetting, skills, memory, oauth, lsp, servers: () => mcp.door });
      const tools = [...builtIn, ...mcp.door.tools().map((tool) => serverTool(tool, mcp.door))];
      const { signal } = new AbortController();
      const context: CallContext = {
        tools: new Map(tools.map((tool) => [tool.name, tool])),
        room: { bytes: 1e9 },
        past: new Past(
          noPast,
          async () => undefined,
          () => undefined,
        ),
        host: () => host.scoped(async () => undefined, signal),
        recall: await longJournal(),
        agents: () => ({ start: async () => ({ ok: true, value: standIn }), runs: () => [standIn] }),
        emit: async () => undefined,
        keep: async () => [],
        keepText: async () => undefined,
        clock: systemClock,
        signal,
        mask,
        explainJson: async (text) => text,
        repairJson: async () => undefined,
      };
      const times: ToolTime[] = [];
      await call("oauth_flow", { action: "sign_in", name: "id" }, context);
      for (const one of cases(cwd, site.url.href, server, mcp)) times.push(await measure(one, context));
      return times;
    } finally {
      await host.close();
    }
  } finally {
    server.stop();
    await mcp.stop();
    await site.stop(true);
    rmSync(cwd, { recursive: true, force: true });
  }
}

function cases(cwd: string, site: string, server: ReturnType<typeof startServer>, mcp: Mcp): Case[] {
  const put = (name: string) => () => writeFileSync(join(cwd, name), `${"A line of text\n".repeat(50)}port = 80\n`);
  const spawn = (argv: string[]) => () =>
    Bun.spawn(argv, { cwd, stdin: "ignore", stdout: "pipe", stderr: "ignore" }).stdout.text();
  const git = (...argv: string[]) => spawn(["git", ...argv])();
  // Where the repository is and what its config may make git run, before anything is done with it.
  const status = async () => {
    await Promise.all([git("rev-parse", "--git-dir"), git("config", "--list", "--includes")]);
    await git("status", "--porcelain=v2");
  };
  const textDocument = { uri: `file://${cwd}/use.py` };
  const place = { textDocument, position: { line: 0, character: 4 } };
  const renew = async () => {
    await get(wellKnown)();
    await (await fetch(`${site}token`, { method: "POST", body: "grant_type=refresh_token" })).text();
  };
  const get = (path: string) => async () => (await fetch(`${site}${path}`)).text();
  const edits = [{ old_text: "port = 80", new_text: "port = 8080" }];
  const noted = Array.from({ length: 30 }, (_, n) => `## note ${n}\n\n${"Words and a needle. ".repeat(20)}\n`).join(
    "\n",
  );
  const notes = () => writeFileSync(join(cwd, "notes.md"), noted);
  const rows = Array.from({ length: 20 }, (_, row) => [`file-${row}.ts`, row]);
  return [
    { tool: "file_read", what: "51 lines", input: { path: "a.txt" } },
    {
      tool: "file_write",
      what: "a new text, with its diff",
      input: { path: "b.txt", content: "B\n" },
      before: put("b.txt"),
    },
    { tool: "file_edit", what: "a replacement", input: { path: "c.txt", edits }, before: put("c.txt") },
    { tool: "file_delete", what: "a file", input: { path: "d.txt" }, before: put("d.txt") },
    { tool: "file_list", what: "100 files", input: { path: "many" } },
    { tool: "file_search", what: "100 files", input: { pattern: "needle", path: "many" } },
    { tool: "bash_exec", what: "true / bash", input: { command: "true" }, theirs: spawn(["bash", "-c", "true"]) },
    { tool: "git_operations", what: "status / its 3 runs of git", input: { operation: "status" }, theirs: status },
    {
      tool: "lsp_integration",
      what: "a definition / its server",
      input: { operation: "definition", path: "use.py", line: 1, column: 5 },
      theirs: () => server.ask("textDocument/definition", place),
    },
    { tool: "web_scrape", what: "a page / fetch", input: { url: `${site}page` }, theirs: get("page") },
    {
      tool: "web_search",
      what: "SearXNG / fetch",
      input: { query: "needle" },
      theirs: get("search?q=needle&format=json"),
    },
    { tool: "http_request", what: "JSON / fetch", input: { url: `${site}search` }, theirs: get("search") },
    { tool: "oauth_flow", what: "status", input: { action: "status", name: "id" } },
    {
      tool: "oauth_flow",
      what: "refresh / its 2 requests",
      input: { action: "refresh", name: "id" },
      theirs: renew,
    },
    { tool: "spawn_agent", what: "without the agent", input: { agent: "a", background: true } },
    { tool: "agent_manage", what: "list", input: { action: "list" } },
    { tool: "skill_read", what: "a skill", input: { skill: "notes" } },
    { tool: "memory_read", what: "30 notes", input: { query: "needle" }, before: notes },
    { tool: "memory_write", what: "one beside 30", input: { action: "add", key: "new", text: "Words" }, before: notes },
    { tool: "mcp_server_list", what: "one server", input: {} },
    {
      tool: "mcp_read_resource",
      what: "a text / the SDK's client",
      input: { uri: "case://a" },
      theirs: () => mcp.bare.readResource({ uri: "case://a" }),
    },
    {
      tool: "echo",
      what: "of a stdio server / the SDK's client",
      input: { text: "a" },
      theirs: () => mcp.bare.callTool({ name: "echo", arguments: { text: "a" } }),
    },
    { tool: "context_recall", what: "a text in 1,000 results of 1 KB", input: { text: "needle" } },
    { tool: "canvas_render", what: "a table of 20 rows", input: { kind: "table", columns: ["File", "Size"], rows } },
  ];
}

/** The first round is not counted: it loads what the tool needs. */
async function measure({ tool, what, input, before, theirs }: Case, context: CallContext): Promise<ToolTime> {
  const ours: number[] = [];
  const others: number[] = [];
  for (let round = -1; round < rounds; round++) {
    before?.();
    const took = await timed(() => call(tool, input, context));
    const other = theirs === undefined ? 0 : await timed(theirs);
    if (round < 0) continue;
    ours.push(took);
    others.push(other);
  }
  const part = median(ours.map((value, round) => value - (others[round] ?? NaN)));
  return { tool, what, ours: median(ours), part, ...(theirs === undefined ? {} : { theirs: median(others) }) };
}

async function call(name: string, input: JsonObject, context: CallContext): Promise<void> {
  const [finished] = await runCalls([{ id: "c", name, arguments: JSON.stringify(input) }], 1, context);
  if (finished === undefined || finished.result.error) throw new Error(`${name}: ${finished?.result.content}`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function plant(cwd: string): void {
  writeFileSync(join(cwd, "a.txt"), `${"A line of text\n".repeat(50)}port = 80\n`);
  writeFileSync(join(cwd, "use.py"), "def area(): pass\narea()\n");
  for (const folder of ["many", "notes"]) mkdirSync(join(cwd, folder));
  for (let file = 0; file < 100; file++) {
    writeFileSync(
      join(cwd, "many", `${file}.ts`),
      `${"const a = 1;\n".repeat(40)}${file % 10 === 0 ? "// needle\n" : ""}`,
    );
  }
  writeFileSync(join(cwd, "notes", "SKILL.md"), "---\nname: notes\ndescription: How notes are taken\n---\nShortly.\n");
  for (const argv of [
    ["init", "-q"],
    ["add", "many"],
  ])
    Bun.spawnSync(["git", ...argv], { cwd });
}

/** The journal of a run of 1,000 calls. */
async function longJournal(): Promise<RecallDoor> {
  const begun = await memoryStore().begin({ id: "bench", agent: "bench", model: "bench", time: 0 });
  if (!begun.ok) throw new Error(begun.error.message);
  const journal = begun.value;
  for (let turn = 1; turn <= 1000; turn++) {
    const content = `${"Some words. ".repeat(85)}${turn === 500 ? "needle" : ""}`;
    const event = {
      type: "call_end",
      turn,
      id: `c${turn}`,
      name: "look",
      content,
      error: false,
      duration_ms: 1,
    } as const;
    await journal.append({ seq: turn, time: 0, ...event }, "normal");
  }
  return {
    find: (query, most) => journal.recall(query, null, most),
    whole: async () => ({ ok: true, value: undefined }),
  };
}

const paragraph = `<p>${"Some words of a page, and a <a href='/x'>link</a>. ".repeat(10)}</p>`;
const html = `<!doctype html><title>A page</title><main><h1>A page</h1>${paragraph.repeat(20)}</main>`;
const results = Array.from({ length: 10 }, (_, n) => ({
  title: `T${n}`,
  url: `https://example.com/${n}`,
  content: "…",
}));

const wellKnown = ".well-known/oauth-authorization-server";

function page({ pathname: path, origin }: URL): Response {
  if (path === `/${wellKnown}`)
    return Response.json({
      issuer: origin,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
    });
  if (path === "/token") {
    return Response.json({ access_token: "a", token_type: "bearer", expires_in: 600, refresh_token: "r" });
  }
  if (path === "/search") return Response.json({ results });
  if (path === "/page") return new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } });
  return new Response("", { status: 404 });
}

/** Somebody who agrees at once. */
const person: Person = {
  browser: "",
  tell: async (text) => {
    const asked = new URL(/http\S+/.exec(text)?.[0] ?? "").searchParams;
    void fetch(`${asked.get("redirect_uri")}?code=c&state=${asked.get("state")}`);
  },
};

/** An agent that never does anything. */
const standIn: AgentRun = {
  id: "a1",
  agent: "a",
  progress: () => ({ turns: 0, calls: 0, tokens: 0, last: "" }),
  result: () => undefined,
  ended: Promise.withResolvers<never>().promise,
  stop: () => undefined,
  stopped: () => false,
};

if (import.meta.main) console.table(await builtInTimes());
