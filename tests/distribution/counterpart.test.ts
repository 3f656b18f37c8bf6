import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { llamaServer, startLlamaServer, type LlamaServer } from "../helpers/llama-server.ts";
import { weights } from "../helpers/local-model.ts";
import { rein, run } from "./executable.ts";

/*
 * One agent file and one GGUF file, in rein's own process and through `openai-compatible/` at llama.cpp's own server. What comes of
 * both runs is compared; the words may differ. The server is opt-in: scripts/llama-server says how.
 */

const folder = mkdtempSync(join(tmpdir(), "rein-counterpart-"));
const here = llamaServer !== "" && existsSync(weights);
let server: LlamaServer | undefined;
beforeAll(async () => {
  if (here) server = await startLlamaServer(weights, ["-c", "4096", "-t", "1", "--jinja"]);
}, 60_000);
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

symlinkSync(weights, join(folder, basename(weights)));
writeFileSync(join(folder, "notes.txt"), "The meeting is on Monday\n");

const models = `models:
  here: { model: local/smollm2, temperature: 0, context: 4096, max_tokens: 100 }
  served: { model: openai-compatible/smollm2, temperature: 0, max_tokens: 100 }
limits: { turns: 3 }
permissions: { read: [.] }
`;

type Run = {
  exitCode: number;
  outcome: string;
  answer: unknown;
  calls: Array<{ name: string; input: unknown; error: boolean }>;
};

async function runOn(model: "here" | "served", agent: string, prompt: string): Promise<Run> {
  writeFileSync(join(folder, "agent.yaml"), `${models}${agent}`);
  const env = { HOME: folder, REIN_MODELS: folder, OPENAI_BASE_URL: `${server?.url}/v1` };
  const argv = [rein, "run", "-P", "--model", model, "--output", "jsonl", "agent.yaml", prompt];
  const { stdout } = await run(argv, folder, env);
  const ended: Run = { exitCode: -1, outcome: "", answer: undefined, calls: [] };
  for (const line of stdout.trimEnd().split("\n")) {
    const event = JSON.parse(line);
    if (event.type === "call_start")
      ended.calls.push({ name: event.call.name, input: JSON.parse(event.call.arguments), error: false });
    if (event.type === "call_end" && event.error) for (const call of ended.calls.slice(-1)) call.error = true;
    if (event.type === "run_end") {
      const { exit_code: exitCode, outcome, answer } = event.result;
      Object.assign(ended, { exitCode, outcome, answer });
    }
  }
  return ended;
}

/** Its name begins with "beside llama-server: ", by which tests/allowed-skips.txt knows it. */
function beside(name: string, check: () => Promise<void>): void {
  test.skipIf(!here)(`beside llama-server: ${name}`, check, 60_000);
}

beside("a question is answered alike", async () => {
  const agent = "instructions: You are a helpful assistant\n";
  for (const model of ["here", "served"] as const) {
    const ended = await runOn(model, agent, "What is the capital of France?");
    expect(ended).toMatchObject({ exitCode: 0, outcome: "done", answer: expect.stringContaining("Paris"), calls: [] });
  }
});

beside("an answer is held to its schema", async () => {
  const sentiment = "sentiment: { enum: [positive, negative] }";
  const agent = `instructions: 'You sort reviews. Answer with the sentiment: positive, negative.'
output: { schema: { type: object, required: [sentiment], additionalProperties: false, properties: { ${sentiment} } } }
`;
  for (const model of ["here", "served"] as const) {
    const ended = await runOn(model, agent, "The lamp died after ten days");
    expect(ended).toEqual({ exitCode: 0, outcome: "done", answer: { sentiment: "negative" }, calls: [] });
  }
});

beside("calls are valid and the answer after them fits, and only here so small a model makes one", async () => {
  const day = "day: { enum: [Monday, Friday] }";
  const agent = `instructions: You say on which day it is
tools: [file_read]
output: { schema: { type: object, required: [day], additionalProperties: false, properties: { ${day} } } }
`;
  const call = { name: "file_read", input: { path: "notes.txt" }, error: false };
  const ours = await runOn("here", agent, "What does notes.txt say?");
  expect(ours).toEqual({ exitCode: 0, outcome: "done", answer: { day: "Monday" }, calls: [call] });
  // The server holds its answer to the schema, and leaves it to the model whether to call: this one never does.
  const theirs = await runOn("served", agent, "What does notes.txt say?");
  expect(theirs).toMatchObject({ exitCode: 0, outcome: "done", answer: { day: expect.stringMatching(/day$/) } });
  for (const { name, input } of theirs.calls)
    expect([name, input]).toEqual(["file_read", { path: expect.any(String) }]);
});
