/**
 * rein as a client under the conformance suite, which starts this with a server's URL: writes an agent file that names the server, runs
 * `rein run` on a terminal, and plays the person before it. What a scenario wants done is what the agent's scripted model calls.
 */
import { readFileSync } from "node:fs";
import { openScreen, type Screen } from "../helpers/terminal.ts";

type Values = Record<string, unknown>;
type Call = { name: string; arguments: Values };
type Context = { client_id?: string; client_secret?: string; toolCalls?: Call[] };
type Listed = { name: string; input: Values };

const scenario = process.env["MCP_CONFORMANCE_SCENARIO"] ?? "";
const context: Context = JSON.parse(process.env["MCP_CONFORMANCE_CONTEXT"] ?? "{}");
const url = process.argv.at(-1) ?? "";

/** What a scenario wants called, where it does not say so itself. */
const calls: Record<string, Call[]> = {
  tools_call: [{ name: "add_numbers", arguments: { a: 5, b: 3 } }],
  "elicitation-sep1034-client-defaults": [plain("test_client_elicitation_defaults")],
  "sse-retry": [plain("test_reconnection")],
  "sep-2322-client-request-state": [
    plain("test_mrtr_echo_state"),
    plain("test_mrtr_no_state"),
    plain("test_mrtr_unrelated"),
    plain("test_mrtr_no_result_type"),
  ],
  "http-standard-headers": [
    plain("test_headers"),
    plain("mcp_read_resource"),
    { name: "mcp_read_resource", arguments: { uri: "file:///path/to/file%20name.txt" } },
  ],
};

/** What no agent asks for: prompts are for people. `rein mcp serve --tools` asks for it on behalf of another client. */
const relayed: Record<string, Array<{ method: string; params: Values }>> = {
  "http-standard-headers": [
    { method: "prompts/list", params: {} },
    { method: "prompts/get", params: { name: "test_prompt" } },
  ],
};

/** What depends on the tools that `rein mcp tools` shows. */
const callsOfTools: Record<string, (tools: Listed[]) => Call[]> = {
  "http-invalid-tool-headers": (tools) => tools.map(({ name }) => ({ name, arguments: { region: "us-west1" } })),
  "json-schema-2020-12-preservation": (tools) => {
    const schema = tools.find(({ name }) => name === "json_schema_2020_12_tool")?.input;
    return [{ name: "json_schema_echo", arguments: { schema } }];
  },
};

function plain(name: string): Call {
  return { name, arguments: {} };
}

/** Ports of this machine on which something listens: which of them is the authorization server's, only its resource says. */
function listening(): number[] {
  const rows = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => readFileSync(path, "utf8").split("\n"));
  const ports = rows.flatMap((row) => {
    const [, local = "", , state] = row.trim().split(/\s+/);
    return state === "0A" ? [Number.parseInt(local.slice(local.lastIndexOf(":") + 1), 16)] : [];
  });
  return [...new Set(ports)];
}

/** The agent file and its model's script. JSON is YAML. */
function agentFiles(asked: Call[]): Record<string, string> {
  const oauth = {
    ...(scenario === "auth/basic-cimd" ? { client_id: "https://conformance-test.local/client-metadata.json" } : {}),
    ...(context.client_id === undefined ? {} : { client_id: context.client_id }),
    ...(context.client_secret === undefined ? {} : { client_secret: "${{ env.CLIENT_SECRET }}" }),
  };
  const agent = {
    prompt: "Go",
    model: "scripted/model.yaml",
    tools: ["mcp_read_resource"],
    mcp: {
      server: { url, allow: ["elicitation"], deadline: "50s", ...(Object.keys(oauth).length === 0 ? {} : { oauth }) },
    },
    permissions: {
      net: listening().map((port) => `localhost:${port}`),
      env: context.client_secret === undefined ? [] : ["CLIENT_SECRET"],
    },
  };
  const steps = asked.map((call) => ({ calls: [{ ...call, arguments: withoutNulls(call.arguments) }] }));
  return { "agent.yaml": JSON.stringify(agent), "model.yaml": JSON.stringify([...steps, { text: "Done" }]) };
}

/** A null where a schema wants something else never leaves rein, which tells the model so; the model leaves it out. */
function withoutNulls(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

/** What the person does when they read something. */
const acts: Array<{ reads: RegExp; does(screen: Screen, found: string): void }> = [
  { reads: /(?<=Sign in to '.*' with a browser of this machine:\s+)http\S+/g, does: (_, page) => void fetch(page) },
  { reads: /Answer it\? \[y\/N\] /g, does: (screen) => screen.type("y\n") },
  // A field: its default, where it has one.
  {
    reads: /\w+ \(.*(?:default|yes or no).*\): /g,
    does: (screen, question) => screen.type(question.includes("default") ? "\n" : "yes\n"),
  },
];

async function onTerminal(command: string, files: Record<string, string>): Promise<{ code: number; text: string }> {
  const env = { CLIENT_SECRET: context.client_secret ?? "" };
  await using screen = openScreen(command, files, { columns: 2000, env, timeout: 60_000 });
  const ended = screen.end().then(() => true);
  const seen = acts.map(() => 0);
  for (let done = false; !done;) {
    done = await Promise.race([ended, Bun.sleep(20).then(() => false)]);
    for (const [index, { reads, does }] of acts.entries()) {
      const found = screen.text().match(reads) ?? [];
      for (const text of found.slice(seen[index])) does(screen, text);
      seen[index] = found.length;
    }
  }
  return screen.end();
}

async function toolsOfServer(): Promise<Listed[]> {
  const { text } = await onTerminal("rein mcp tools agent.yaml -P --output json 2> /dev/null", agentFiles([]));
  const { tools }: { tools: Listed[] } = JSON.parse(text);
  return tools;
}

async function relay(requests: Array<{ method: string; params: Values }>): Promise<void> {
  const clientInfo = { name: "tests", version: "1" };
  const hello = { method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo } };
  const lines = [hello, ...requests].map((one, id) => JSON.stringify({ jsonrpc: "2.0", id, ...one }));
  const command = "{ cat requests.jsonl; sleep 1; } | rein mcp serve --tools agent.yaml -P --quiet > /dev/null";
  await onTerminal(command, { ...agentFiles([]), "requests.jsonl": `${lines.join("\n")}\n` });
}

const byTools = callsOfTools[scenario];
const ofScenario = byTools === undefined ? calls[scenario] : byTools(await toolsOfServer());
const asked = context.toolCalls ?? ofScenario ?? (scenario.startsWith("auth/") ? [plain("test-tool")] : []);
const { code, text } = await onTerminal("rein run -P agent.yaml", agentFiles(asked));
const toRelay = relayed[scenario];
if (toRelay !== undefined) await relay(toRelay);
process.stdout.write(text);
process.exitCode = code;
