import { dereference, validate as findUnits } from "@cfworker/json-schema";
import type { OutputUnit } from "@cfworker/json-schema";
import { isJsonObject } from "./json.ts";
import type { Json, JsonObject, JsonSchema } from "./json.ts";
import { nearest } from "./nearest.ts";
import { remembered } from "./remembered.ts";

/** More problems than this teach a model nothing. */
const mostProblems = 10;

/** A quoted value is cut to this many characters. */
const longestValue = 80;

/**
 * What keeps a value from fitting a JSON Schema (draft 2020-12), in words a model can act on: "'path' is required". Empty when it
 * fits. Also tells of a schema that cannot be applied (a `$ref` to nowhere, a malformed pattern). Never throws.
 */
export function validate(schema: JsonSchema, value: Json): string[] {
  try {
    const lookup = lookupOf(schema);
    const { errors } = findUnits(value, schema, "2020-12", lookup, false);
    const problems = new Set<string>();
    for (const [index, unit] of errors.entries()) {
      const problem = describe(unit, errors[index - 1], { schema, value, lookup });
      if (problem === undefined) continue;
      if (problems.size === mostProblems) return [...problems, "and more of the kind"];
      problems.add(problem);
    }
    return [...problems];
  } catch (error) {
    // The library throws for schemas that it cannot apply and, as a RangeError, for values nested too deeply.
    const reason = error instanceof Error ? (error.message.split(/\n|  /)[0] ?? "") : String(error);
    return [`the value cannot be judged by this schema: ${reason}`];
  }
}

/** Values that fit, by their schema. */
const fitting = new WeakMap<JsonSchema, WeakSet<JsonObject>>();

/** Whether an object fits. One that did is not judged again: the loop and the tool both ask about a call's arguments. */
export function fits(schema: JsonSchema, value: JsonObject): boolean {
  const known = fitting.get(schema) ?? new WeakSet();
  if (known.has(value)) return true;
  if (validate(schema, value).length > 0) return false;
  fitting.set(schema, known.add(value));
  return true;
}

/**
 * What is wrong with the arguments of a call, whoever makes it: what does not fit the tool's schema, and text that no file, program
 * or service can be given as it is, since UTF-8 has no half characters. Empty where nothing is.
 */
export function misfits(schema: JsonSchema, input: JsonObject): string[] {
  return fits(schema, input) ? halfCharacters(input) : validate(schema, input);
}

type Part = { value: Json; name?: string; of?: Part };

/** Not by recursion: what no schema looks into can be nested deeply. */
function halfCharacters(input: JsonObject): string[] {
  const left: Part[] = [{ value: input }];
  for (let part = left.pop(); part !== undefined; part = left.pop()) {
    const { value, name = "" } = part;
    if (!name.isWellFormed()) return [`the name '${name.toWellFormed()}' ${half(name)}`];
    if (typeof value === "string" && !value.isWellFormed()) return [`'${pathOf(placeOf(part))}' ${half(value)}`];
    if (typeof value !== "object" || value === null) continue;
    for (const [key, inside] of Object.entries(value)) left.push({ value: inside, name: key, of: part });
  }
  return [];
}

function placeOf(part: Part): string[] {
  const names: string[] = [];
  for (let at: Part | undefined = part; at?.name !== undefined; at = at.of) names.unshift(at.name);
  return names;
}

function half(text: string): string {
  const code = /\p{Surrogate}/u.exec(text)?.[0].charCodeAt(0) ?? 0;
  return `holds half a character (\\u${code.toString(16)}): write the whole one`;
}

type Lookup = ReturnType<typeof dereference>;
/** A tool's schema judges every call: what it refers to is found once. */
const lookupOf = remembered((schema: JsonSchema): Lookup => {
  const lookup: Lookup = Object.create(null);
  dereference(schema, lookup);
  return lookup;
});

type Judged = { schema: JsonSchema; value: Json; lookup: Lookup };

/** Keywords that only say that something below them is wrong; what is wrong has a unit of its own. */
const parents: ReadonlySet<string> = new Set([
  "$ref",
  "$recursiveRef",
  "allOf",
  "properties",
  "patternProperties",
  "additionalProperties",
  "unevaluatedProperties",
  "propertyNames",
  "items",
  "prefixItems",
  "additionalItems",
  "unevaluatedItems",
  "dependentSchemas",
  "if",
]);

/** What a keyword expects, by the keyword's own value in the schema and the value that was judged. */
const sayings: Record<string, (expected: Json | undefined, value: Json | undefined) => string> = {
  type: (expected, value) => `must be ${typeWords(expected)}, is ${typeWord(value)}`,
  enum: (expected, value) => `must be ${oneOf(expected)}, is ${quote(value)}`,
  const: (expected, value) => `must be ${quote(expected)}, is ${quote(value)}`,
  minimum: (expected, value) => `must be at least ${quote(expected)}, is ${quote(value)}`,
  maximum: (expected, value) => `must be at most ${quote(expected)}, is ${quote(value)}`,
  exclusiveMinimum: (expected, value) => `must be more than ${quote(expected)}, is ${quote(value)}`,
  exclusiveMaximum: (expected, value) => `must be less than ${quote(expected)}, is ${quote(value)}`,
  multipleOf: (expected, value) => `must be a multiple of ${quote(expected)}, is ${quote(value)}`,
  minLength: (expected, value) => `must have at least ${quote(expected)} characters, is ${quote(value)}`,
  maxLength: (expected) => `must have at most ${quote(expected)} characters`,
  minItems: (expected, value) => `must have at least ${quote(expected)} items, has ${count(value)}`,
  maxItems: (expected, value) => `must have at most ${quote(expected)} items, has ${count(value)}`,
  pattern: (expected, value) => `must match the pattern ${quote(expected)}, is ${quote(value)}`,
  format: (expected, value) => `must have the format ${quote(expected)}, is ${quote(value)}`,
  not: () => "fits what the schema rules out",
  anyOf: () => "fits none of the alternatives",
  oneOf: () => "must fit exactly one of the alternatives",
};

function describe(unit: OutputUnit, before: OutputUnit | undefined, judged: Judged): string | undefined {
  const where = steps(unit.instanceLocation);
  if (unit.keyword === "false") return forbidden(where, before, judged);
  if (parents.has(unit.keyword)) return undefined;
  const subject = where.length === 0 ? "the value" : `'${pathOf(where)}'`;
  if (unit.keyword === "required") {
    const key = /"(.*)"/s.exec(unit.error)?.[1] ?? "";
    return `'${pathOf([...where, key])}' is required`;
  }
  const saying = Object.hasOwn(sayings, unit.keyword) ? sayings[unit.keyword] : undefined;
  if (saying === undefined) return `${subject}: ${unit.error.replace(/\.$/, "").replace(/^./, (c) => c.toLowerCase())}`;
  return `${subject} ${saying(schemaAt(steps(unit.keywordLocation), judged), valueAt(where, judged.value))}`;
}

/**
 * Something that the schema `false` stands for. Mostly a property that is not declared: what was meant is the nearest name that
 * is still free, or the only required one that is missing. The unit before says which keyword it was.
 */
function forbidden(where: string[], before: OutputUnit | undefined, judged: Judged): string {
  const key = where.at(-1);
  const object = valueAt(where.slice(0, -1), judged.value);
  const undeclared = before?.keyword === "additionalProperties" || before?.keyword === "unevaluatedProperties";
  if (!undeclared || key === undefined || !isJsonObject(object)) return `'${pathOf(where)}' is not allowed`;
  const schema = schemaAt(steps(before.keywordLocation).slice(0, -1), judged);
  const known = isJsonObject(schema) && isJsonObject(schema["properties"]) ? Object.keys(schema["properties"]) : [];
  const required = isJsonObject(schema) && Array.isArray(schema["required"]) ? schema["required"] : [];
  const missing = required.filter((name) => typeof name === "string" && !Object.hasOwn(object, name));
  const free = known.filter((name) => !Object.hasOwn(object, name));
  const meant = nearest(key, free) ?? (missing.length === 1 ? missing[0] : undefined);
  const unknown = `unknown property '${pathOf(where)}'`;
  if (meant !== undefined) return `${unknown}: did you mean '${String(meant)}'?`;
  return known.length === 0 ? unknown : `${unknown}: known are ${known.map((name) => `'${name}'`).join(", ")}`;
}

/** The steps of a JSON pointer as the library writes it: a URI fragment. */
function steps(location: string): string[] {
  return location
    .split("/")
    .slice(1)
    .map((step) => decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** `['findings', '0', 'file']` as `findings[0].file`. */
function pathOf(where: string[]): string {
  return where.map((step, index) => (/^\d+$/.test(step) ? `[${step}]` : index === 0 ? step : `.${step}`)).join("");
}

function valueAt(where: string[], value: Json | undefined): Json | undefined {
  let current = value;
  for (const step of where) current = child(current, step);
  return current;
}

/** What stands at a place of the schema; a step named `$ref` goes on at what it refers to. */
function schemaAt(where: string[], judged: Judged): Json | undefined {
  let current: Json | undefined = judged.schema;
  for (const step of where) {
    const target: Json | undefined = step === "$ref" ? child(current, "__absolute_ref__") : undefined;
    current = typeof target === "string" ? judged.lookup[target] : child(current, step);
  }
  return current;
}

function child(value: Json | undefined, step: string): Json | undefined {
  if (Array.isArray(value)) return value[Number(step)];
  return isJsonObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
}

function typeWord(value: Json | undefined): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  if (typeof value !== "number") return `a ${typeof value}`;
  return Number.isInteger(value) ? "an integer" : `a number (${value})`;
}

function typeWords(expected: Json | undefined): string {
  const names = Array.isArray(expected) ? expected : [expected];
  return names.map((name) => withArticle(String(name))).join(" or ");
}

function withArticle(type: string): string {
  if (type === "null") return type;
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function oneOf(expected: Json | undefined): string {
  const values = Array.isArray(expected) ? expected : [];
  return values.length === 1 ? quote(values[0]) : `one of ${values.map(quote).join(", ")}`;
}

function count(value: Json | undefined): number {
  return Array.isArray(value) ? value.length : 0;
}

/** Strings in single quotes, other values as JSON; long ones cut. */
function quote(value: Json | undefined): string {
  const text = typeof value === "string" ? value : JSON.stringify(value ?? null);
  const shown = text.length > longestValue ? `${text.slice(0, longestValue)}…` : text;
  return typeof value === "string" ? `'${shown}'` : shown;
}
