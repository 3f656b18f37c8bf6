import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localMachine } from "../../src/app/local-machine.ts";
import { validate } from "../../src/core/json-schema.ts";
import { ok } from "../../src/core/result.ts";
import type { JsonSchema } from "../../src/core/json.ts";
import type { Message } from "../../src/core/message.ts";
import type { Model, ModelOptions, ModelRequest } from "../../src/core/model.ts";
import { grammarFor } from "../../src/models/local-grammar.ts";
import { makeLocal, type Engine, type Session } from "../../src/models/local.ts";
import { checkGrammar, loadModel } from "../../src/native/local.ts";
import { loadTools, toolNames } from "../../src/tools/index.ts";
import { makeGguf, tinyModel, type GgufTestValue } from "../helpers/gguf.ts";
import { weights, withWeights } from "../helpers/local-model.ts";
import { readReply } from "../helpers/reply.ts";
import { requests, toolSets } from "../helpers/tool-sets.ts";

const folder = mkdtempSync(join(tmpdir(), "rein-local-model-"));
const models: Model[] = [];
let model: Model | undefined;

/** A model of its own, with its own sessions on the shared weights. */
async function make(options: ModelOptions = {}, path = weights): Promise<Model> {
  const made = await makeLocal({ name: "local/smollm2", path, options: { context: 2048, ...options } }, localMachine);
  if (!made.ok) throw new Error(made.error.message);
  models.push(made.value);
  return made.value;
}

async function problem(path: string, options: ModelOptions = {}): Promise<string> {
  const made = await makeLocal({ name: "local/it", path, options }, localMachine);
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
  expect(await problem(text)).toBe("Cannot use model 'local/it': it is not a GGUF file");
  expect(await problem(join(folder, "gone.gguf"))).toContain("no such file");
});

withWeights("local model: a cut file is an error before anything is loaded", async () => {
  const half = join(folder, "half.gguf");
  const bytes = await Bun.file(weights).bytes();
  await Bun.write(half, bytes.subarray(0, bytes.length / 2));
  expect(await problem(half)).toBe("Cannot use model 'local/it': it is cut: it has 49181216 of 98362432 bytes");
});

withWeights("local model: damaged weights that a header cannot tell are a failure of the model", async () => {
  const damaged = join(folder, "damaged.gguf");
  const bytes = await Bun.file(weights).bytes();
  await Bun.write(damaged, bytes.fill(0xff, bytes.length - 8_000_000));
  const { failure } = await readReply(await make({}, damaged), ask("Hello"));
  expect(failure).toEqual({
    kind: "request",
    message: "'local/smollm2' cannot go on: The model's scores are no numbers; its file may be damaged",
    retryable: false,
  });
});

/** A model of 4096 tokens of context at 128 bytes each, and an engine that answers "Yes". */
async function tiny(
  free: number,
  options: ModelOptions = {},
  metadata: Record<string, GgufTestValue> = {},
  request = ask("Well?"),
  said = ["Yes"],
) {
  const path = join(folder, `${Bun.hash(JSON.stringify([free, options, metadata, request]))}.gguf`);
  await Bun.write(path, tinyModel({ "llama.feed_forward_length": 64, ...metadata }));
  const contexts: number[] = [];
  const session: Session = {
    async *generate() {
      yield { type: "prompt", tokens: 1, cached: 0 };
      for (const text of said) yield { type: "text", text };
      yield { type: "done", stop: "end", tokens: 1, firstTokenMs: 1, promptMs: 1, generateMs: 1 };
    },
    close: () => undefined,
  };
  const engine: Engine = {
    check: async () => ok(undefined),
    load: async (_path, { context }) => {
      contexts.push(context);
      const info = { context, threads: 1, processor: "test" };
      return ok({ info, render: async () => ok(""), open: async () => ok(session), close: () => undefined });
    },
  };
  const machine = { ...localMachine, freeMemory: () => free };
  const made = await makeLocal({ name: "local/tiny", path, options }, machine, engine);
  if (!made.ok) throw new Error(made.error.message);
  models.push(made.value);
  const reply = await readReply(made.value, request);
  return {
    ...reply,
    contexts,
    warnings: reply.events.flatMap((event) => (event.type === "warning" ? event.message : [])),
  };
}

describe("memory", () => {
  // The work of the tiny model: 16 MiB, and some for its width.
  const work = 18_089_136;

  test("that is enough gives the context that the model was trained for", async () => {
    const { contexts, warnings, text } = await tiny(work + 10_000_000);
    expect({ contexts, text }).toEqual({ contexts: [4096], text: "Yes" });
    expect(warnings).toEqual([expect.stringContaining("is a small model (Tiny, Q4_K_M, 0.00 billion parameters)")]);
  });

  test("that is not bounds the context, and an event says so", async () => {
    const { contexts, warnings } = await tiny(work + 300_000);
    expect(contexts).toEqual([1024]);
    expect(warnings[1]).toBe(
      "The context of 'local/tiny' is 1024 tokens: of the 18.4 MB of memory that are free, half is for it",
    );
  });

  test("that is not enough at all is an error before anything is loaded, which says what is needed and what is there", async () => {
    const { contexts, failure, text } = await tiny(work - 10_000_000);
    expect({ contexts, text, failure }).toEqual({
      contexts: [],
      text: "",
      failure: {
        kind: "request",
        message: "Cannot load 'local/tiny': it needs 18.2 MB of memory at a context of 512 tokens, and 8.1 MB are free",
        retryable: false,
      },
    });
    const asked = await tiny(work + 100_000, { context: 4096 });
    expect(asked.failure?.message).toContain("at a context of 4096 tokens, and 18.2 MB are free");
    expect(asked.contexts).toEqual([]);
  });

  test("that this machine has is not enough for layers wider than any", async () => {
    const wide = { "llama.attention.head_count_kv": 2 ** 31 };
    const { contexts, failure } = await tiny(localMachine.freeMemory(), {}, wide);
    expect(failure?.message).toMatch(
      /^Cannot load 'local\/tiny': it needs [\d.]+ TB of memory at a context of 512 tokens, and [\d.]+ [MG]B are free$/,
    );
    expect(contexts).toEqual([]);
  });

  test("aside, a context beyond what the model was trained for is that one, and an event says so", async () => {
    const { contexts, warnings } = await tiny(work + 10_000_000, { context: 9000 });
    expect(contexts).toEqual([4096]);
    expect(warnings[1]).toBe("The context of 'local/tiny' is 4096 tokens: it was trained for no more");
  });
});

const tool = { name: "look", description: "", input: { type: "object", properties: {} } } as const;
const call = '<tool_call>\n{"name": "look", "arguments": {}}\n</tool_call>';
const enough = 30_000_000;

test("the first token of an answer that only calls is told when it comes", async () => {
  const { events, calls } = await tiny(enough, {}, {}, ask("Look", { tools: [tool] }), [
    call.slice(0, 20),
    call.slice(20),
  ]);
  expect(calls).toMatchObject([{ name: "look", arguments: "{}" }]);
  expect(events.map(({ type }) => type)).toEqual(["warning", "begun", "tool_call", "usage", "stop"]);
});

test("where a small model is to answer nothing is a call", async () => {
  const messages: Message[] = [
    { role: "user", text: "Look" },
    { role: "assistant", text: "", calls: [{ id: "a", name: "look", arguments: "{}" }] },
    { role: "tool", results: [{ id: "a", name: "look", content: "A tree", error: false }] },
  ];
  const { text, calls, stop } = await tiny(enough, {}, {}, ask("", { messages, tools: [tool] }), [call]);
  expect({ text, calls, stop }).toEqual({ text: call, calls: [], stop: "end" });
});

/** A LoRA adapter of rank 1 on the first layer of SmolLM2, for a model of that width. */
async function lora(architecture: string, width: number, weight: number): Promise<string> {
  const metadata = { "general.architecture": architecture, "general.type": "adapter", "adapter.type": "lora" };
  const tensors = [
    { name: "blk.0.ffn_down.weight.lora_a", shape: [width, 1], type: 0, bytes: width * 4 },
    { name: "blk.0.ffn_down.weight.lora_b", shape: [1, 576], type: 0, bytes: 576 * 4 },
  ];
  const bytes = makeGguf({ ...metadata, "adapter.lora.alpha": 1.5 }, tensors);
  const weights = new Float32Array(width + 576).map((_, index) => ((index % 7) - 3) * weight);
  bytes.set(new Uint8Array(weights.buffer), bytes.length - weights.byteLength);
  const file = join(folder, `${architecture}-${width}-${weight}.gguf`);
  await Bun.write(file, bytes);
  return file;
}

test("an adapter for another base, and a base that is an adapter, are errors before anything is loaded", async () => {
  const base = join(folder, "base.gguf");
  await Bun.write(base, tinyModel());
  const other = await lora("qwen3", 1536, 1);
  expect(await problem(base, { adapter: other })).toBe(
    "Cannot use model 'local/it': the adapter '/qwen3-1536-1.gguf' is for another base: qwen3, not llama",
  );
  expect(await problem(base, { adapter: base })).toBe("Cannot use model 'local/it': '/base.gguf' is no adapter");
  expect(await problem(other)).toBe("Cannot use model 'local/it': it is an adapter");
  const cut = join(folder, "cut.gguf");
  await Bun.write(cut, (await Bun.file(other).bytes()).subarray(0, 900));
  expect(await problem(base, { adapter: cut })).toMatch(
    /^Cannot use model 'local\/it': its adapter '\/cut.gguf' cannot be used: it is cut: it has 900 of \d+ bytes$/,
  );
});

withWeights(
  "local model: an adapter of zeros changes nothing, another one does, and one of other shapes is an error",
  async () => {
    const told = async (options: ModelOptions) => {
      const reply = await readReply(await make({ context: 512, max_tokens: 8, ...options }), ask("Tell me a story"));
      return reply.failure?.message.replaceAll(folder, "") ?? reply.text;
    };
    const plain = await told({});
    expect(await told({ adapter: await lora("llama", 1536, 0) })).toBe(plain);
    const adapter = await lora("llama", 1536, 1);
    expect(await told({ adapter })).not.toBe(plain);
    expect(await told({ adapter, scale: 0 })).toBe(plain);
    expect(await told({ adapter: await lora("llama", 64, 1) })).toMatch(
      /^Cannot load 'local\/smollm2': Cannot put the adapter '\/llama-64-1.gguf' onto this model: tensor .* has incorrect shape/,
    );
  },
);

/** 8,000 tokens in the campaign. */
const long = process.env["REIN_CAMPAIGN"] === undefined ? 1500 : 7900;

withWeights(
  "local model: a long context is read to its end, and one token more than fits is an error that names both",
  async () => {
    const own = await make({ context: 8192, max_tokens: 8 });
    const words = (count: number) => "word ".repeat(count).trimEnd();
    const read = await readReply(own, ask(words(long)));
    expect(read.failure).toBeUndefined();
    expect(read.usage?.input).toBeWithin(long, long + 60);
    expect(read.usage?.output).toBeGreaterThan(0);
    const beyond = await readReply(own, ask(words(8192)));
    expect(beyond.failure?.message).toMatch(
      /^The prompt is too long for 'local\/smollm2': 82\d\d tokens, and its context is 8192$/,
    );
  },
  600_000,
);

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
  expect(failure?.message).toBe(
    "'local/smollm2' cannot be held to the schema of the answer: a grammar cannot keep 'uniqueItems' (at '/uniqueItems')",
  );
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

withWeights("local model: after a tool's result it answers, and makes up no call", async () => {
  const tools = await loadTools(["file_read"]);
  const results = ["The meeting is on Monday", call, "<tool_call>", ""];
  for (const [at, content] of results.entries()) {
    const asked = { id: "a", name: "file_read", arguments: '{"path":"notes.txt"}' };
    const messages: Message[] = [
      { role: "user", text: "What does notes.txt say?" },
      { role: "assistant", text: "", calls: [asked] },
      { role: "tool", results: [{ id: "a", name: "file_read", content, error: false }] },
    ];
    const own = await make({ temperature: at === 0 ? 0 : 1, seed: at, max_tokens: 60 });
    const { calls, text } = await readReply(own, ask("", { messages, tools }));
    expect(calls).toEqual([]);
    expect(text).not.toContain("<tool_call>");
    if (at === 0) expect(text).toContain("Monday");
  }
});

withWeights("local model: a call that begins in text goes on as one that fits", async () => {
  const tools = await loadTools(["file_read"]);
  const grammar = grammarFor(tools, undefined, "any", { characters: 50, items: 1 });
  const engine = await loadModel(weights, { context: 512 });
  if (!grammar.ok || grammar.value === undefined || !engine.ok) throw new Error("No grammar or no model");
  const session = await engine.value.open();
  if (!session.ok) throw new Error(session.error);
  const made = '<tool_call>\n{"name": "guess", "arguments": {}}\n</tool_call>\n';
  const prompt = `Sure, let me see.\n${made}Sure, let me see.\n${made}Sure,`;
  const options = { seed: 0, temperature: 0, maxTokens: 45, grammar: grammar.value };
  let said = "";
  for await (const event of session.value.generate(prompt, options)) if (event.type === "text") said += event.text;
  session.value.close();
  engine.value.close();
  expect(said).toMatch(/^[^<]+<tool_call>\n\{"name": ?"file_read", ?"arguments": ?\{"path": ?".*\}\}\n<\/tool_call>/);
});

/** 200 in the campaign. */
const [rounds, timeout] = process.env["REIN_CAMPAIGN"] === undefined ? [1, 60_000] : [20, 1_200_000];

describe("calls that a local model makes", () => {
  test("can be kept to the schemas of ours and of all kinds of tools, in each way to answer", async () => {
    expect(toolSets.length).toBe(10);
    const output: JsonSchema = { type: "object", properties: { ok: { type: "boolean" } } };
    for (const tools of [...toolSets, await loadTools(toolNames)]) {
      for (const answering of ["any", "call", "answer"] as const) {
        const grammar = grammarFor(tools, output, answering, { characters: 32_000, items: 1000 });
        if (!grammar.ok || grammar.value === undefined) throw new Error("No grammar");
        expect({ tools, checked: await checkGrammar(grammar.value) }).toMatchObject({ checked: { ok: true } });
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
