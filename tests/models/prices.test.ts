import { describe, expect, test } from "bun:test";
import { priceOf } from "../../src/models/prices.ts";
import type { ModelSpec, Usage } from "../../src/core/model.ts";

const june = Date.UTC(2026, 5, 1);
const september = Date.UTC(2026, 8, 1);
const keys = { ANTHROPIC_API_KEY: "k", OPENAI_API_KEY: "k", GEMINI_API_KEY: "k" };

function usage(part: Partial<Usage>): Usage {
  return { input: 0, output: 0, cached: 0, reasoning: 0, ...part };
}

function price(spec: ModelSpec, variables: Record<string, string> = keys) {
  return priceOf(spec, (name) => variables[name]);
}

async function cost(spec: ModelSpec, part: Partial<Usage>, time = june) {
  return (await price(spec))?.cost(usage(part), time);
}

describe("the list that comes with rein", () => {
  const million = 1_000_000;
  const claude = { model: "anthropic/claude-sonnet-4-5" };

  test("prices input, output, and what is read from the cache and written to it", async () => {
    expect(await cost(claude, { input: 100_000 })).toBeCloseTo(0.3);
    expect(await cost(claude, { output: million })).toBeCloseTo(15);
    expect(await cost(claude, { input: 100_000, cached: 100_000 })).toBeCloseTo(0.03);
    expect(await cost(claude, { input: 100_000, cache_write: 100_000 })).toBeCloseTo(0.375);
    expect(await cost(claude, { input: 100_000, cache_write: 100_000, cache_write_1h: 100_000 })).toBeCloseTo(0.6);
    expect(await cost(claude, { input: 100_000, cached: 40_000, cache_write: 50_000 })).toBeCloseTo(0.2295);
  });

  test("prices what was thought as output, once", async () => {
    const gpt = { model: "openai/gpt-5" };
    expect(await cost(gpt, { output: 1000, reasoning: 900 })).toBe(await cost(gpt, { output: 1000 }));
  });

  test("knows a provider by its other name", async () => {
    expect(await cost({ model: "claude/claude-sonnet-4-5" }, { output: million })).toBeCloseTo(15);
    expect(await cost({ model: "gemini/gemini-2.5-flash" }, { output: million })).toBeCloseTo(2.5);
  });

  test("knows what the default model of each service with a key costs", async () => {
    for (const model of ["anthropic", "openai", "gemini"]) {
      expect({ model, cost: await cost({ model }, { output: million }) }).toEqual({ model, cost: expect.any(Number) });
    }
  });

  test("takes the price of the day on which a request was made", async () => {
    const gpt = { model: "openai/gpt-5.6-terra" };
    expect(await cost(gpt, { output: million }, june)).toBeCloseTo(15);
    expect(await cost(gpt, { output: million }, september)).toBeCloseTo(12);
  });

  test("prices counts that contradict each other, rather than none", async () => {
    expect(await cost(claude, { input: 10, cached: 40, cache_write: 40, cache_write_1h: 50 })).toBeCloseTo(0.000003);
  });

  test("a model that it does not have has no price, and neither has a service that it does not know", async () => {
    expect(await price({ model: "openai/gpt-nope" })).toBeUndefined();
    expect(await price({ model: "openai-compatible/llama", base_url: "http://127.0.0.1:8080/v1" })).toBeUndefined();
    expect(await price({ model: "huggingface/openai/gpt-oss-120b" }, { HF_TOKEN: "k" })).toBeUndefined();
    expect(await price({ model: "ollama/gpt-oss:120b-cloud" })).toBeUndefined();
    expect(await price({ model: "ollama/gpt-oss:20b" }, { OLLAMA_HOST: "https://ollama.com" })).toBeUndefined();
    expect(await price({ model: "nobody/x" })).toBeUndefined();
  });

  test("a compatible service is found by its address", async () => {
    const spec = { model: "openai-compatible/anthropic/claude-sonnet-4", base_url: "https://openrouter.ai/api/v1" };
    expect(await cost(spec, { output: million })).toBeCloseTo(15);
    expect((await price(spec))?.notional).toBeUndefined();
  });

  test("is what is billed at the service's own address by its key, and a notion of it elsewhere", async () => {
    expect((await price(claude))?.notional).toBeUndefined();
    expect((await price({ ...claude, base_url: "https://gateway.example.com" }))?.notional).toBe(true);
    expect((await price(claude, { ANTHROPIC_AUTH_TOKEN: "t" }))?.notional).toBe(true);
    expect((await price(claude, { ...keys, ANTHROPIC_BASE_URL: "http://127.0.0.1:1" }))?.notional).toBe(true);
  });
});

describe("a price that the file names", () => {
  const named = { model: "local/smollm2", price: { input: 2, output: 10, cached: 0.5, cache_write: 2.5 } };

  test("goes before the list and before what is free", async () => {
    expect(await cost({ ...named, model: "openai/gpt-5" }, { output: 1000 })).toBeCloseTo(0.01);
    expect(await cost(named, { input: 1000, output: 1000, cached: 300, cache_write: 200 })).toBeCloseTo(0.01165);
  });

  test("prices the cache as input where it says nothing of it", async () => {
    const spec = { model: "scripted/x", price: { input: 2, output: 10 } };
    expect(await cost(spec, { input: 1000, cached: 500, cache_write: 500 })).toBeCloseTo(0.002);
  });
});

test("what runs on this machine, and a script, cost nothing", async () => {
  for (const model of ["local/smollm2", "scripted/x.yaml", "ollama/gpt-oss:20b"]) {
    expect(await cost({ model }, { input: 1e6, output: 1e6 })).toBe(0);
  }
});
