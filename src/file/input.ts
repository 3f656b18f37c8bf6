import type { Json, JsonObject } from "../core/json.ts";
import { nearest } from "../core/nearest.ts";
import type { InputSpec, InputType, InputValues } from "../core/plan.ts";
import type { Result } from "../core/result.ts";

/**
 * What was given for an agent's inputs: `texts` by `--set` and stdin, `values` by `--input`. A text wins over a value of the
 * same name.
 */
export type GivenInput = { texts: ReadonlyMap<string, string>; values: JsonObject };

/** What is wrong with one input: `Input 'n' must be a number, found 'abc'`. */
export type InputProblem = { name: string; message: string; hint?: string };

/** The flag of an input on the command line: `--max-items` for `max_items`. */
export function flagOfInput(name: string): string {
  return `--${name.replaceAll("_", "-")}`;
}

/** The typed values of all inputs, defaults included, or all that is wrong with what was given. */
export function inputValues(specs: Record<string, InputSpec>, given: GivenInput): Result<InputValues, InputProblem[]> {
  const problems: InputProblem[] = [];
  const values: Array<[string, Json]> = [];
  for (const name of new Set([...given.texts.keys(), ...Object.keys(given.values)])) {
    if (!Object.hasOwn(specs, name)) problems.push(unknownInput(name, Object.keys(specs)));
  }
  for (const [name, spec] of Object.entries(specs)) {
    const result = valueOf(name, spec, given);
    if (result.ok) values.push([name, result.value]);
    else problems.push(result.error);
  }
  return problems.length > 0 ? { ok: false, error: problems } : { ok: true, value: Object.fromEntries(values) };
}

function valueOf(name: string, spec: InputSpec, given: GivenInput): Result<Json, InputProblem> {
  const text = given.texts.get(name);
  if (text !== undefined) {
    const value = fromText(spec.type, text);
    return value === undefined ? wrongInput(name, spec, quoteShort(text)) : allowed(name, spec, value);
  }
  const value = Object.hasOwn(given.values, name) ? given.values[name] : undefined;
  if (value !== undefined) {
    const shown = quoteShort(JSON.stringify(value));
    return fitsType(spec.type, value) ? allowed(name, spec, value) : wrongInput(name, spec, shown);
  }
  if (spec.default !== undefined) return { ok: true, value: spec.default };
  const hint = spec.from === "stdin" ? `give it on stdin, or with --set ${name}=…` : `give it with --set ${name}=…`;
  return { ok: false, error: { name, message: `Input '${name}' is missing`, hint } };
}

/** Judges a value of the right type by the enum. */
function allowed(name: string, spec: InputSpec, value: Json): Result<Json, InputProblem> {
  if (spec.enum === undefined || spec.enum.includes(value)) return { ok: true, value };
  const choices = spec.enum.map(String);
  const close = nearest(String(value), choices);
  const message = `Input '${name}' must be one of ${choices.map((choice) => `'${choice}'`).join(", ")}, found ${quoteShort(String(value))}`;
  return { ok: false, error: { name, message, ...(close === undefined ? {} : { hint: `did you mean '${close}'?` }) } };
}

function wrongInput(name: string, spec: InputSpec, found: string): { ok: false; error: InputProblem } {
  const hint = { array: `write JSON: ${name}='["a", "b"]'`, object: `write JSON: ${name}='{"a": 1}'` };
  const json = spec.type === "array" || spec.type === "object" ? { hint: hint[spec.type] } : {};
  return {
    ok: false,
    error: { name, message: `Input '${name}' must be ${typeWords[spec.type]}, found ${found}`, ...json },
  };
}

function unknownInput(name: string, known: string[]): InputProblem {
  const close = nearest(name, known);
  const hint =
    close !== undefined
      ? `did you mean '${close}'?`
      : known.length === 0
        ? "the agent file declares no inputs"
        : `the agent file declares ${known.map((other) => `'${other}'`).join(", ")}`;
  return { name, message: `Unknown input ${quoteShort(name)}`, hint };
}

/** What a type is called in a message. */
export const typeWords: Record<InputType, string> = {
  string: "a string",
  number: "a number",
  integer: "an integer",
  boolean: "'true' or 'false'",
  array: "a JSON array",
  object: "a JSON object",
};

export function fitsType(type: InputType, value: Json): boolean {
  switch (type) {
    case "integer":
      return Number.isSafeInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}

function fromText(type: InputType, text: string): Json | undefined {
  if (type === "string") return text;
  const value = fromJson(text);
  return value !== undefined && fitsType(type, value) ? value : undefined;
}

/** JSON also spells the numbers and booleans that people type. */
function fromJson(text: string): Json | undefined {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

function quoteShort(text: string): string {
  return `'${text.length > 60 ? `${text.slice(0, 59)}…` : text}'`;
}
