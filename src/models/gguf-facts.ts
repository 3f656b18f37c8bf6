import type { GgufFacts } from "../core/local-model.ts";
import { ok, type Result } from "../core/result.ts";
import { readGguf, type GgufHeader, type GgufValue, type ReadBytes } from "./gguf.ts";
import { mixOf } from "./gguf-quants.ts";

/** A GGUF file by its header. */
export type GgufFile = {
  facts: GgufFacts;
  /** The model's own chat template, in Jinja. */
  template: string | undefined;
};

/** Reads the header of a GGUF file of `size` bytes. The error is the end of a message. */
export function ggufFile(read: ReadBytes, size: number): Result<GgufFile, string> {
  const header = readGguf(read, size);
  if (!header.ok) return header;
  const { metadata, parameters } = header.value;
  const text = (key: string) => textOf(metadata.get(key));
  const parts = numberOf(metadata.get("split.count"));
  if (parts !== undefined && parts > 1) return { ok: false, error: `it is one of ${parts} parts of a split model` };
  const architecture = text("general.architecture");
  const template = text("tokenizer.chat_template");
  const facts = {
    kind: text("general.type") ?? "model",
    title: text("general.name"),
    architecture,
    parameters,
    quantisation: quantisationOf(header.value),
    window: numberOf(metadata.get(`${architecture}.context_length`)) ?? null,
    chat_template: template !== null,
    licence: text("general.license"),
    weights: size,
    cache_per_token: cachePerToken(metadata, architecture),
    work: workBytes(metadata, architecture),
  };
  return ok({ facts, template: template ?? undefined });
}

/** Reads what a GGUF file of `size` bytes tells of itself. The error is the end of a message. */
export function ggufFacts(read: ReadBytes, size: number): Result<GgufFacts, string> {
  const file = ggufFile(read, size);
  return file.ok ? ok(file.value.facts) : file;
}

/** Two bytes for each number of keys and values. */
const cacheBytes = 2;

/**
 * As llama.cpp sizes its cache (src/llama-kv-cache.cpp, n_embd_k_gqa and n_embd_v_gqa of src/llama-hparams.cpp): for each layer the
 * heads of keys and values times the lengths of both, which are the embedding's share of a head where the file does not say. For
 * models whose layers see a sliding window only, it is the most that they can take.
 */
function cachePerToken(metadata: GgufHeader["metadata"], architecture: string | null): number | null {
  const get = (key: string) => metadata.get(`${architecture}.${key}`);
  const layers = numberOf(get("block_count"));
  const heads = numbersOf(get("attention.head_count"));
  if (layers === undefined || heads === undefined || !(layers > 0) || layers > 4096) return null;
  const keyHeads = numbersOf(get("attention.head_count_kv")) ?? heads;
  const share = (numberOf(get("embedding_length")) ?? 0) / Math.max(...heads);
  const length = (numberOf(get("attention.key_length")) ?? share) + (numberOf(get("attention.value_length")) ?? share);
  // One number holds for all layers; a list has one for each.
  const perLayer = (layer: number) => (keyHeads.length === 1 ? keyHeads[0] : keyHeads[layer]) ?? 0;
  const total = Array.from({ length: layers }, (_, layer) => perLayer(layer)).reduce((sum, each) => sum + each, 0);
  const bytes = total * length * cacheBytes;
  return Number.isFinite(bytes) && bytes >= 0 ? bytes : null;
}

/** So many tokens of a prompt are computed at once: BATCH of native/local. */
const batch = 256;

/** The values between the layers of a batch at four bytes each, the scores of all tokens and the tables of the vocabulary. */
function workBytes(metadata: GgufHeader["metadata"], architecture: string | null): number {
  const number = (key: string) => Math.max(0, ...(numbersOf(metadata.get(`${architecture}.${key}`)) ?? []));
  const tokens = metadata.get("tokenizer.ggml.tokens");
  const vocabulary = typeof tokens === "object" ? tokens.length : 0;
  const width = number("embedding_length");
  const inner = Math.max(number("feed_forward_length"), width * 4);
  return 16 * 1024 * 1024 + vocabulary * 400 + (width * 8 + inner * 3) * 4 * batch;
}

/** The file's own word, else the type that most of its bytes are of. */
function quantisationOf({ metadata, bytes }: GgufHeader): string {
  const mix = mixOf(numberOf(metadata.get("general.file_type")) ?? -1);
  if (mix !== undefined) return mix;
  const [most] = [...bytes].toSorted(([, a], [, b]) => b - a);
  return most?.[0] ?? "unknown";
}

function textOf(value: GgufValue | undefined): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function numberOf(value: GgufValue | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function numbersOf(value: GgufValue | undefined): number[] | undefined {
  if (typeof value === "number") return value > 0 ? [value] : undefined;
  return typeof value === "object" && value.numbers !== undefined && value.numbers.length > 0
    ? value.numbers
    : undefined;
}
