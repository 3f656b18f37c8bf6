import type { Json, JsonObject, JsonSchema } from "./json.ts";
import type { Message } from "./message.ts";
import type { Paid, PriceSpec } from "./price.ts";
import type { Result } from "./result.ts";

/** A tool as the model is told about it. */
export type ToolSpec = {
  name: string;
  description: string;
  input: JsonSchema;
  /** Calls that a small model is shown before it is asked. */
  examples?: readonly ToolExample[];
};

/** What someone may ask for, and the arguments of the call that does it. */
export type ToolExample = { request: string; input: JsonObject };

/** One turn's request. `output` is the schema that the final answer must fit. */
export type ModelRequest = {
  instructions: string;
  messages: Message[];
  tools: ToolSpec[];
  output?: JsonSchema;
  /** The most tokens of the answer, where that is less than the model's own options say. */
  max_tokens?: number;
  /** Absent: it may use what it likes. */
  budget?: Budget;
};

/** What a request may use, shared by all that are under way. */
export type Budget = {
  /** What is left, less what requests under way have used by estimate: US dollars and tokens. Infinity where there is no limit. */
  left(): { cost: number; tokens: number };
  /** What this request has used so far, by estimate. Its usage counts once it is over. */
  use(cost: number, tokens: number): void;
};

/**
 * Tokens of one request. `input` includes `cached` and `cache_write`, `output` includes `reasoning`. `cache_write` is what the
 * service wrote to its cache, `cache_write_1h` the part of it that stays an hour; absent where it tells of none.
 */
export type Usage = {
  input: number;
  output: number;
  cached: number;
  reasoning: number;
  cache_write?: number;
  cache_write_1h?: number;
};

/** Why the model stopped: it was done, wants tools, reached its output length, or refused. */
export type StopReason = "end" | "tool_calls" | "length" | "refusal";

/**
 * Why a request failed. `service` and `network` are worth a retry by hand (exit 1); `credentials` is exit 7; `request` is a
 * request that the service refused as wrong, unknown model included (exit 2).
 */
export type ModelFailure = {
  kind: "service" | "network" | "credentials" | "request";
  message: string;
  /** The way out: the nearest model that the service has. */
  hint?: string;
  status?: number;
  retryable: boolean;
  /** How long the service asked us to wait, from Retry-After. */
  retryAfterMs?: number;
  /** The request was longer than the model can read: a shorter one may do. */
  tooLong?: true;
};

/**
 * What a model says while it answers. A stream ends with exactly one `stop`, `failure` or `limit` (its
 * budget is used up; where nothing came before it, nothing was sent); one that just ends was cut.
 * `tool_call` is a fragment: `index` tells calls apart, `id` and `name` come once, `arguments` is appended. `retry` says that
 * the request is made anew, and `fallback` that another model is asked: what came before it in this stream is void. `begun` is its
 * first token, where what it says is still held back. `input` is what the service has counted before it answered. `warning` is for the user, and ends nothing.
 */
export type ModelEvent =
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  | { type: "tool_call"; index: number; id?: string; name?: string; arguments: string }
  | { type: "begun" }
  | { type: "input"; usage: Usage }
  | ({ type: "usage" } & Paid)
  | { type: "warning"; message: string }
  | { type: "retry"; attempt: number; of: number; waitMs: number; failure: ModelFailure }
  | { type: "fallback"; from: string; to: string; failure: ModelFailure }
  | { type: "stop"; reason: StopReason; opaque?: Json }
  | { type: "limit"; limit: "cost" | "tokens" }
  | { type: "failure"; failure: ModelFailure };

/** How much fits into a model, in tokens: a request and its answer together, and the most of an answer. */
export type ModelSize = { window?: number; answer?: number };

/**
 * One model of one service, ready to use; or several of which one stands in for another, with the name and window of the one that is
 * asked next. `window` is its context window in tokens, where known.
 */
export type Model = {
  /** `provider/model`, as reported in results. */
  name: string;
  window?: number | undefined;
  /** The most tokens that an answer is allowed to have, where that is known before the request. */
  answer?: number | undefined;
  /** Asks for what only its service or this machine knows of it; absent where nothing is to be asked. `warning` is for the user. */
  size?: ((signal: AbortSignal) => Promise<ModelSize & { warning?: string }>) | undefined;
  /** The names of the models that the service has; absent where it has no list. */
  list?(signal: AbortSignal): Promise<Result<string[], ModelFailure>>;
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>;
  /** Gives back what it holds in this process; absent where that is nothing. */
  close?(): void;
  /** Goes on where an answer of this one does not fit its schema, or fails a check. */
  stronger?: Model;
};

/** How much a model should think before it answers. */
export const efforts = ["none", "minimal", "low", "medium", "high", "max"] as const;

/** Options of a named model; which of them a provider has is in its row of the provider table. */
export type ModelOptions = {
  temperature?: number;
  /** The most tokens of one answer. */
  max_tokens?: number;
  effort?: (typeof efforts)[number];
  /** The most tokens to think with. */
  thinking?: number;
  seed?: number;
  stop?: string[];
  service_tier?: string;
  /** The context window to ask for, in tokens (Ollama's num_ctx). */
  context?: number;
  /** The file of a LoRA adapter for a model in this process, relative to the agent file. */
  adapter?: string;
  /** How strongly the adapter works, 1 for as it was trained. */
  scale?: number;
  /** Put into the request's body as it is, last. */
  extra_body?: JsonObject;
};

/** Where a named model is, when it is not where its provider's variables say. */
export type ModelEndpoint = {
  base_url?: string;
  /** The variable that holds the key for `base_url`. */
  key?: string;
  /** Further headers; a value is a text, or the variable that holds it. */
  headers?: Record<string, string | { env: string }>;
  /** A file of PEM certificates to trust, relative to the agent file. */
  ca_file?: string;
};

/** A model with its options, as the agent file names it under `models:`. */
export type ModelSpec = { model: string; price?: PriceSpec } & ModelOptions & ModelEndpoint;

export const noUsage: Usage = { input: 0, output: 0, cached: 0, reasoning: 0 };

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cached: a.cached + b.cached,
    reasoning: a.reasoning + b.reasoning,
    ...cacheWrites((a.cache_write ?? 0) + (b.cache_write ?? 0), (a.cache_write_1h ?? 0) + (b.cache_write_1h ?? 0)),
  };
}

/** The part of a usage that tells of cache writes; `hour` is the part of `all` that stays an hour. */
export function cacheWrites(all: number, hour = 0): Pick<Usage, "cache_write" | "cache_write_1h"> {
  return { ...(all > 0 ? { cache_write: all } : {}), ...(hour > 0 ? { cache_write_1h: hour } : {}) };
}
