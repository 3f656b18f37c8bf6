import { expect, test } from "bun:test";
import { countTokens as cl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { countTokens as o200k } from "gpt-tokenizer/encoding/o200k_base";
import { join } from "node:path";
import { countTokens, encodings, type Encoding } from "../../src/native/tokens.ts";
import { random } from "./random.ts";

const plain = { disallowedSpecial: new Set<string>() };
const theirs: Record<Encoding, (text: string) => number> = {
  o200k: (text) => o200k(text, plain),
  cl100k: (text) => cl100k(text, plain),
};

/** In bytes, about. */
const size = process.env["REIN_CAMPAIGN"] ? 10_000_000 : 800_000;

const root = join(import.meta.dir, "../..");

/** Half of it is source code and documents that every checkout has, the other half made up; the same each time. */
async function* corpus(): AsyncGenerator<string> {
  let left = size / 2;
  const folders = ["src", "docs", "native/core/src", "node_modules/yaml", "node_modules/openai"];
  for (const folder of folders.map((name) => join(root, name))) {
    for (const file of [...new Bun.Glob("**/*.{ts,md,rs,js}").scanSync(folder)].sort()) {
      const text = await Bun.file(join(folder, file)).text();
      if ((left -= Buffer.byteLength(text)) > 0) yield text;
    }
  }
  const { next, below, pick } = random(7);
  const many = (count: number, one: () => string) => Array.from({ length: count }, one).join("");
  const codes = (from: number, to: number) => String.fromCodePoint(from + below(to - from));
  const bytes = (count: number) => Uint8Array.from({ length: count }, () => below(256));
  const specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|endofprompt|>", "<|start|>"];
  const kinds: Array<() => string> = [
    () => many(300, () => codes(0x4e00, 0x9fa6)),
    () => many(300, () => (next() < 0.3 ? "。" : codes(0x3041, 0x30ff))),
    () => many(300, () => codes(0xac00, 0xd7a4)),
    () => many(200, () => codes(0x1f300, 0x1f650) + (next() < 0.3 ? "\u{1f3fd}\u200d" : "")),
    () => many(300, () => (next() < 0.2 ? " " : codes(0x410, 0x450))),
    () => many(300, () => (next() < 0.2 ? " " : codes(0x620, 0x64a))),
    () => Buffer.from(bytes(1500)).toString("base64"),
    () => Buffer.from(bytes(600)).toString("hex"),
    () => many(400, () => pick([" ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "x", "//\n"])),
    () => " ".repeat(1 + below(399)) + "\n".repeat(below(200)) + "=".repeat(below(300)),
    () => many(60, () => `${pick(specials)}${next() < 0.5 ? " " : ""}`),
    // Without NEL and the byte order mark: for JavaScript's \s, unlike for tiktoken's and ours, only the second is a blank.
    () => new TextDecoder().decode(bytes(900)).replace(/[\u0085\ufeff]/g, ""),
    () => many(300, () => pick(["'s", "'LL", "don't", "I'M", "x'd", "'Re", "1234567", "½", "٣٤"])),
    () => "abc".repeat(1 + below(599)),
  ];
  for (left = size / 2; left > 0;) {
    const text = many(3, pick(kinds));
    yield text;
    left -= Buffer.byteLength(text);
  }
}

test(
  "counts are those of another implementation, over code, languages, whitespace and noise",
  async () => {
    let whole = "";
    const different: string[] = [];
    for await (const text of corpus()) {
      whole += text;
      for (const encoding of encodings) {
        if ((await countTokens(text, encoding)) !== theirs[encoding](text)) different.push(`${encoding}: ${text}`);
      }
    }
    expect(different).toEqual([]);
    expect(Buffer.byteLength(whole)).toBeGreaterThan(size * 0.95);
    expect(await countTokens(whole, "o200k")).toBe(theirs.o200k(whole));
  },
  process.env["REIN_CAMPAIGN"] ? 120_000 : undefined,
);

test("a short text and a long one are counted alike, and what looks special is text", async () => {
  expect(await countTokens("", "o200k")).toBe(0);
  expect(await countTokens("Hello, world", "o200k")).toBe(3);
  expect(await countTokens("<|endoftext|>", "cl100k")).toBe(7);
  expect(await countTokens("Hello, world\n".repeat(5000), "cl100k")).toBe(20_000);
  expect(await countTokens("Hello, world\n".repeat(1000), "cl100k")).toBe(4000);
});

test("half a surrogate pair is counted as the replacement character", async () => {
  expect(await countTokens("a\ud800b", "o200k")).toBe(await countTokens("a\ufffdb", "o200k"));
});

test("a count that is no longer wanted ends with the reason, also within one endless word", async () => {
  const gone = new Error("gone");
  const aborts = new AbortController();
  const counting = countTokens("a".repeat(20_000_000), "o200k", aborts.signal);
  await Bun.sleep(20);
  aborts.abort(gone);
  await expect(counting).rejects.toBe(gone);
});
