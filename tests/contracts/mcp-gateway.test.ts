import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  Client,
  StreamableHTTPClientTransport,
  type CallToolResult,
  type Transport,
} from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { connect } from "../helpers/mcp-client.ts";
import { until } from "../helpers/until.ts";

// `rein mcp serve --tools`, by the protocol's own client: what a file offers a model is what it offers a client, and not more.

const rein = resolve("dist/rein");
const home = resolve(".");
const suite = resolve("tests/conformance/server.ts");
const secret = "a-secret-of-the-tests";

/** A server of the older revisions that has a tool, a prompt and a resource, and says what it was given. */
const notes = `let list = ["note"];
let cancelled = 0;
const tools = () => list.map((name) => ({ name, description: "A note", inputSchema: { type: "object" } }));
export function make() {
  return {
    async connect(transport) {
      const send = (message) => void transport.send({ jsonrpc: "2.0", ...message });
      const answers = {
        initialize: ({ protocolVersion }) => ({
          protocolVersion,
          capabilities: { tools: { listChanged: true }, prompts: {}, resources: { subscribe: true } },
          serverInfo: { name: "notes", version: "1" },
        }),
        "tools/list": () => ({ tools: tools() }),
        "tools/call": ({ arguments: given }) => {
          if (given.die) process.exit(3);
          if (given.grow) {
            list = ["note", "another"];
            send({ method: "notifications/tools/list_changed" });
          }
          return { content: [{ type: "text", text: JSON.stringify({ ...given, cancelled }) + " " + process.env.NOTES_TOKEN }] };
        },
        "prompts/list": () => ({ prompts: [{ name: "remind" }, { name: "test_simple_prompt" }] }),
        "prompts/get": () => ({ messages: [{ role: "user", content: { type: "text", text: "of notes" } }] }),
        "resources/list": () => ({ resources: [{ uri: "notes://one", name: "one" }] }),
        "resources/templates/list": () => ({ resourceTemplates: [] }),
        "resources/read": ({ uri }) => ({ contents: [{ uri, text: "one note" }] }),
        "resources/subscribe": ({ uri }) => {
          setTimeout(() => send({ method: "notifications/resources/updated", params: { uri } }), 50);
          return {};
        },
        "resources/unsubscribe": () => ({}),
      };
      transport.onmessage = ({ id, method, params }) => {
        if (method === "notifications/cancelled") cancelled++;
        if (params?.arguments?.wait) {
          const { progressToken } = params._meta;
          send({ method: "notifications/progress", params: { progressToken, progress: 1 } });
          return;
        }
        if (id === undefined) return;
        const answer = answers[method];
        send({ id, ...(answer ? { result: answer(params) } : { error: { code: -32601, message: "Method not found" } }) });
      };
      await transport.start();
    },
  };
}
`;

const files: Record<string, string> = {
  "notes.js": notes,
  "suite.ts": `export { server } from "${suite}";\n`,
  "note.txt": "a note\n",
  "both.yaml": `name: both
prompt: …
tools:
  - file_read
  - mcp_read_resource
  - suite: [test_simple_text, test_tool_with_progress, test_tool_with_logging, { test_error_handling: fails },
      test_elicitation, test_sampling, test_missing_capability]
mcp:
  suite: { module: suite.ts, allow: [elicitation] }
  notes: { module: notes.js, env: { NOTES_TOKEN: '\${{ env.NOTES_TOKEN }}' } }
permissions: { read: [note.txt, '${home}'], env: [NOTES_TOKEN] }
`,
  "own.yaml": `name: own
prompt: …
tools: [file_read]
permissions: { read: [note.txt] }
`,
  "bare.yaml": `name: bare
prompt: …
mcp:
  notes: { module: notes.js }
`,
};

let folder = "";
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "rein-gateway-")));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

function environment(): Record<string, string> {
  return { HOME: folder, PATH: process.env["PATH"] ?? "", NOTES_TOKEN: secret };
}

type Era = "2025-11-25" | "2026-07-28";

/** A client that answers what it is asked, and keeps what it is told. */
async function open(transport: Transport, era: Era, capabilities: object = { elicitation: {}, sampling: {} }) {
  const mode = era === "2025-11-25" ? "legacy" : { pin: era };
  const told: string[] = [];
  const client = new Client(
    { name: "tests", version: "1" },
    {
      capabilities,
      versionNegotiation: { mode },
      listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => void told.push("tools") } },
    },
  );
  if ("elicitation" in capabilities) {
    client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { response: "blue" } }));
  }
  client.setNotificationHandler("notifications/message", ({ params }) => void told.push(String(params.data)));
  client.setNotificationHandler("notifications/resources/updated", ({ params }) => void told.push(params.uri));
  await connect(client, transport);
  return { client, told, [Symbol.asyncDispose]: () => client.close() };
}

function stdio(file: string, ...more: string[]): Transport {
  const args = ["mcp", "serve", "--tools", file, "-P", ...more];
  return new StdioClientTransport({ command: rein, args, cwd: folder, env: environment(), stderr: "ignore" });
}

async function serveHttp(file: string): Promise<{ url: URL } & AsyncDisposable> {
  const child = Bun.spawn([rein, "mcp", "serve", "--tools", file, "-P", "--http", "--no-token"], {
    cwd: folder,
    env: environment(),
    stdout: "ignore",
    stderr: "pipe",
  });
  const stop = async () => {
    child.kill();
    await child.exited;
  };
  let said = "";
  for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) {
    said += piece;
    const url = /http:\S+/.exec(said)?.[0];
    if (url !== undefined) return { url: new URL(url), [Symbol.asyncDispose]: stop };
  }
  throw new Error(said);
}

function textOf({ content }: CallToolResult): string {
  return content.map((part) => (part.type === "text" ? part.text : part.type)).join("\n");
}

let both: { url: URL } & AsyncDisposable;
beforeAll(async () => {
  both = await serveHttp("both.yaml");
});
afterAll(() => both[Symbol.asyncDispose]());

const rows = (["stdio", "http"] as const).flatMap((name) =>
  (["2025-11-25", "2026-07-28"] as const).map((era) => ({ name, era })),
);

describe.each(rows)("tools over $name, $era", ({ name, era }) => {
  let one: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    one = await open(name === "stdio" ? stdio("both.yaml") : new StreamableHTTPClientTransport(both.url), era);
  });
  afterAll(() => one.client.close());
  const call = (tool: string, input: Record<string, unknown> = {}) =>
    one.client.callTool({ name: tool, arguments: input });

  test("are what the file picks, by its names, in its order", async () => {
    const { tools } = await one.client.listTools();
    expect(tools.map((tool) => tool.name)).toEqual([
      "file_read",
      "test_simple_text",
      "test_tool_with_progress",
      "test_tool_with_logging",
      "fails",
      "test_elicitation",
      "test_sampling",
      "test_missing_capability",
      "note",
    ]);
  });

  test("of rein pass the gate", async () => {
    expect(textOf(await call("file_read", { path: "note.txt" }))).toContain("a note");
    const refused = await call("file_read", { path: "/etc/hostname" });
    expect(refused.isError).toBe(true);
    expect(textOf(refused)).toContain("denied: read '/etc/hostname': the agent file does not request it");
    expect(textOf(await call("file_read", { file: 3 }))).toContain("The arguments do not fit 'file_read'");
  });

  test("of servers answer as their server does, with what is secret masked", async () => {
    expect(await call("test_simple_text")).toMatchObject({
      content: [{ type: "text", text: "This is a simple text response for testing." }],
    });
    expect((await call("fails")).isError).toBe(true);
    expect(textOf(await call("note", { words: "hi" }))).toBe('{"words":"hi","cancelled":0} [masked]');
  });

  test("that are not picked are not there", async () => {
    await expect(call("test_image_content")).rejects.toThrow("No tool 'test_image_content'");
    await expect(call("test_error_handling")).rejects.toThrow("No tool 'test_error_handling'");
  });

  test("tell how far they are, and log", async () => {
    const steps: string[] = [];
    await one.client.callTool(
      { name: "test_tool_with_progress", arguments: {} },
      { onprogress: ({ progress, total, message }) => void steps.push(`${progress}/${total} ${message}`) },
    );
    expect(steps).toEqual(["0/100 Step 0 of 100", "50/100 Step 50 of 100", "100/100 Step 100 of 100"]);
    one.told.length = 0;
    await call("test_tool_with_logging");
    // Since 2026-07-28 who wants to hear it says so with each request, and this client does not.
    expect(one.told).toEqual(
      era === "2025-11-25" ? ["Tool execution started", "Tool processing data", "Tool execution completed"] : [],
    );
  });

  test("ask the client's user where the entry allows it, and nothing else", async () => {
    expect(textOf(await call("test_elicitation", { message: "Which colour?" }))).toContain('"response":"blue"');
    const sampling = await call("test_sampling", { prompt: "hi" }).then(textOf, (error: Error) => error.message);
    expect(sampling).toContain("do not declare the required capability");
  });

  test("prompts are those of all servers, of two with one name the first", async () => {
    const { prompts } = await one.client.listPrompts();
    expect(prompts.filter((prompt) => prompt.name === "test_simple_prompt")).toHaveLength(1);
    const get = async (prompt: string) => JSON.stringify((await one.client.getPrompt({ name: prompt })).messages);
    expect(await get("remind")).toContain("of notes");
    expect(await get("test_simple_prompt")).toContain("This is a simple prompt for testing.");
    await expect(get("forget")).rejects.toThrow("No prompt 'forget'");
    const ref = { type: "ref/prompt" as const, name: "test_prompt_with_arguments" };
    const { completion } = await one.client.complete({ ref, argument: { name: "arg1", value: "part" } });
    expect(completion.values).toEqual(["party"]);
  });

  test("resources are read from whose they are", async () => {
    const { resources } = await one.client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual([
      "test://static-text",
      "test://static-binary",
      "test://watched-resource",
      "notes://one",
    ]);
    const read = async (uri: string) => JSON.stringify((await one.client.readResource({ uri })).contents);
    expect(await read("notes://one")).toContain("one note");
    expect(await read("test://template/7/data")).toContain("Data for ID: 7");
    await expect(read("test://nothing")).rejects.toThrow("esource");
  });
});

test("a client of the older revisions hears of resources that it subscribed to", async () => {
  await using one = await open(new StreamableHTTPClientTransport(both.url), "2025-11-25");
  await using other = await open(new StreamableHTTPClientTransport(both.url), "2025-11-25");
  await one.client.subscribeResource({ uri: "notes://one" });
  await until(() => one.told.length > 0);
  expect(one.told).toEqual(["notes://one"]);
  expect(other.told).toEqual([]);
  await one.client.unsubscribeResource({ uri: "notes://one" });
});

test.each(["2025-11-25", "2026-07-28"] as const)("a client hears that the tools are others, %s", async (era) => {
  await using served = await serveHttp("bare.yaml");
  await using one = await open(new StreamableHTTPClientTransport(served.url), era);
  await one.client.callTool({ name: "note", arguments: { grow: true } });
  await until(() => one.told.includes("tools"));
  expect(one.told).toContain("tools");
  const { tools } = await one.client.listTools(undefined, { cacheMode: "refresh" });
  expect(tools.map(({ name }) => name)).toEqual(["note", "another"]);
});

test("resources are offered only where the file lets a model read them", async () => {
  await using one = await open(stdio("bare.yaml"), "2026-07-28");
  expect(one.client.getServerCapabilities()).toMatchObject({ prompts: {} });
  expect(one.client.getServerCapabilities()?.resources).toBeUndefined();
});

test("a server that dies in a call is an answer, and there again for the next one", async () => {
  await using one = await open(stdio("bare.yaml"), "2026-07-28");
  const died = await one.client.callTool({ name: "note", arguments: { die: true } });
  expect(died.isError).toBe(true);
  expect(textOf(died)).toStartWith("The MCP server 'notes' is gone, and the tool 'note' was not done, or only in part");
  expect(textOf(await one.client.callTool({ name: "note", arguments: { again: 1 } }))).toContain('{"again":1,');
});

test("a call that a client cancels is cancelled at its server", async () => {
  await using one = await open(stdio("bare.yaml"), "2026-07-28");
  const cancel = new AbortController();
  const options = { signal: cancel.signal, onprogress: () => cancel.abort() };
  await expect(one.client.callTool({ name: "note", arguments: { wait: true } }, options)).rejects.toThrow();
  await until(async () => {
    const after = await one.client.callTool({ name: "note", arguments: {} });
    return textOf(after).includes('{"cancelled":1}');
  });
});

test("a file without servers offers its own tools", async () => {
  await using one = await open(stdio("own.yaml"), "2026-07-28");
  expect((await one.client.listTools()).tools.map(({ name }) => name)).toEqual(["file_read"]);
  expect(one.client.getServerCapabilities()?.prompts).toBeUndefined();
});
