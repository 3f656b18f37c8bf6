import type { Json } from "../core/json.ts";
import type { ModelOptions } from "../core/model.ts";

type Effort = NonNullable<ModelOptions["effort"]>;

/** What one service's Chat Completions have of their own. */
export type ChatDialect = {
  /** The part in which it takes a PDF; absent where it takes none. */
  pdf?: "file" | "image_url";
  /** Its name for the most tokens of an answer. */
  limit: "max_tokens" | "max_completion_tokens";
  /** Its name for our highest effort. */
  max: Effort | "xhigh";
  /** What stands before each name of its list, and before none that it takes. */
  listPrefix?: string;
  /** What it must find on the first call of an answer that another service's model wrote. */
  foreignCall?: Json;
};

/** By provider; OpenAI's own service by its host, since newer models there know only the newer name of the limit. */
const dialects: Array<{ of: string } & ChatDialect> = [
  { of: "api.openai.com", pdf: "file", limit: "max_completion_tokens", max: "max" },
  {
    of: "gemini",
    // It refuses a `file` part, and reads a PDF as an image.
    pdf: "image_url",
    limit: "max_tokens",
    max: "high",
    listPrefix: "models/",
    // https://ai.google.dev/gemini-api/docs/thought-signatures
    foreignCall: { google: { thought_signature: "skip_thought_signature_validator" } },
  },
  { of: "huggingface", limit: "max_tokens", max: "xhigh" },
];

const plain: ChatDialect = { pdf: "file", limit: "max_tokens", max: "max" };

/** The dialect of a provider's service at this host. */
export function chatDialect(provider: string, host: string): ChatDialect {
  return dialects.find(({ of }) => of === host || of === provider) ?? plain;
}
