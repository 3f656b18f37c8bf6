import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { validate } from "../../src/core/json-schema.ts";
import type { JsonSchema } from "../../src/core/json.ts";
import type { Message } from "../../src/core/message.ts";
import type { Model, ModelOptions, ModelRequest } from "../../src/core/model.ts";
import { constraintFor } from "../../src/models/local-grammar.ts";
import { makeLocal } from "../../src/models/local.ts";
import { checkConstraint } from "../../src/native/local.ts";
import { loadTools, toolNames } from "../../src/tools/index.ts";
import { weights, withWeights } from "../helpers/local-model.ts";
import { readReply } from "../helpers/reply.ts";
import { requests, toolSets } from "../helpers/tool-sets.ts";

const folder = mkdtempSync(join(tmpdir(), "rein-local-model-"));
const models: Model[] = [];
let model: Model | undefined;

/** A model of its own, with its own sessions on the shared weights. */
async function make(options: ModelOptions = {}, path = weights): Promise<Model> {
  const made = await makeLocal({ name: "local/smollm2", path, options: { context: 2048, ...options } });
  if (!made.ok) throw new Error(made.error.message);
  models.push(made.value);
  return made.value;
}

async function problem(path: string, options: ModelOptions = {}): Promise<string> {
  const made = await makeLocal({ name: "local/it", path, options });
  return made.ok ? "made" : made.error.message.replaceAll(folder, "");
}

function ask(text: string, more: Partial<ModelRequest> = {}): ModelRequest {
  return { instructions: "You are a helpful assistant", messages: [{ role: "user", text }], tools: [], ...more };
}

beforeAll(async () => {
  if (await Bun.file(weights).exists()) model = await make();
});

afterAll(() => {
  for (const one of models) one.close?.();
  rmSync(folder, { recursive: true, force: true });
});

function loaded(): Model {
  if (model === undefined) throw new Error("No model");
  return model;
}

test("a file that is no model, or is not there, is an error before anything is loaded", async () => {
  const text = join(folder, "text.gguf");
  await Bun.write(text, "hello, world");
  expect(await problem(text)).toBe("Cannot use model 'local/it': '/text.gguf' is no GGUF file");
  expect(await problem(join(folder, "gone.gguf"))).toContain("No such file");
});

withWeights("local model: a cut file is an error, and so is an adapter that is none", async () => {
  const half = join(folder, "half.gguf");
  const bytes = await Bun.file(weights).bytes();
  await Bun.write(half, bytes.subarray(0, bytes.length / 2));
  const cut = await problem(half);
  expect(cut === "made" ? (await readReply(await make({}, half))).failure?.message : cut).toContain("is cut");
  expect(await problem(weights, { adapter: weights })).toContain("is no adapter");
});

withWeights("local model: it says once what it is, then answers in pieces, with usage", async () => {
  const own = await make();
  const first = await readReply(own, ask("What is the capital of France?"));
  expect(first.text).toContain("Paris");
  expect(first).toMatchObject({ stop: "end", usage: { cached: 0, reasoning: 0 } });
  expect(first.events.filter(({ type }) => type === "text").length).toBeGreaterThan(3);
  const warned = first.events.filter(({ type }) => type === "warning");
  expect(warned).toEqual([{ type: "warning", message: expect.stringContaining("is a small model") }]);
  const again = await readReply(own, ask("And of Spain?"));
  expect(again.events.filter(({ type }) => type === "warning")).toEqual([]);
});

withWeights("local model: a second turn computes only what is new", async () => {
  const own = await make();
  const first = await readReply(own, ask("What is the capital of France?"));
  const messages: Message[] = [
    { role: "user", text: "What is the capital of France?" },
    { role: "assistant", text: first.text, calls: [] },
    { role: "user", text: "And of Italy?" },
  ];
  const second = await readReply(own, ask("", { messages }));
  const { input = 0, output = 0 } = first.usage ?? {};
  expect(second.usage?.cached).toBeGreaterThanOrEqual(input + output - 2);
});

withWeights("local model: the same seed gives the same answer, another one others", async () => {
  const told = async (seed: number) =>
    (await readReply(await make({ temperature: 1, seed, max_tokens: 20 }), ask("Tell me a story"))).text;
  expect(await told(1)).toBe(await told(1));
  expect(await told(1)).not.toBe(await told(2));
});

withWeights("local model: an abort ends an answer, and the next one is whole", async () => {
  const own = await make();
  const run = new AbortController();
  let pieces = 0;
  const cut = await readReply(own, ask("Count to a thousand"), run.signal, ({ type }) => {
    if (type === "text" && ++pieces === 3) run.abort("interrupt");
  });
  expect(pieces).toBe(3);
  expect(cut.failure).toMatchObject({ retryable: false, message: "The request was cancelled" });
  expect((await readReply(own, ask("What is the capital of France?"))).text).toContain("Paris");
});

withWeights("local model: two answer at once, each as if it were alone", async () => {
  const own = await make({ max_tokens: 12 });
  const answerTo = async (text: string) => (await readReply(own, ask(text))).text;
  const both = await Promise.all([answerTo("Tell me of France"), answerTo("Tell me of Spain")]);
  const other = await make({ max_tokens: 12 });
  const alone = async (text: string) => (await readReply(other, ask(text))).text;
  expect(both).toEqual([await alone("Tell me of France"), await alone("Tell me of Spain")]);
  expect(both[0]).not.toBe(both[1]);
});

withWeights("local model: an answer is cut at its most tokens and ends before a stop text", async () => {
  const short = await readReply(await make({ max_tokens: 3 }), ask("Tell me a story"));
  expect(short).toMatchObject({ stop: "length", usage: { output: 3 } });
  const stopped = await readReply(await make({ stop: ["Paris"] }), ask("What is the capital of France?"));
  expect(stopped.stop).toBe("end");
  expect(stopped.text).not.toContain("Paris");
});

withWeights("local model: a prompt beyond the context is an error that names both", async () => {
  const { failure } = await readReply(await make({ context: 256 }), ask("word ".repeat(400)));
  expect(failure).toMatchObject({ kind: "request", retryable: false });
  expect(failure?.message).toMatch(/too long for 'local\/smollm2': \d+ tokens, and its context is 256/);
});

withWeights("local model: a schema that no grammar can keep is an error before the first token", async () => {
  const output: JsonSchema = { type: "array", items: { type: "string" }, uniqueItems: true };
  const { failure, events } = await readReply(await make(), ask("Hi", { output }));
  expect(failure?.message).toBe(`'local/smollm2' cannot keep to the schema: Unimplemented keys: ["uniqueItems"]`);
  expect(events.length).toBe(1);
});

withWeights("local model: a call comes before the answer, and the answer fits its schema", async () => {
  const tools = await loadTools(["file_read"]);
  const output: JsonSchema = { type: "object", properties: { kind: { enum: ["good", "bad"] } }, required: ["kind"] };
  const first = await readReply(loaded(), ask("What does notes.txt say?", { tools, output }));
  expect(first).toMatchObject({ stop: "tool_calls", text: "" });
  expect(first.calls).toMatchObject([{ id: "call_1_1", name: "file_read", arguments: '{"path":"notes.txt"}' }]);
  const messages: Message[] = [
    { role: "user", text: "What does notes.txt say?" },
    { role: "assistant", text: "", calls: first.calls },
    { role: "tool", results: [{ id: "call_1_1", name: "file_read", content: "It is a lovely day", error: false }] },
  ];
  const second = await readReply(loaded(), ask("", { messages, tools, output }));
  expect(second).toMatchObject({ stop: "end", calls: [] });
  expect(validate(output, JSON.parse(second.text))).toEqual([]);
});

/** 200 in the campaign. */
const [rounds, timeout] = process.env["REIN_CAMPAIGN"] === undefined ? [1, 60_000] : [20, 1_200_000];

describe("calls that a local model makes", () => {
  test("can be kept to the schemas of ours and of all kinds of tools, in each way to answer", async () => {
    expect(toolSets.length).toBe(10);
    const output: JsonSchema = { type: "object", properties: { ok: { type: "boolean" } } };
    for (const tools of [...toolSets, await loadTools(toolNames)]) {
      for (const answering of ["any", "call", "answer"] as const) {
        const constraint = constraintFor(tools, output, answering, { characters: 32_000, items: 1000 });
        if (constraint === undefined) throw new Error("No constraint");
        expect({ tools, checked: await checkConstraint(constraint) }).toMatchObject({ checked: { ok: true } });
      }
    }
  });

  withWeights(
    "local model: all calls of all tool sets parse and fit",
    async () => {
      for (const [at, tools] of toolSets.entries()) {
        for (let round = 0; round < rounds; round++) {
          const hot = await make({ temperature: round === 0 ? 0 : 1, seed: round, max_tokens: 1500 });
          const request = ask(requests[(at + round) % requests.length] ?? "", { tools: [...tools] });
          const { calls, failure, stop } = await readReply(hot, request);
          expect({ at, round, failure, stop }).toEqual({ at, round, failure: undefined, stop: "tool_calls" });
          for (const call of calls) {
            const input = tools.find(({ name }) => name === call.name)?.input ?? { not: {} };
            expect({ at, call, problems: validate(input, JSON.parse(call.arguments)) }).toMatchObject({ problems: [] });
          }
          hot.close?.();
        }
      }
    },
    timeout,
  );
});
