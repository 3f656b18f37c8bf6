import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { connect } from "../helpers/mcp-client.ts";
import { until } from "../helpers/until.ts";

// `rein mcp serve`, by the protocol's own client, over stdin and stdout and over HTTP, in both ages of the protocol.

const rein = resolve("dist/rein");
const token = "a-token-of-the-tests";

const files: Record<string, string> = {
  "greet.yaml": `name: greet
description: Greets someone
model: scripted/greet.script.yaml
input:
  who: { type: string, description: Whom to greet }
  times: { type: integer, default: 1 }
prompt: Greet \${{ input.who }} \${{ input.times }} times
`,
  "greet.script.yaml": `- text: Good day
`,
  "told.yaml": `name: told
model: scripted/greet.script.yaml
instructions: Do as you are told
`,
  "sum.yaml": `name: sum
model: scripted/sum.script.yaml
prompt: What is 2 and 3
output:
  schema: { type: object, required: [sum], properties: { sum: { type: integer } } }
`,
  "sum.script.yaml": `- text: '{"sum": 5}'
`,
  "reader.yaml": `name: reader
model: scripted/reader.script.yaml
prompt: Read it
tools: [file_read]
permissions: { read: [.] }
`,
  "reader.script.yaml": `- calls: [{ name: file_read, arguments: { path: note.txt } }]
- calls: [{ name: file_read, arguments: { path: /etc/hostname } }]
- text: Read
`,
  "note.txt": "a note\n",
  "slow.yaml": `name: slow
model: scripted/slow.script.yaml
prompt: Wait
tools: [bash_exec]
permissions: { run: [bash] }
`,
  "slow.script.yaml": `- calls: [{ name: bash_exec, arguments: { command: "echo $$ > pid; sleep 60" } }]
- text: Done
`,
};

let folder = "";

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "rein-serve-")));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

const agents = ["greet.yaml", "told.yaml", "sum.yaml", "reader.yaml", "slow.yaml"];

function environment(): Record<string, string> {
  return {
    HOME: folder,
    PATH: process.env["PATH"] ?? "",
    XDG_STATE_HOME: join(folder, "state"),
    REIN_MCP_TOKEN: token,
  };
}

type Served = { url: string; stop(signal?: NodeJS.Signals): Promise<number>; stderr(): string };

async function serveHttp(...more: string[]): Promise<Served> {
  const child = Bun.spawn([rein, "mcp", "serve", ...agents, "-P", "--http", ...more], {
    cwd: folder,
    env: environment(),
    stdout: "ignore",
    stderr: "pipe",
  });
  let said = "";
  const first = Promise.withResolvers<string>();
  void (async () => {
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      said += chunk;
      const url = /http:\S+/.exec(said)?.[0];
      if (url !== undefined) first.resolve(url);
    }
    first.reject(new Error(said));
  })();
  return {
    url: await first.promise,
    stderr: () => said,
    stop: (signal = "SIGTERM") => {
      child.kill(signal);
      return child.exited;
    },
  };
}

type Era = "2025-11-25" | "2026-07-28";

function newClient(era: Era): Client {
  const mode = era === "2025-11-25" ? "legacy" : { pin: era };
  return new Client({ name: "tests", version: "1" }, { versionNegotiation: { mode } });
}

async function overHttp(url: string, era: Era): Promise<Client> {
  const client = newClient(era);
  const headers = { authorization: `Bearer ${token}` };
  await connect(client, new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return client;
}

async function overStdio(_url: string, era: Era): Promise<Client> {
  const client = newClient(era);
  const args = ["mcp", "serve", ...agents, "-P"];
  await connect(
    client,
    new StdioClientTransport({ command: rein, args, cwd: folder, env: environment(), stderr: "ignore" }),
  );
  return client;
}

let served: Served;
beforeAll(async () => {
  served = await serveHttp();
});
afterAll(async () => void (await served.stop()));

const rows = [
  { name: "stdio", open: overStdio },
  { name: "http", open: overHttp },
].flatMap((row) => (["2025-11-25", "2026-07-28"] as const).map((era) => ({ ...row, era })));

describe.each(rows)("agents over $name, $era", ({ open, era }) => {
  let client: Client;
  beforeAll(async () => {
    client = await open(served.url, era);
  });
  afterAll(() => client.close());

  test("each is a tool with its typed input", async () => {
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["greet", "told", "sum", "reader", "slow"]);
    expect(tools[0]).toMatchObject({
      description: "Greets someone",
      inputSchema: {
        type: "object",
        required: ["who"],
        properties: { who: { type: "string" }, times: { type: "integer", default: 1 } },
        additionalProperties: false,
      },
    });
    expect(tools[1]?.inputSchema.required).toEqual(["prompt"]);
    expect(tools[2]?.outputSchema).toMatchObject({ type: "object", required: ["sum"] });
  });

  test("a call answers with the answer, and says how the run was", async () => {
    const result = await client.callTool({ name: "greet", arguments: { who: "Ada" } });
    expect(result.content).toEqual([{ type: "text", text: "Good day" }]);
    expect(result.isError).toBeUndefined();
    expect(result._meta?.["rein/run"]).toMatchObject({ outcome: "done", exit_code: 0 });
  });

  test("an answer with a schema is structured content", async () => {
    const result = await client.callTool({ name: "sum", arguments: {} });
    expect(result.structuredContent).toEqual({ sum: 5 });
    expect(result.content).toEqual([{ type: "text", text: '{"sum":5}' }]);
  });

  test("a refused permission is an error that says what was refused, beside the answer", async () => {
    const result = await client.callTool({ name: "reader", arguments: {} });
    expect(result.isError).toBe(true);
    const texts = result.content.map((part) => (part.type === "text" ? part.text : part.type));
    expect(texts[0]).toBe("Read");
    expect(texts.slice(1).join("\n")).toBe(
      "denied: A permission was refused\ndenied: read '/etc/hostname': the agent file does not request it",
    );
  });

  test("arguments that do not fit are an error that a model can read", async () => {
    const result = await client.callTool({ name: "greet", arguments: { who: 3, whom: "x" } });
    expect(result.isError).toBe(true);
    expect(JSON.stringify(result.content)).toContain("'who' must be a string");
  });

  test("a tool that is not there is an error of the protocol", async () => {
    await expect(client.callTool({ name: "great", arguments: {} })).rejects.toThrow("did you mean 'greet'?");
  });

  test("progress tells of turns and calls", async () => {
    const told: string[] = [];
    await client.callTool(
      { name: "reader", arguments: {} },
      { onprogress: ({ message }) => void told.push(message ?? "") },
    );
    expect(told.slice(0, 3)).toEqual(["turn 1", "file_read 'note.txt'", "turn 2"]);
  });

  test("a call that is cancelled ends its run and what it started", async () => {
    const cancel = new AbortController();
    const calling = client.callTool({ name: "slow", arguments: {} }, { signal: cancel.signal }).catch(String);
    const pid = await startedChild();
    cancel.abort();
    expect(await calling).toBeString();
    await until(() => !isAlive(pid));
  });

  test("calls run side by side", async () => {
    const calls = Array.from({ length: 5 }, (_, index) =>
      client.callTool({ name: "greet", arguments: { who: `number ${index}` } }),
    );
    const results = await Promise.all(calls);
    expect(results.map(({ isError }) => isError)).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });
});

/** The process that `slow` has started, by the number that it wrote. */
async function startedChild(): Promise<number> {
  const file = join(folder, "pid");
  const written = () => (existsSync(file) ? readFileSync(file, "utf8") : "");
  await until(() => written() !== "");
  const pid = Number(written());
  rmSync(file);
  return pid;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("over HTTP", () => {
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } },
  });
  const usual = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    authorization: `Bearer ${token}`,
  };
  const ask = (headers: Record<string, string>, path = "") =>
    fetch(served.url + path, { method: "POST", body, headers: { ...usual, ...headers } });

  test("the token is asked for", async () => {
    expect((await ask({})).status).toBe(200);
    for (const authorization of ["", "Bearer", "Bearer other", `Basic ${token}`, `Bearer ${token}x`]) {
      const answer = await ask({ authorization });
      expect([authorization, answer.status, answer.headers.get("www-authenticate")]).toEqual([
        authorization,
        401,
        "Bearer",
      ]);
    }
  });

  test("a page of another origin, and another host's name, are refused", async () => {
    const { port } = new URL(served.url);
    for (const origin of ["https://evil.example", "null", "http://127.0.0.1:1", `https://localhost:${port}`])
      expect([origin, (await ask({ origin })).status]).toEqual([origin, 403]);
    expect((await ask({ origin: `http://localhost:${port}` })).status).toBe(200);
    for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1"])
      expect([host, (await ask({ host })).status]).toEqual([host, 403]);
  });

  test("elsewhere on it there is nothing", async () => {
    expect((await ask({}, "/other")).status).toBe(404);
  });

  test("sessions are many, and one that is not known is told so", async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => overHttp(served.url, "2025-11-25")));
    const names = await Promise.all(clients.map(async (client) => (await client.listTools()).tools.length));
    expect(names).toEqual(Array.from({ length: 8 }, () => 5));
    await Promise.all(clients.map((client) => client.close()));
    expect((await ask({ "mcp-session-id": "made-up" })).status).toBe(404);
  });

  test("a client that goes away ends its run and what it started", async () => {
    const session = (await ask({})).headers.get("mcp-session-id") ?? "";
    const gone = new AbortController();
    const call = { jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "slow", arguments: {} } };
    const asking = fetch(served.url, {
      method: "POST",
      body: JSON.stringify(call),
      headers: { ...usual, "mcp-session-id": session },
      signal: gone.signal,
    }).catch(() => undefined);
    const pid = await startedChild();
    gone.abort();
    await asking;
    await until(() => !isAlive(pid));
  });

  test("a signal ends it, and the runs under way, with the signal's exit code", async () => {
    const other = await serveHttp();
    const client = await overHttp(other.url, "2025-11-25");
    const calling = client.callTool({ name: "slow", arguments: {} }).catch(String);
    const pid = await startedChild();
    expect(await other.stop("SIGTERM")).toBe(143);
    expect(isAlive(pid)).toBe(false);
    await client.close();
    expect(await calling).toBeString();
  });

  test("where none was set, a token is made and shown once", async () => {
    const child = Bun.spawn([rein, "mcp", "serve", "greet.yaml", "--http=localhost"], {
      cwd: folder,
      env: { ...environment(), REIN_MCP_TOKEN: "" },
      stdout: "ignore",
      stderr: "pipe",
    });
    const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    for (let done = false; !done && !/Bearer \S+'\n/.test(said);) {
      const part = await reader.read();
      said += part.value ?? "";
      ({ done } = part);
    }
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    expect(said).toMatch(
      /^Serving greet at http:\/\/localhost:\d+\/mcp\nClients send 'Authorization: Bearer [0-9a-z]{52}'\n$/,
    );
  });
});

test("over stdin, the client's going away ends it with exit code 0", async () => {
  const child = Bun.spawn([rein, "mcp", "serve", "greet.yaml"], {
    cwd: folder,
    env: environment(),
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  await child.stdin.end();
  expect(await child.exited).toBe(0);
  expect(await new Response(child.stdout).text()).toBe("");
  expect(await new Response(child.stderr).text()).toBe("");
});

test("over stdin, a message that never ends ends it", async () => {
  const child = Bun.spawn([rein, "mcp", "serve", "greet.yaml"], {
    cwd: folder,
    env: environment(),
    stdin: new Blob(["a".repeat(12_000_000)]),
    stdout: "ignore",
    stderr: "ignore",
  });
  expect(await child.exited).toBe(0);
});
