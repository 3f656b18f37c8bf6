/** Models as files on this machine, as commands show them and as their JSON documents have them. Null is what is not known. */

/** What the header of a GGUF file tells. */
export type GgufFacts = {
  /** `model`, or what else it says it is: `adapter`, `mmproj`. */
  kind: string;
  /** What it calls itself. */
  title: string | null;
  architecture: string | null;
  parameters: number;
  quantisation: string;
  /** The context window that it was trained for, in tokens. */
  window: number | null;
  chat_template: boolean;
  /** As the file says it. */
  licence: string | null;
  /** Bytes of the file: so many its weights take in memory. */
  weights: number;
  /** Bytes of the KV cache for one token of context, at 16 bits a number. */
  cache_per_token: number | null;
  /** Bytes that computing takes besides: an estimate. */
  work: number;
};

/** Memory that a window needs, as it is counted before a model is loaded: weights, KV cache and what computing takes. */
export type WindowMemory = { window: number; bytes: number };

/** Where a model was pulled from. */
export type Origin = { source: string; licence: string | null; sha256: string };

/** `incomplete` is a download that was interrupted; `broken` a file that is no GGUF, or a part of one; `unusable` is what this build cannot run. */
export type LocalModelState = "ready" | "incomplete" | "broken" | "unusable";

export type LocalModel = {
  /** What stands after `local/`. */
  name: string;
  path: string;
  /** Bytes of the file, or what is there of it. */
  size: number;
  state: LocalModelState;
  /** What is wrong with it. */
  detail: string | null;
  facts: GgufFacts | null;
  origin: Origin | null;
};

/** A model as `info` shows it. */
export type ShownModel = LocalModel & { memory: WindowMemory[] };

/** A model that `pull` has got, or found to be there. */
export type PulledModel = { name: string; path: string; size: number; pulled: boolean } & Origin;

/** What a benchmark measured: the medians of its runs. */
export type ModelSpeed = {
  model: string;
  runs: number;
  prompt_tokens: number;
  generated_tokens: number;
  first_token_ms: number;
  prompt_tokens_per_second: number | null;
  generated_tokens_per_second: number | null;
  /** The most memory that this process had: of a local model it holds the model. */
  memory_bytes: number | null;
};
