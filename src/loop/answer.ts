import { validate } from "../core/json-schema.ts";
import type { Json, JsonSchema } from "../core/json.ts";
import type { Result } from "../core/result.ts";

/** Reads the final text as the JSON that `schema` asks for. The error says what does not fit, for the model and the user. */
export async function fitAnswer(
  text: string,
  schema: JsonSchema,
  explainJson: (text: string) => Promise<string>,
): Promise<Result<Json, string>> {
  const source = withoutFence(text.trim());
  let value: Json;
  try {
    value = JSON.parse(source);
  } catch {
    return { ok: false, error: `it is not JSON: ${await explainJson(source)}` };
  }
  const problems = validate(schema, value);
  return problems.length === 0 ? { ok: true, value } : { ok: false, error: problems.join("; ") };
}

/** Models often put the whole JSON into one Markdown fence; that is their way of writing JSON, not a wrong answer. */
function withoutFence(text: string): string {
  const fenced = /^```(?:json)?[ \t]*\r?\n([\s\S]*)\r?\n```$/.exec(text);
  return fenced?.[1] ?? text;
}

/** Asks the model once more, with the exact complaint. */
export function repairPrompt(problem: string): string {
  return `Your answer does not fit the required JSON Schema: ${problem}\nAnswer again with the corrected JSON only.`;
}
