import { bytes } from "../core/bytes.ts";
import type { GgufFacts, WindowMemory } from "../core/local-model.ts";
import { ok, type Result } from "../core/result.ts";
import type { GgufFile } from "./gguf-facts.ts";

/** A context that is shorter than this is of no use. */
const leastContext = 512;
/** llama.cpp counts no further. */
const mostContext = 2 ** 31 - 1;
/** Contexts that memory bounds are multiples of it. */
const step = 256;

/** Bytes that one conversation of so many tokens takes beside the weights. */
export function sessionMemory({ cache_per_token: cache, work }: GgufFacts, context: number): number {
  return (cache ?? 0) * context + work;
}

/** Bytes that a model and one conversation take. */
function modelMemory(facts: GgufFacts, context: number): number {
  return facts.weights + sessionMemory(facts, context);
}

/** The memory of some usual windows, and of the model's own. */
export function windowMemory(facts: GgufFacts): WindowMemory[] {
  const { cache_per_token: cache, window } = facts;
  if (cache === null) return [];
  const usual = [2048, 8192, 32_768, 131_072].filter((tokens) => window === null || tokens < window);
  const all = window === null ? usual : [...usual, window];
  return all.map((tokens) => ({ window: tokens, bytes: modelMemory(facts, tokens) }));
}

/** The longest context that a model was trained for. */
export function trainedContext({ facts }: GgufFile): number {
  return Math.min(Math.max(facts.window ?? 0, leastContext), mostContext);
}

/**
 * How long the context of each conversation is to be, and why it is shorter than wanted, or than the model was trained for. The error
 * says what it needs and what is free. `wanted` and the answer are in tokens, `free` in bytes.
 */
export function contextFor(
  file: GgufFile,
  wanted: number | undefined,
  free: number,
): Result<{ context: number; bounded?: string }, string> {
  const trained = trainedContext(file);
  const need = (context: number) => modelMemory(file.facts, context);
  const least = Math.min(wanted ?? leastContext, trained);
  if (need(least) > free) {
    const why = `it needs ${bytes(need(least))} of memory at a context of ${least} tokens, and ${bytes(free)} are free`;
    return { ok: false, error: why };
  }
  if (wanted !== undefined) {
    return ok(wanted > trained ? { context: least, bounded: "it was trained for no more" } : { context: least });
  }
  // Not all that is free: this is one conversation, and others may come.
  const room = Math.floor((free - need(0)) / 2 / (file.facts.cache_per_token || 1));
  if (room >= trained) return ok({ context: trained });
  const context = Math.max(leastContext, Math.floor(room / step) * step);
  return ok({ context, bounded: `of the ${bytes(free)} of memory that are free, half is for it` });
}
