import { readFileSync } from "node:fs";
import cl100k from "../../dist/native/cl100k_base.ranks" with { type: "file" };
import o200k from "../../dist/native/o200k_base.ranks" with { type: "file" };
import { frame } from "./border.ts";
import { callText, start } from "./library.ts";

/** How OpenAI's models cut a text: `o200k` since GPT-4o, `cl100k` before. Other services' counts differ by a fifth or so. */
export const encodings = ["o200k", "cl100k"] as const;
export type Encoding = (typeof encodings)[number];

const files: Record<Encoding, string> = { o200k, cl100k };

/** Up to this many UTF-16 units are counted in less than a millisecond. */
const small = 16_384;

const loaded = new Map<Encoding, Promise<void>>();

/**
 * How many tokens a text has. What looks like a special token is text like any other, and half a surrogate pair is U+FFFD. The first
 * count of an encoding takes some 30 ms more. The abort reason is thrown.
 */
export async function countTokens(text: string, encoding: Encoding, signal?: AbortSignal): Promise<number> {
  const number = encodings.indexOf(encoding);
  const ready = loaded.get(encoding) ?? load(encoding);
  loaded.set(encoding, ready);
  await ready;
  signal?.throwIfAborted();
  if (text.length <= small) {
    const count = callText("tokens.count", number, text);
    if (!count.ok) throw new Error(count.error);
    return Number(count.value);
  }
  let count = "";
  for await (const chunk of start("tokens.count_large", frame([number], text), signal)) {
    count += new TextDecoder().decode(chunk);
  }
  return Number(count);
}

async function load(encoding: Encoding): Promise<void> {
  const ranks = await Bun.zstdDecompress(readFileSync(files[encoding]));
  for await (const chunk of start("tokens.load", frame([encodings.indexOf(encoding)], ranks))) void chunk;
}
