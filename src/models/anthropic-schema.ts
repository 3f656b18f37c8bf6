import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";

/** The keywords that a model can be held to, and those of their values that it can. */
const keywords: Record<string, (value: Json) => boolean> = {
  $schema: () => true,
  title: () => true,
  description: () => true,
  type: (value) => typeof value === "string" || (Array.isArray(value) && !value.includes("object")),
  enum: (value) => Array.isArray(value) && value.every(isPlain),
  const: isPlain,
  anyOf: (value) => Array.isArray(value) && value.every(takes),
  properties: (value) => isJsonObject(value) && Object.values(value).every(takes),
  required: () => true,
  additionalProperties: (value) => value === false,
  items: takes,
  minItems: (value) => value === 0 || value === 1,
  format: (value) => typeof value === "string" && formats.has(value),
};

const formats: ReadonlySet<string> = new Set(
  "date-time time date duration email hostname uri ipv4 ipv6 uuid".split(" "),
);

/** The most properties that may be left out, and the most values of several types, in one schema. */
const mostOptional = 24;
const mostUnions = 16;

/** Keywords that only narrow what the rest of a schema allows: without them it allows all that it did, and more. */
const narrowing: ReadonlySet<string> = new Set(
  (
    "minLength maxLength pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf " +
    "minItems maxItems uniqueItems default examples deprecated readOnly writeOnly $comment"
  ).split(" "),
);

/**
 * What a model can be held to of a schema (https://platform.claude.com/docs/en/build-with-claude/structured-outputs): the schema
 * itself (`whole`), or one that allows more; undefined where it would have to forbid what the schema allows. The SDK would rewrite
 * those, and an object whose properties are not all named would always be empty.
 */
export function heldTo(schema: JsonObject): { schema: JsonObject; whole: boolean } | undefined {
  const loose = loosened(schema);
  if (!takes(loose) || count(loose, optional) > mostOptional || count(loose, unions) > mostUnions) return undefined;
  return { schema: loose, whole: JSON.stringify(loose) === JSON.stringify(schema) };
}

/** The schema without the narrowing keywords that a model cannot be held to. */
function loosened(schema: JsonObject): JsonObject {
  const inner = (value: Json) => (isJsonObject(value) ? loosened(value) : value);
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key, value]) => !narrowing.has(key) || keywords[key]?.(value) === true)
      .map(([key, value]): [string, Json] => {
        if (key === "items") return [key, inner(value)];
        if (key === "anyOf" && Array.isArray(value)) return [key, value.map(inner)];
        if (key !== "properties" || !isJsonObject(value)) return [key, value];
        return [key, Object.fromEntries(Object.entries(value).map(([name, one]) => [name, inner(one)]))];
      }),
  );
}

function takes(schema: Json): boolean {
  if (!isJsonObject(schema)) return false;
  if (schema["type"] === "object" && schema["additionalProperties"] !== false) return false;
  return Object.entries(schema).every(
    ([key, value]) => Object.hasOwn(keywords, key) && keywords[key]?.(value) === true,
  );
}

function isPlain(value: Json): boolean {
  return value === null || typeof value !== "object";
}

/** Sums up `what` over a schema that was taken, and all schemas in it. */
function count(schema: Json, what: (schema: JsonObject) => number): number {
  if (!isJsonObject(schema)) return 0;
  const { properties, items = null, anyOf } = schema;
  const inner = [
    ...(isJsonObject(properties) ? Object.values(properties) : []),
    items,
    ...(Array.isArray(anyOf) ? anyOf : []),
  ];
  return inner.reduce((sum: number, one) => sum + count(one, what), what(schema));
}

function optional({ properties, required }: JsonObject): number {
  const needed = Array.isArray(required) ? required : [];
  return isJsonObject(properties) ? Object.keys(properties).filter((name) => !needed.includes(name)).length : 0;
}

function unions({ anyOf, type }: JsonObject): number {
  return anyOf !== undefined || Array.isArray(type) ? 1 : 0;
}
