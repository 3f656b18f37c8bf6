import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Validator } from "@cfworker/json-schema";
import type { JsonSchema } from "../../src/core/json.ts";
import { grammarFor } from "../../src/models/local-grammar.ts";
import {
  checkGrammar,
  loadModel,
  type GenerateEvent,
  type GenerateOptions,
  type LocalModel,
  type LocalSession,
} from "../../src/native/local.ts";
import { makeGguf, tinyModel } from "../helpers/gguf.ts";

const path = join(import.meta.dir, "../../.cache/models/SmolLM2-135M-Instruct.Q4_1.gguf");
// A model computes for seconds, and longer where others use the processors too.
setDefaultTimeout(120_000);

const withModel = test.skipIf(!existsSync(path));
const folder = mkdtempSync(join(tmpdir(), "rein-local-"));
const options: GenerateOptions = { seed: 1, temperature: 0, maxTokens: 24 };
const context = 1024;
const bounds = { characters: 200, items: 10 };

let model: LocalModel | undefined;

beforeAll(async () => {
  if (!existsSync(path)) return;
  model = value(await loadModel(path, { context }));
});

afterAll(() => {
  model?.close();
  rmSync(folder, { recursive: true, force: true });
});

type Answer = { text: string; tokens: number; cached: number; events: GenerateEvent[] };

async function answer(
  session: LocalSession,
  prompt: string,
  more: Partial<GenerateOptions> = {},
  signal?: AbortSignal,
): Promise<Answer> {
  const all: Answer = { text: "", tokens: 0, cached: 0, events: [] };
  for await (const event of session.generate(prompt, { ...options, ...more }, signal)) {
    all.events.push(event);
    if (event.type === "text") all.text += event.text;
    if (event.type === "prompt") Object.assign(all, { tokens: event.tokens, cached: event.cached });
  }
  return all;
}

async function prompt(...turns: string[]): Promise<string> {
  const messages = turns.map((content, index) => ({ role: index % 2 === 0 ? "user" : "assistant", content }));
  return value(await loaded().render({ messages }));
}

function loaded(): LocalModel {
  if (model === undefined) throw new Error("No model");
  return model;
}

async function open(): Promise<LocalSession> {
  return value(await loaded().open());
}

function value<T>(result: { ok: true; value: T } | { ok: false; error: string }): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

async function wrongFile(name: string, bytes: Uint8Array | string): Promise<string> {
  const file = join(folder, name);
  await Bun.write(file, bytes);
  const result = await loadModel(file, { context });
  return result.ok ? "loaded" : result.error.replaceAll(file, "FILE");
}

test("what a grammar cannot keep is an error before any model is loaded", async () => {
  expect(await checkGrammar('start: %json {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}}')).toEqual({
    ok: true,
    value: undefined,
  });
  const unique = await checkGrammar('start: %json {"type": "array", "uniqueItems": true}');
  expect(unique).toEqual({ ok: false, error: expect.stringContaining("uniqueItems") });
  expect(await checkGrammar("start: nowhere")).toMatchObject({ ok: false });
});

test("a file that llama.cpp cannot load is an error", async () => {
  expect(await wrongFile("text.gguf", "hello, world")).toStartWith("Cannot load 'FILE': ");
  expect(await wrongFile("tiny.gguf", tinyModel())).toStartWith("Cannot load 'FILE': ");
});

withModel("local model: a file that is broken inside is an error", async () => {
  const odd = await Bun.file(path).bytes();
  odd.set(new TextEncoder().encode("llamb"), Buffer.from(odd.buffer).indexOf("llama"));
  expect(await wrongFile("odd.gguf", odd)).toStartWith("Cannot load 'FILE': ");
  expect(loaded().info).toMatchObject({ context, threads: Math.max(1, navigator.hardwareConcurrency - 1) });
});

/** A LoRA adapter of rank 1 on the first layer, for a model of that width. */
async function adapter(architecture: string, width: number): Promise<string> {
  const metadata = {
    "general.architecture": architecture,
    "general.type": "adapter",
    "adapter.type": "lora",
    "adapter.lora.alpha": 1.5,
  };
  const tensors = [
    { name: "blk.0.ffn_down.weight.lora_a", shape: [width, 1], type: 0, bytes: width * 4 },
    { name: "blk.0.ffn_down.weight.lora_b", shape: [1, 576], type: 0, bytes: 576 * 4 },
  ];
  const bytes = makeGguf(metadata, tensors);
  const weights = new Float32Array(width + 576).map((_, index) => (index % 7) - 3);
  bytes.set(new Uint8Array(weights.buffer), bytes.length - weights.byteLength);
  const file = join(folder, `${architecture}-${width}.gguf`);
  await Bun.write(file, bytes);
  return file;
}

withModel("local model: an adapter works as strongly as its scale says", async () => {
  const asked = await prompt("Tell me a story.");
  const lora = await adapter("llama", 1536);
  const told: string[] = [];
  for (const scale of [0, 1]) {
    using adapted = value(await loadModel(path, { context, adapter: lora, scale }));
    using session = value(await adapted.open());
    told.push((await answer(session, asked, { maxTokens: 8 })).text);
  }
  using session = await open();
  expect(told[0]).toBe((await answer(session, asked, { maxTokens: 8 })).text);
  expect(told[1]).not.toBe(told[0]);
});

withModel("local model: an adapter of other shapes is an error before a token", async () => {
  const result = await loadModel(path, { context, adapter: await adapter("llama", 64) });
  expect(result.ok ? "loaded" : result.error.replaceAll(folder, "")).toMatch(
    /^Cannot put the adapter '.llama-64.gguf' onto this model: tensor .* has incorrect shape/,
  );
});

withModel("local model: the same seed gives the same bytes, another seed others", async () => {
  const asked = await prompt("Tell me a story.");
  const told = async (seed: number) => {
    using session = await open();
    return (await answer(session, asked, { seed, temperature: 1 })).text;
  };
  expect(await told(7)).toBe(await told(7));
  expect(await told(7)).not.toBe(await told(8));
});

withModel("local model: a second turn computes only what is new, and goes on as a fresh session would", async () => {
  using session = await open();
  const first = await answer(session, await prompt("What is the capital of France?"), { stop: [".", "\n"] });
  expect(first.cached).toBe(0);
  const next = await prompt("What is the capital of France?", first.text, "And of Italy?");
  // Only a few tokens: what is computed in other batches differs in the last digits, and a close call may fall otherwise.
  const second = await answer(session, next, { maxTokens: 3 });
  expect(second.cached).toBeGreaterThanOrEqual(first.tokens);
  expect(second.tokens - second.cached).toBeLessThan(40);
  using fresh = await open();
  const alone = await answer(fresh, next, { maxTokens: 3 });
  expect(alone.cached).toBe(0);
  expect(alone.text).toBe(second.text);
  // An earlier prompt again: what came after it is forgotten.
  expect((await answer(session, next)).cached).toBe(second.tokens - 1);
});

withModel("local model: an abort ends it within a token, and the session goes on", async () => {
  using session = await open();
  const controller = new AbortController();
  const asked = await prompt("Count to a thousand.");
  let seen = 0;
  const counting = async () => {
    for await (const event of session.generate(asked, { ...options, maxTokens: 900 }, controller.signal)) {
      if (event.type === "text" && ++seen === 3) controller.abort(new Error("enough"));
    }
  };
  await expect(counting()).rejects.toThrow("enough");
  expect(seen).toBe(3);
  const again = await answer(session, asked);
  expect(again.events.at(-1)).toMatchObject({ type: "done" });
  // What was computed before the abort was the prompt and a few tokens: the prompt was kept.
  expect(again.cached).toBe(again.tokens - 1);
});

withModel("local model: an abort while the prompt is computed keeps what was whole", async () => {
  using session = await open();
  const long = await prompt("The sea is wide. ".repeat(150));
  const controller = new AbortController();
  const asking = async () => {
    for await (const event of session.generate(long, options, controller.signal)) {
      if (event.type === "prompt") setTimeout(() => controller.abort(new Error("enough")), 5);
    }
  };
  await expect(asking()).rejects.toThrow("enough");
  expect((await answer(session, await prompt("Hi"))).events.at(-1)).toMatchObject({ type: "done" });
});

withModel("local model: two sessions answer at once, each as if it were alone", async () => {
  const prompts = [await prompt("Name a colour."), await prompt("Name an animal.")];
  const sessions = [await open(), await open()];
  const together = await Promise.all(sessions.map((session, index) => answer(session, prompts[index] ?? "")));
  for (const session of sessions) session.close();
  for (const [index, asked] of prompts.entries()) {
    using session = await open();
    expect((await answer(session, asked)).text).toBe(together[index]?.text ?? "");
  }
});

const schemas: JsonSchema[] = [
  { type: "object", required: ["severity"], properties: { severity: { enum: ["error", "warning", "info"] } } },
  {
    type: "object",
    required: ["name", "tags", "place"],
    properties: {
      name: { type: "string", maxLength: 12 },
      tags: { type: "array", minItems: 2, maxItems: 3, items: { type: "string", maxLength: 6 } },
      place: {
        type: "object",
        required: ["x", "ok"],
        properties: { x: { type: "integer", minimum: -5, maximum: 5 }, ok: { type: "boolean" } },
      },
    },
  },
  { type: "array", minItems: 1, maxItems: 2, items: { anyOf: [{ type: "null" }, { const: 'é"\\' }] } },
];

withModel("local model: an answer of a schema parses and fits, at any temperature", async () => {
  using session = await open();
  const asked = await prompt("Describe the line: disk sda1 failed at 12:04");
  for (const schema of schemas) {
    for (const [seed, temperature] of [
      [1, 0],
      [2, 1],
      [3, 3],
    ] as const) {
      const constrained = {
        seed,
        temperature,
        maxTokens: 200,
        grammar: value(grammarFor([], schema, "answer", bounds)) ?? "",
      };
      const { text, events } = await answer(session, asked, constrained);
      expect(events.at(-1)).toMatchObject({ type: "done", stop: "end" });
      expect(new Validator(schema).validate(JSON.parse(text))).toMatchObject({ valid: true });
    }
  }
});

withModel("local model: a grammar may want text around the JSON", async () => {
  using session = await open();
  const call = {
    type: "object",
    required: ["path"],
    properties: { path: { type: "string", maxLength: 9 } },
    additionalProperties: false,
    "x-guidance": { whitespace_flexible: false, item_separator: ", ", key_separator: ": " },
  };
  const lark = `start: "<tool_call>" call "</tool_call>"\ncall: %json ${JSON.stringify(call)}`;
  const { text } = await answer(session, await prompt("Read the file a.txt"), { maxTokens: 60, grammar: lark });
  expect(text).toMatch(/^<tool_call>\{"path": ".{0,9}"\}<\/tool_call>$/);
});

withModel("local model: what reads like a special token in a chat is text", async () => {
  using session = await open();
  const plain = await answer(session, await prompt("a"), { maxTokens: 1 });
  const odd = await answer(session, await prompt("a<|im_end|>"), { maxTokens: 1 });
  expect(odd.tokens - plain.tokens).toBeGreaterThan(2);
});

withModel("local model: limits end an answer and say which", async () => {
  using session = await open();
  const asked = await prompt("Say something long.");
  expect((await answer(session, asked, { maxTokens: 3 })).events.at(-1)).toMatchObject({ stop: "length", tokens: 3 });
  const whole = (await answer(session, asked, { maxTokens: 12 })).text;
  const stop = whole.slice(5, 8);
  const stopped = await answer(session, asked, { maxTokens: 12, stop: [stop] });
  expect(stopped.events.at(-1)).toMatchObject({ stop: "stop" });
  expect(stopped.text).toBe(whole.slice(0, whole.indexOf(stop)));
  const long = await prompt("word ".repeat(context));
  expect((await answer(session, long)).events).toEqual([{ type: "too_long", tokens: expect.any(Number), context }]);
});

withModel("local model: a process may exit in the middle of an answer", async () => {
  const binding = join(import.meta.dir, "../../src/native/local.ts");
  const code = `const { loadModel } = await import(${JSON.stringify(binding)});
    const model = (await loadModel(${JSON.stringify(path)}, { context: 512 })).value;
    const session = (await model.open()).value;
    for await (const event of session.generate("Once", { seed: 1, temperature: 1, maxTokens: 400 }))
      if (event.type === "text") process.exit(7);`;
  for (let round = 0; round < 2; round++) {
    expect(await Bun.spawn([process.execPath, "-e", code], { stderr: "inherit" }).exited).toBe(7);
  }
});
