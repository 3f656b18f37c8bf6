import { expect, test } from "bun:test";
import type { GgufFacts, LocalModel } from "../../src/core/local-model.ts";
import { modelsText, modelText, speedText } from "../../src/render/models.ts";

const hostile = "x\u001b[2J\u202e\ny";
const facts: GgufFacts = {
  kind: hostile,
  title: hostile,
  architecture: hostile,
  parameters: 7_615_616_512,
  quantisation: "Q4_K_M",
  window: 32_768,
  chat_template: false,
  licence: hostile,
  weights: 4_683_073_184,
  cache_per_token: 57_344,
  work: 155_000_000,
};
const model: LocalModel = {
  name: hostile,
  path: `/m/${hostile}.gguf`,
  size: 4_683_073_184,
  state: "ready",
  detail: hostile,
  facts,
  origin: { source: hostile, licence: hostile, sha256: "" },
};

test("what a file says of itself is harmless for a terminal, and stays on its line", () => {
  const texts = [
    modelsText([model], false),
    modelText({ ...model, memory: [] }),
    modelText({ ...model, facts: null, memory: [] }),
  ];
  for (const text of texts) expect(text.match(/(?!\n)[\p{Cc}\p{Bidi_Control}]/gu)).toBeNull();
  expect(modelsText([model], false).split("\n")).toHaveLength(5);
});

test("large numbers are in units that people use", () => {
  expect(modelsText([{ ...model, name: "qwen", detail: null, facts: { ...facts, kind: "model" } }], false)).toBe(
    "NAME  SIZE    QUANTISATION  PARAMETERS  WINDOW  STATE\nqwen  4.7 GB  Q4_K_M        7.6 B       32768   ready\n",
  );
});

test("a speed that is not known is a dash", () => {
  const speed = {
    model: "openai/x",
    runs: 3,
    prompt_tokens: 500,
    generated_tokens: 0,
    first_token_ms: 320,
    prompt_tokens_per_second: 1562.5,
    generated_tokens_per_second: null,
    memory_bytes: null,
  };
  expect(speedText(speed)).toBe(
    [
      "model        openai/x",
      "prompt       500 tokens  1562.5 tokens/s",
      "generated    0 tokens    -",
      "first token  320ms",
      "memory       -",
      "",
    ].join("\n"),
  );
});
