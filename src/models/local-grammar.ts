import type { Json, JsonSchema } from "../core/json.ts";
import { ok, type Result } from "../core/result.ts";
import type { ToolSpec } from "../core/model.ts";
import { boundedSchema, type Bounds } from "./bounded-schema.ts";
import type { Unkept } from "./unkept.ts";

export const callOpening = "<tool_call>";
export const callClosing = "</tool_call>";

/** The rule for any text but the opening of a call, or for that of the given form. */
function textRule(form = String.raw`(.|\n)*`): string {
  return String.raw`TEXT: /${form}/ & ~/(.|\n)*${callOpening}(.|\n)*/`;
}

/** What an answer may be: one call, the final answer, or as the model likes, also text and then calls. */
export type Answering = "call" | "answer" | "any";

/**
 * What the answer to a request must be: text, JSON that fits `output`, or calls of the offered tools that fit theirs, each as one
 * `<tool_call>`: a grammar as llguidance reads it. Where tools are offered no text holds the beginning of a call that is none.
 * Undefined where it may be any text. The error says which schema cannot be kept.
 */
export function grammarFor(
  tools: readonly ToolSpec[],
  output: JsonSchema | undefined,
  answering: Answering,
  bounds: Bounds,
): Result<string | undefined, string> {
  const final = output === undefined ? undefined : boundedSchema(output, bounds);
  const called = answering === "answer" ? [] : tools;
  const inputs = called.map(({ input }, at) => boundedSchema(input, bounds, `/anyOf/${at}/properties/arguments`));
  const wrong = [final, ...inputs].findIndex((one) => (one?.unkept.length ?? 0) > 0);
  const [first] = [final, ...inputs][wrong]?.unkept ?? [];
  if (first !== undefined)
    return { ok: false, error: unkeptText(wrong === 0 ? "the answer" : `tool '${called[wrong - 1]?.name}'`, first) };

  const answer = final && `answer: ${json(final.schema)}`;
  if (answer !== undefined && called.length === 0) return ok(lark("start: answer", answer));
  if (tools.length === 0) return ok(undefined);
  // A small model would begin like the call that it sees before it: measured, a made-up one in place of an answer.
  if (called.length === 0) return ok(lark("start: TEXT", textRule(String.raw`([^<](.|\n)*)?`)));
  const calls = called.map(({ name }, at) => callSchema(name, inputs[at]?.schema ?? false));
  const rules = [`body: "\\n" call "\\n${callClosing}"`, `call: ${json({ anyOf: calls })}`];
  if (answering === "call") return ok(lark(`start: "${callOpening}" body`, ...rules));
  const more = `more: ("\\n${callOpening}" body)*`;
  if (answer !== undefined) return ok(lark(`start: answer | "${callOpening}" body more`, answer, more, ...rules));
  // Text goes on until a call begins; from there on there is no way back.
  const text = ["start: TEXT | head body more", `head[lazy]: TEXT "${callOpening}"`, textRule()];
  return ok(lark(...text, more, ...rules));
}

function unkeptText(whose: string, { path, message }: Unkept): string {
  const place = path.length === 0 ? "" : ` (at '/${path.join("/")}')`;
  return `the schema of ${whose}: ${message.replace(/^[A-Z]/, (letter) => letter.toLowerCase())}${place}`;
}

function lark(...rules: string[]): string {
  return rules.join("\n");
}

/** The name first: what the arguments are depends on it. */
function callSchema(name: string, input: Json): Json {
  return {
    type: "object",
    properties: { name: { const: name }, arguments: input },
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
