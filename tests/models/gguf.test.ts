import { describe, expect, test } from "bun:test";
import { ggufFacts } from "../../src/models/gguf-facts.ts";
import { readGguf, type ReadBytes } from "../../src/models/gguf.ts";
import { contextFor, windowMemory } from "../../src/models/local-memory.ts";
import { makeGguf, tinyModel, type GgufTestValue } from "../helpers/gguf.ts";
import { random } from "../native/random.ts";

/** Reads from memory, and counts how much. */
function reader(bytes: Uint8Array): ReadBytes & { read(): number } {
  let total = 0;
  const read = (offset: number, length: number) => {
    const piece = bytes.slice(offset, offset + length);
    total += piece.length;
    return piece;
  };
  return Object.assign(read, { read: () => total });
}

function facts(metadata: Record<string, GgufTestValue>) {
  const bytes = tinyModel(metadata);
  const read = ggufFacts(reader(bytes), bytes.length);
  if (!read.ok) throw new Error(read.error);
  return read.value;
}

function wrong(bytes: Uint8Array, size = bytes.length): string {
  const read = ggufFacts(reader(bytes), size);
  return read.ok ? "it is fine" : read.error;
}

test("a header tells what a model is, and what of its window is kept in memory", () => {
  const bytes = tinyModel();
  expect(ggufFacts(reader(bytes), bytes.length)).toEqual({
    ok: true,
    value: {
      kind: "model",
      title: "Tiny",
      architecture: "llama",
      parameters: 64,
      quantisation: "Q4_K_M",
      window: 4096,
      chat_template: true,
      licence: "mit",
      weights: bytes.length,
      // 2 layers of 2 heads, a key and a value of 8 numbers each, 2 bytes a number
      cache_per_token: 2 * 2 * (8 + 8) * 2,
      // 16 MiB, 3 tokens in the vocabulary, and for each of the 256 tokens of a batch values of 4 bytes between layers
      work: 2 ** 24 + 3 * 400 + 256 * (8 * 64 + 3 * 256) * 4,
    },
  });
});

test("the KV cache follows the heads of each layer, and their lengths where the file says them", () => {
  expect(facts({ "llama.attention.head_count_kv": [2, 0] }).cache_per_token).toBe(2 * 16 * 2);
  expect(facts({ "llama.attention.key_length": 32, "llama.attention.value_length": 16 }).cache_per_token).toBe(
    2 * 2 * 48 * 2,
  );
  const alike = facts({ "llama.attention.head_count_kv": 0 });
  expect(alike.cache_per_token).toBe(2 * 8 * 16 * 2);
  expect(facts({ "general.architecture": "strange" })).toMatchObject({ window: null, cache_per_token: null });
  for (const count of [0, 1e9, 2 ** 31]) expect(facts({ "llama.block_count": count }).cache_per_token).toBeNull();
});

test("memory is told for usual windows up to the model's own", () => {
  const usual = { ...facts({}), weights: 1000, cache_per_token: 10, work: 500 };
  expect(windowMemory({ ...usual, window: 8192 })).toEqual([
    { window: 2048, bytes: 21_980 },
    { window: 8192, bytes: 83_420 },
  ]);
  expect(windowMemory({ ...usual, window: null }).map(({ window }) => window)).toEqual([2048, 8192, 32_768, 131_072]);
  expect(windowMemory({ ...usual, cache_per_token: null })).toEqual([]);
});

test("a model is loaded with a window exactly where there is the memory that is told for it", () => {
  const file = { facts: facts({}), template: undefined };
  for (const { window, bytes } of windowMemory(file.facts)) {
    expect(contextFor(file, window, bytes)).toEqual({ ok: true, value: { context: window } });
    expect(contextFor(file, window, bytes - 1)).toMatchObject({ ok: false });
  }
});

test("the quantisation is the file's own word, else what most bytes are", () => {
  const tensors = [
    { name: "a", shape: [32, 8], type: 8, bytes: 272 },
    { name: "b", shape: [4], type: 0, bytes: 16 },
  ];
  const of = (metadata: Record<string, GgufTestValue>) => {
    const bytes = makeGguf(metadata, tensors);
    const read = ggufFacts(reader(bytes), bytes.length);
    return read.ok ? [read.value.quantisation, read.value.parameters] : read.error;
  };
  expect(of({ "general.file_type": 7 })).toEqual(["Q8_0", 260]);
  expect(of({})).toEqual(["Q8_0", 260]);
  expect(of({ "general.file_type": 1024 })).toEqual(["Q8_0", 260]);
});

test("an adapter is one, and a part of a split model is no model", () => {
  expect(facts({ "general.type": "adapter" }).kind).toBe("adapter");
  expect(wrong(tinyModel({ "split.count": 3 }))).toBe("it is one of 3 parts of a split model");
});

test("only the header is read of a large file, and not much more", () => {
  const bytes = tinyModel({}, 4_000_000);
  const read = reader(bytes);
  expect(readGguf(read, bytes.length).ok).toBe(true);
  expect(read.read()).toBeLessThan(2_000_000);
});

test("a vocabulary that is longer than what is read at once does not matter", () => {
  const words = Array.from({ length: 150_000 }, (_, index) => `word-number-${index}`);
  const bytes = tinyModel({ "tokenizer.ggml.tokens": words, "tokenizer.ggml.scores": words.map((_, index) => index) });
  const read = readGguf(reader(bytes), bytes.length);
  expect(read.ok && read.value.metadata.get("tokenizer.ggml.scores")).toEqual({ length: 150_000, numbers: undefined });
  expect(read.ok && read.value.metadata.get("tokenizer.chat_template")).toBe("{{ messages }}");
});

describe("what is no whole GGUF file says why", () => {
  const bytes = tinyModel();

  test("another file, an empty one, another version, another byte order", () => {
    const other = (text: string) => wrong(new TextEncoder().encode(text));
    expect(other("hello, world")).toBe("it is not a GGUF file");
    expect(other("<html>")).toBe("it is not a GGUF file: it is a web page");
    expect(other("version https://git-lfs.github.com/spec/v1")).toContain("a pointer of Git LFS");
    expect(other("PK\u0003\u0004....")).toContain("a zip archive");
    expect(other("\u0001\u0002\u0003\u0000......")).toContain("may be safetensors");
    expect(wrong(new Uint8Array())).toBe("it is not a GGUF file");
    expect(wrong(makeGguf({}, [], { version: 1 }))).toBe("it is of GGUF version 1, and 2 and 3 can be read");
    expect(wrong(makeGguf({}, [], { version: 0x03000000 }))).toBe("it is a GGUF file for big-endian machines");
  });

  test("cut at any byte it is never whole", () => {
    for (let length = 0; length < bytes.length; length++) {
      expect({ length, why: wrong(bytes.subarray(0, length)) }).toEqual({
        length,
        why: expect.stringMatching(/^it is/),
      });
    }
    expect(wrong(bytes.subarray(0, -1))).toBe(`it is cut: it has ${bytes.length - 1} of ${bytes.length} bytes`);
  });

  test("a file that becomes shorter while it is read", () => {
    expect(wrong(bytes.subarray(0, 100), bytes.length)).toBe("it became shorter while it was read");
  });

  test("counts, lengths and shapes that no file has", () => {
    const huge = (at: number, value: bigint) => {
      const copy = Buffer.from(bytes);
      copy.writeBigUInt64LE(value, at);
      return new Uint8Array(copy);
    };
    const most = 2n ** 64n - 1n;
    for (const at of [8, 16, 24]) {
      for (const value of [most, 2n ** 53n - 1n, 2n ** 32n])
        expect(wrong(huge(at, value))).toMatch(/^it is (cut|damaged)/);
    }
    const shape = [2 ** 32, 2 ** 32, 2 ** 32, 2 ** 32];
    const tensor = { name: "a", shape, type: 999, bytes: 32 };
    expect(wrong(makeGguf({}, [tensor]))).toBe("it is cut or damaged: its bytes cannot hold its tensors");
    expect(wrong(makeGguf({}, [{ ...tensor, shape: [1, 1, 1, 1, 1] }]))).toBe("a tensor has 5 dimensions");
    expect(wrong(tinyModel({ "general.alignment": 0 }))).toBe("its alignment is no number");
    expect(wrong(tinyModel({ long: "x".repeat(1_100_000) }))).toBe(
      "it is damaged: a text in its header has 1100000 bytes",
    );
  });

  test("whatever is changed in it, reading ends with a value", () => {
    const { below } = random(7);
    for (let round = 0; round < 2000; round++) {
      const copy = bytes.slice();
      for (let change = 0; change < 3; change++) copy[below(500)] = below(256);
      const read = ggufFacts(reader(copy), copy.length);
      expect(read.ok ? read.value.parameters : read.error.length).toBeGreaterThanOrEqual(0);
    }
  });
});
