import { isJsonObject, type Json, type JsonObject } from "../../src/core/json.ts";
import type { random } from "../native/random.ts";

type Chance = ReturnType<typeof random>;

/** What a text may be made of: what has a meaning to paths, shells, patterns, terminals or encodings. */
const characters = [
  "a",
  "Z",
  "7",
  " ",
  "/",
  ".",
  "-",
  "*",
  "'",
  '"',
  "\\",
  "$",
  "{",
  "\n",
  "\0",
  "\u001b",
  "é",
  "漢",
  "😀",
];

const types = ["string", "integer", "number", "boolean", "null", "array", "object"] as const;
type Type = (typeof types)[number];

/** The keywords that `fitting` and `broken` know. A schema with another one is told of, so that none is passed over. */
const known: ReadonlySet<string> = new Set(
  "type description enum properties required additionalProperties items minItems maxItems minLength maxLength minimum maximum exclusiveMinimum".split(
    " ",
  ),
);

/** A value that fits a schema. */
export function fitting(schema: Json | undefined, chance: Chance): Json {
  if (!isJsonObject(schema)) return chance.pick<Json>([null, true, 1, "x", [], {}]);
  const strange = Object.keys(schema).filter((keyword) => !known.has(keyword));
  if (strange.length > 0) throw new Error(`This test makes no values for '${strange.join("', '")}'`);
  if (Array.isArray(schema["enum"])) return chance.pick(schema["enum"]);
  return ofType(chance.pick(typesOf(schema)), schema, chance);
}

function ofType(type: Type, schema: JsonObject, chance: Chance): Json {
  switch (type) {
    case "null":
      return null;
    case "boolean":
      return chance.next() < 0.5;
    case "integer":
    case "number": {
      const above = schema["exclusiveMinimum"];
      const least = number(schema["minimum"]) ?? (number(above) === undefined ? -1e6 : Number(above) + 1e-6);
      const most = number(schema["maximum"]) ?? least + 2e6;
      const value = chance.pick([least, most, least + chance.next() * (most - least)]);
      return type === "integer" ? Math.floor(value) : value;
    }
    case "string": {
      const least = number(schema["minLength"]) ?? 0;
      return text(chance, size(chance, least, number(schema["maxLength"]) ?? 5000, 20));
    }
    case "array": {
      const length = size(chance, number(schema["minItems"]) ?? 0, number(schema["maxItems"]) ?? 50, 4);
      return Array.from({ length }, () => fitting(schema["items"], chance));
    }
    case "object":
      return object(schema, chance);
  }
}

function object(schema: JsonObject, chance: Chance): JsonObject {
  const { required, additionalProperties } = schema;
  const made: JsonObject = {};
  for (const [name, below] of propertiesOf(schema)) {
    const must = Array.isArray(required) && required.includes(name);
    if (must || chance.next() < 0.4) made[name] = fitting(below, chance);
  }
  if (additionalProperties !== false) {
    for (let more = chance.below(3); more > 0; more--)
      made[`_${text(chance, 3)}`] = fitting(additionalProperties, chance);
  }
  return made;
}

/** Mostly small; now and then the least or the most. */
function size(chance: Chance, least: number, most: number, usual: number): number {
  const roll = chance.below(40);
  if (roll === 0) return most;
  return roll < 5 ? least : Math.min(most, least + chance.below(usual));
}

function text(chance: Chance, length: number): string {
  return Array.from({ length }, () => chance.pick(characters)).join("");
}

/** A value that does not fit for one reason, anywhere in it. */
export function broken(schema: JsonObject, chance: Chance): Json {
  const value = fitting(schema, chance);
  const ways = waysToBreak(schema, value, chance);
  return chance.pick(ways)();
}

type Way = () => Json;

function waysToBreak(schema: JsonObject, value: Json, chance: Chance): Way[] {
  const ways: Way[] = [() => ofType(chance.pick(wrongTypes(schema)), {}, chance)];
  if (Array.isArray(schema["enum"])) return [...ways, () => `${text(chance, 5)}?`];
  const { minimum, maximum, exclusiveMinimum, minLength, maxLength, minItems, maxItems } = schema;
  const least = number(minimum) ?? number(exclusiveMinimum);
  if (least !== undefined) ways.push(() => (minimum === undefined ? least : least - 1));
  const most = number(maximum);
  if (most !== undefined) ways.push(() => most + 1);
  const shortest = number(minLength) ?? 0;
  if (shortest > 0) ways.push(() => text(chance, shortest - 1));
  const longest = number(maxLength);
  if (longest !== undefined) ways.push(() => text(chance, longest + 1));
  if (typesOf(schema).includes("integer") && !typesOf(schema).includes("number")) ways.push(() => (least ?? 0) + 0.5);
  const { items } = schema;
  if (Array.isArray(value)) {
    const fewest = number(minItems) ?? 0;
    if (fewest > 0) ways.push(() => value.slice(0, fewest - 1));
    const greatest = number(maxItems);
    if (greatest !== undefined)
      ways.push(() => Array.from({ length: greatest + 1 }, (_, at) => value[at] ?? fitting(items, chance)));
    const at = chance.below(value.length);
    const item = value[at];
    if (item !== undefined && isJsonObject(items))
      ways.push(...waysToBreak(items, item, chance).map((way) => () => value.with(at, way())));
  }
  if (isJsonObject(value)) {
    const { required, additionalProperties } = schema;
    for (const name of Array.isArray(required) ? required.map(String) : []) {
      const { [name]: _, ...rest } = value;
      ways.push(() => rest);
    }
    if (additionalProperties === false) ways.push(() => ({ ...value, [`_${text(chance, 3)}`]: true }));
    for (const [name, below] of propertiesOf(schema)) {
      const inner = waysToBreak(below, value[name] ?? fitting(below, chance), chance);
      ways.push(...inner.map((way) => () => ({ ...value, [name]: way() })));
    }
  }
  return ways;
}

function propertiesOf({ properties }: JsonObject): Array<[string, JsonObject]> {
  return Object.entries(isJsonObject(properties) ? properties : {}).flatMap(([name, schema]) =>
    isJsonObject(schema) ? [[name, schema] as [string, JsonObject]] : [],
  );
}

function typesOf({ type, enum: choices }: JsonObject): Type[] {
  if (type === undefined && Array.isArray(choices)) return ["string"];
  const named = Array.isArray(type) ? type : [type];
  return types.filter((one) => named.includes(one));
}

/** A whole number may also be an integer: so neither stands in for the other. */
function wrongTypes(schema: JsonObject): Type[] {
  const right = typesOf(schema);
  const numeric = right.some((type) => type === "integer" || type === "number");
  return types.filter((type) => !right.includes(type) && !(numeric && (type === "integer" || type === "number")));
}

function number(value: Json | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}
