import type { Json, JsonSchema } from "../core/json.ts";
import type { ToolSpec } from "../core/model.ts";
import type { Constraint } from "../native/local.ts";
import { boundedSchema, type Bounds } from "./bounded-schema.ts";

export const callOpening = "<tool_call>";
export const callClosing = "</tool_call>";

/** What an answer may be: `text` or calls as the model likes, calls only, or the final answer only. */
export type Answering = "any" | "calls" | "answer";

export type GrammarOptions = {
  bounds: Bounds;
  answering: Answering;
  /** Whether there may be text before a call, and several calls. */
  several: boolean;
};

/**
 * What the answer to a request must be: text, JSON that fits `output`, or calls of the offered tools that fit theirs, each as one
 * `<tool_call>`. Undefined where it may be any text.
 */
export function constraintFor(
  tools: readonly ToolSpec[],
  output: JsonSchema | undefined,
  { bounds, answering, several }: GrammarOptions,
): Constraint | undefined {
  if (tools.length === 0 || answering === "answer") {
    return output === undefined ? undefined : { lark: `start: %json ${spaced(boundedSchema(output, bounds))}` };
  }
  const rules = [
    `calls: "\\n" call "\\n${callClosing}"${several ? ` ("\\n${callOpening}\\n" call "\\n${callClosing}")*` : ""}`,
    `call: %json ${spaced({ anyOf: tools.map(({ name, input }, at) => callSchema(name, input, at, bounds)) })}`,
    `TEXT: /(.|\\n)*/`,
  ];
  if (answering === "calls") return { lark: [`start: "${callOpening}" calls`, ...rules.slice(0, 2)].join("\n") };
  if (output !== undefined) {
    const answer = `answer: %json ${spaced(boundedSchema(output, bounds))}`;
    return { lark: [`start: answer | "${callOpening}" calls`, answer, ...rules.slice(0, 2)].join("\n") };
  }
  // Free text goes on until a call begins; from there on there is no way back.
  const before = several ? [`head[lazy]: TEXT "${callOpening}"`] : [`head: "${callOpening}"`];
  const text = several ? "TEXT" : "START";
  const start = several ? [] : ["START: /([^<](.|\\n)*)?/"];
  return { lark: [`start: ${text} | head calls`, ...before, ...start, ...rules].join("\n") };
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
function spaced(schema: Json): string {
  const style = { whitespace_flexible: false, item_separator: ", ?", key_separator: ": ?" };
  return JSON.stringify(typeof schema === "object" && schema !== null ? { "x-guidance": style, ...schema } : schema);
}
