import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { rein, run } from "./executable.ts";

const folder = mkdtempSync(join(tmpdir(), "rein-startup-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const report = join(folder, "loaded.json");
writeFileSync(
  join(folder, "report.ts"),
  `process.on("exit", () => require("node:fs").writeFileSync(${JSON.stringify(report)}, JSON.stringify(Object.keys(require.cache))));\n`,
);
writeFileSync(
  join(folder, "agent.yaml"),
  "name: t\nmodel: scripted/script.yaml\ninstructions: x\nprompt: y\ntools: [file_read]\npermissions: { read: [.] }\n",
);
writeFileSync(
  join(folder, "script.yaml"),
  "- calls: [{ name: file_read, arguments: { path: agent.yaml } }]\n- text: Done\n",
);

type Chunks = { outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }> };

/** The source files that a command loads: of the chunks it had loaded at its end, by the build's own list. */
async function loadedBy(argv: string[], env: Record<string, string> = {}): Promise<string[]> {
  const chunks: Chunks = JSON.parse(readFileSync(`${rein}.chunks.json`, "utf8"));
  const sources = new Map(Object.entries(chunks.outputs).map(([path, { inputs }]) => [basename(path), inputs]));
  await run([rein, ...argv], folder, {
    PATH: "/usr/bin:/bin",
    HOME: folder,
    BUN_OPTIONS: `--preload ${folder}/report.ts`,
    ...env,
  });
  const loaded: string[] = JSON.parse(readFileSync(report, "utf8"));
  return loaded.flatMap((path) => Object.keys(sources.get(basename(path)) ?? {}));
}

/** The rooms and packages that files belong to. */
function rooms(files: string[]): string[] {
  const of = files.map((file) => /^(?:src\/([^/.]+)\/|(node_modules\/(?:@[^/]+\/)?[^/]+))/.exec(file));
  return [...new Set(of.flatMap((match) => match?.[1] ?? match?.[2] ?? []))].toSorted();
}

test("--version and help load nothing but the command line: no SDK, no package, no other room", async () => {
  for (const argv of [["--version"], ["--help"], ["help", "exit-codes"], ["run", "--help"]]) {
    expect(rooms(await loadedBy(argv))).toEqual(["cli", "core"]);
  }
});

test("check loads neither an SDK nor the store nor the native library", async () => {
  const loaded = rooms(await loadedBy(["check", "agent.yaml"]));
  expect(loaded).toContain("file");
  expect(loaded).toContain("node_modules/yaml");
  for (const room of ["node_modules/openai", "store", "native"]) expect(loaded).not.toContain(room);
});

/** The packages that services are spoken to with. */
const sdks = ["@anthropic-ai/sdk", "openai", "ollama"].map((name) => `node_modules/${name}`);

/** What MCP is spoken with. */
const mcp = ["mcp", "node_modules/@modelcontextprotocol/client", "node_modules/@modelcontextprotocol/server"];

test("a run with a scripted model loads no SDK, and nothing that local models and MCP need", async () => {
  const files = await loadedBy(["run", "-P", "agent.yaml"]);
  for (const room of [...sdks, ...mcp]) expect(rooms(files)).not.toContain(room);
  for (const file of ["src/models/local.ts", "src/native/local.ts"]) expect(files).not.toContain(file);
});

test("a run loads what rein uses of valibot, and users' modules get all of it from a copy of their own", async () => {
  const chunks: Chunks = JSON.parse(readFileSync(`${rein}.chunks.json`, "utf8"));
  const built = new Map(Object.values(chunks.outputs).flatMap(({ inputs }) => Object.entries(inputs)));
  const ours = "node_modules/valibot/dist/index.mjs";
  const whole = "node_modules/valibot/dist/index.min.mjs";
  const files = await loadedBy(["run", "-P", "agent.yaml"]);
  expect(files).toContain(ours);
  expect(files).not.toContain(whole);
  const size = (file: string) => built.get(file)?.bytesInOutput ?? 0;
  expect(size(ours)).toBeLessThan(size(whole) / 2);
});

test("a run loads the code of its own tools, and what sub-agents and servers need only where there are some", async () => {
  const files = await loadedBy(["run", "-P", "agent.yaml"]);
  expect(files).toContain("src/tools/file-read.ts");
  const others = ["tools/bash-exec.ts", "tools/own-run.ts", "app/crew.ts", "app/mcp.ts", "app/local-machine.ts"];
  for (const other of others) expect(files).not.toContain(`src/${other}`);
});

test("a run with an MCP server over stdio loads the SDK's client, and neither its server nor what other transports need", async () => {
  const file = "model: scripted/script.yaml\nprompt: y\nmcp: { gone: { command: no-such-program } }\n";
  writeFileSync(join(folder, "mcp.yaml"), file);
  const files = await loadedBy(["run", "-P", "mcp.yaml"]);
  expect(rooms(files)).toContain("mcp");
  expect(rooms(files)).not.toContain("node_modules/@modelcontextprotocol/server");
  for (const other of ["src/mcp/remote.ts", "src/mcp/serve.ts"]) expect(files).not.toContain(other);
});

/** Where each provider is, by its variables, and the SDK it is spoken to with. */
const services = [
  ["anthropic", "@anthropic-ai/sdk", "ANTHROPIC_BASE_URL"],
  ["openai", "openai", "OPENAI_BASE_URL"],
  ["gemini", "openai", "GOOGLE_GEMINI_BASE_URL"],
  ["huggingface", "openai", "HF_INFERENCE_ENDPOINT"],
  ["openai-compatible", "openai", "OPENAI_BASE_URL"],
  ["ollama", "ollama", "OLLAMA_HOST"],
] as const;
const keys = { ANTHROPIC_API_KEY: "k", OPENAI_API_KEY: "k", GEMINI_API_KEY: "k", HF_TOKEN: "k" };

for (const [provider, sdk, address] of services) {
  const argv = ["run", "-P", "--model", `${provider}/x`];

  test(`a dry run with a model of '${provider}' loads no SDK`, async () => {
    const files = await loadedBy([...argv, "--dry-run", "agent.yaml"], keys);
    expect(files).toContain("src/models/prices.ts");
    expect(rooms(files).filter((room) => sdks.includes(room))).toEqual([]);
  });

  test(`a run with a model of '${provider}' loads its SDK '${sdk}' and no other, and no native code`, async () => {
    await using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Response("{}", { status: 401 }),
    });
    const files = await loadedBy([...argv, "agent.yaml"], { ...keys, [address]: `http://127.0.0.1:${server.port}` });
    expect(rooms(files).filter((room) => sdks.includes(room))).toEqual([`node_modules/${sdk}`]);
    const wires = ["anthropic", "openai", "openai-compatible", "ollama"].map((name) => `src/models/${name}.ts`);
    const own = ["anthropic", "openai", "ollama"].includes(provider) ? provider : "openai-compatible";
    expect(files.filter((file) => wires.includes(file))).toEqual([`src/models/${own}.ts`]);
    for (const file of ["src/native/library.ts", "src/native/tokens.ts"]) expect(files).not.toContain(file);
  });
}
