import type { ModelOptions } from "../core/model.ts";
import type { ModelName } from "./choose.ts";

/**
 * Anthropic's API wants a limit. This is the most that every model since Claude 4 takes (Opus 4 and 4.1 take no more):
 * https://platform.claude.com/docs/en/about-claude/models/overview
 */
export const longestClaudeAnswer = 32_000;

/** What models take as a limit on their answer; the first that fits counts. More than a model can is refused. */
const known: ReadonlyArray<{ provider: string; model: RegExp; tokens: number }> = [
  { provider: "anthropic", model: /(?:)/, tokens: longestClaudeAnswer },
  { provider: "openai", model: /^gpt-5-chat/, tokens: 16_384 },
  { provider: "openai", model: /^(gpt-[5-9]|o[34])/, tokens: 100_000 },
  { provider: "openai", model: /^(gpt-3|gpt-4(-|$))/, tokens: 4096 },
  { provider: "gemini", model: /^gemini-(2\.5|[3-9])/, tokens: 65_536 },
  { provider: "ollama", model: /(?:)/, tokens: Infinity },
];

/** Taken where nothing is known of a model. */
const usual = 8192;

/** The longest answer that a model may be limited to, in tokens: as the file says, else what it surely takes. */
export function answerLength(name: ModelName, { max_tokens, thinking = 0 }: ModelOptions): number {
  if (max_tokens !== undefined) return max_tokens;
  if (name.provider === "scripted" || name.provider === "local") return Infinity;
  const { provider, id } = name;
  const row = known.find((one) => one.provider === provider.name && one.model.test(id));
  // What Claude thinks counts as part of its answer.
  return Math.max(row?.tokens ?? usual, 2 * thinking);
}
