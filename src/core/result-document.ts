import type { Json } from "./json.ts";
import type { Usage } from "./model.ts";
import type { Denial } from "./permission.ts";
import type { OutcomeName } from "./exit.ts";

/** What one model cost a run. Times are means over its requests. */
export type ModelUsage = Usage & {
  requests: number;
  /** In US dollars; null where the price is not known. */
  cost: number | null;
  first_token_ms: number;
  tokens_per_second: number;
};

/** The result of a run: what `--output json` prints and what the last line of jsonl holds. */
export type RunResult = {
  outcome: OutcomeName;
  exit_code: number;
  /** The final text, or the value that fits `output.schema`. Null where there is none. */
  answer: Json;
  error: { message: string; hint?: string } | null;
  /** The model that gave the answer; null where there is none. */
  model: string | null;
  /** By model name. */
  usage: Record<string, ModelUsage>;
  /** In US dollars, by the prices of the services' lists or of the file; null where one is not known. */
  cost: number | null;
  denied: Denial[];
  run_id: string;
  /** Part of the cost is what a list says and not what is billed: the requests went elsewhere, or by another way of paying. */
  notional?: true;
  /** What the model had said of its answer when the run was ended. */
  partial?: string;
};
