import type { Json, JsonSchema } from "./json.ts";
import type { Message } from "./message.ts";

/** A tool as the model is told about it. */
export type ToolSpec = { name: string; description: string; input: JsonSchema };

/** One turn's request. `output` is the schema that the final answer must fit. */
export type ModelRequest = {
  instructions: string;
  messages: Message[];
  tools: ToolSpec[];
  output?: JsonSchema;
};

/** Tokens of one request. `input` includes `cached`, `output` includes `reasoning`. */
export type Usage = { input: number; output: number; cached: number; reasoning: number };

/** Why the model stopped: it was done, wants tools, reached its output length, or refused. */
export type StopReason = "end" | "tool_calls" | "length" | "refusal";

/**
 * Why a request failed. `service` and `network` are worth a retry by hand (exit 1); `credentials` is exit 7; `request` is a
 * request that the service refused as wrong, unknown model included (exit 2).
 */
export type ModelFailure = {
  kind: "service" | "network" | "credentials" | "request";
  message: string;
  status?: number;
  retryable: boolean;
  /** How long the service asked us to wait, from Retry-After. */
  retryAfterMs?: number;
};

/**
 * What a model says while it answers. A stream ends with exactly one `stop` or one `failure`; one that just ends was cut.
 * `tool_call` is a fragment: `index` tells calls apart, `id` and `name` come once, `arguments` is appended. `retry` says that
 * the request is made anew: what came before it in this stream is void.
 */
export type ModelEvent =
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  | { type: "tool_call"; index: number; id?: string; name?: string; arguments: string }
  | { type: "usage"; usage: Usage }
  | { type: "retry"; attempt: number; of: number; waitMs: number; failure: ModelFailure }
  | { type: "stop"; reason: StopReason; opaque?: Json }
  | { type: "failure"; failure: ModelFailure };

/** One model of one service, ready to use. `window` is its context window in tokens, where known. */
export type Model = {
  /** `provider/model`, as reported in results. */
  name: string;
  window?: number;
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>;
};

export const noUsage: Usage = { input: 0, output: 0, cached: 0, reasoning: 0 };

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cached: a.cached + b.cached,
    reasoning: a.reasoning + b.reasoning,
  };
}
