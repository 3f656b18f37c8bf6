import type { Json, JsonSchema } from "../core/json.ts";
import type { ToolSpec } from "../core/model.ts";
import { boundedSchema, type Bounds } from "./bounded-schema.ts";

export const callOpening = "<tool_call>";
export const callClosing = "</tool_call>";

/** What an answer may be: one call, the final answer, or as the model likes, also text and then calls. */
export type Answering = "call" | "answer" | "any";

/**
 * What the answer to a request must be: text, JSON that fits `output`, or calls of the offered tools that fit theirs, each as one
 * `<tool_call>`: a grammar as llguidance reads it. Undefined where it may be any text.
 */
export function grammarFor(
  tools: readonly ToolSpec[],
  output: JsonSchema | undefined,
  answering: Answering,
  bounds: Bounds,
): string | undefined {
  const answer = output === undefined ? undefined : `answer: ${json(boundedSchema(output, bounds))}`;
  if (tools.length === 0 || answering === "answer")
    return answer === undefined ? undefined : lark("start: answer", answer);
  const calls = tools.map(({ name, input }, at) => callSchema(name, input, at, bounds));
  const rules = [`body: "\\n" call "\\n${callClosing}"`, `call: ${json({ anyOf: calls })}`];
  if (answering === "call") return lark(`start: "${callOpening}" body`, ...rules);
  const more = `more: ("\\n${callOpening}" body)*`;
  if (answer !== undefined) return lark(`start: answer | "${callOpening}" body more`, answer, more, ...rules);
  // Text goes on until a call begins; from there on there is no way back.
  return lark("start: TEXT | head body more", `head[lazy]: TEXT "${callOpening}"`, "TEXT: /(.|\\n)*/", more, ...rules);
}

function lark(...rules: string[]): string {
  return rules.join("\n");
}

/** The name first: what the arguments are depends on it. */
function callSchema(name: string, input: JsonSchema, at: number, bounds: Bounds): Json {
  return {
    type: "object",
    properties: {
      name: { const: name },
      arguments: boundedSchema(input, bounds, `/anyOf/${at}/properties/arguments`),
    },
    required: ["name", "arguments"],
    additionalProperties: false,
  };
}

/** Models are used to a space after a comma and a colon. No other white space, of which there would be no end. */
function json(schema: Json): string {
  const style = { whitespace_flexible: false, item_separator: ", ?", key_separator: ": ?" };
  const styled = typeof schema === "object" && schema !== null ? { "x-guidance": style, ...schema } : schema;
  return `%json ${JSON.stringify(styled)}`;
}
