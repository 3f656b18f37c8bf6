import { isJsonObject, type Json, type JsonObject, type JsonSchema } from "../core/json.ts";

/** How much a model may write where a schema sets no end: a small one would otherwise go on for ever. */
export type Bounds = {
  /** Of a text. */
  characters: number;
  /** Of an array for which the schema has no `maxItems`. */
  items: number;
};

/** The largest whole number that needs no more digits than anybody writes by hand. */
const largestNumber = 1_000_000_000;

/** Of an object whose keys the schema leaves open. */
const mostKeys = 20;
const keyPattern = "^[A-Za-z_][A-Za-z0-9_.-]{0,39}$";

/**
 * The same schema with an end to all that it leaves open: what fits it fits the schema too. `root` is where the schema will stand in
 * a larger one, as a JSON pointer, since its references count from there.
 */
export function boundedSchema(schema: JsonSchema, bounds: Bounds, root = ""): Json {
  return bound(schema, { bounds, root, closes: true });
}

/** `closes`: whether objects may be closed. Not where several schemas judge the same value: one must allow what another asks for. */
type Context = { bounds: Bounds; root: string; closes: boolean };

/** What says nothing of a value. */
const annotations: ReadonlySet<string> = new Set(
  "$schema $comment title description default examples deprecated readOnly writeOnly".split(" "),
);

/** Keywords that have the value judged by other schemas. */
const combining = ["$ref", "allOf", "anyOf", "oneOf"] as const;

function bound(schema: Json, context: Context): Json {
  if (schema === true) return anything(context.bounds);
  if (!isJsonObject(schema)) return schema;
  const node: JsonObject = {};
  for (const [key, value] of Object.entries(schema)) if (!annotations.has(key)) node[key] = inner(key, value, context);
  if ("enum" in node || "const" in node) return node;
  const combined = combining.some((key) => key in node);
  const types = typesOf(node);
  if (types === undefined) return combined ? node : { ...node, ...anything(context.bounds) };
  node["type"] = types.length === 1 ? (types[0] ?? "null") : types;
  if (types.includes("string")) node["maxLength"] = atMost(node, "maxLength", "minLength", context.bounds.characters);
  if (types.includes("integer") || types.includes("number")) boundNumber(node);
  if (types.includes("array")) boundArray(node, context.bounds);
  if (types.includes("object") && context.closes && !combined) closeObject(node, schema, context.bounds);
  return node;
}

/** What stands under a keyword, with the schemas in it bounded. */
function inner(key: string, value: Json, context: Context): Json {
  // In an alternative that must be the only one to fit, a closed object would rule out what the open one does not.
  const shared = { ...context, closes: false };
  switch (key) {
    case "$ref":
      return typeof value === "string" && value.startsWith("#") ? `#${context.root}${value.slice(1)}` : value;
    case "properties":
    case "patternProperties":
    case "$defs":
    case "definitions":
      return isJsonObject(value) ? mapped(value, (one) => bound(one, context)) : value;
    case "items":
      return bound(value, { ...context, bounds: quarter(context.bounds) });
    case "additionalProperties":
      return bound(value, context);
    case "anyOf":
    case "prefixItems":
      return Array.isArray(value) ? value.map((one) => bound(one, context)) : value;
    case "allOf":
    case "oneOf":
      return Array.isArray(value) ? value.map((one) => bound(one, shared)) : value;
    default:
      return value;
  }
}

/** There may be many of what stands in an array: it all adds up. */
function quarter({ characters, items }: Bounds): Bounds {
  return { characters: Math.ceil(characters / 4), items: Math.ceil(items / 4) };
}

function mapped(object: JsonObject, change: (value: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));
}

function anything({ characters }: Bounds): JsonObject {
  const numbers = { minimum: -largestNumber, maximum: largestNumber };
  return { type: ["string", "number", "boolean", "null"], maxLength: characters, ...numbers };
}

/** Keywords by the type that they are about: a schema with one and without a type means that type. */
const typesByKeyword: Record<string, string> = {
  properties: "object",
  required: "object",
  additionalProperties: "object",
  patternProperties: "object",
  items: "array",
  prefixItems: "array",
  minItems: "array",
  maxItems: "array",
  minLength: "string",
  maxLength: "string",
  pattern: "string",
  format: "string",
  minimum: "number",
  maximum: "number",
  exclusiveMinimum: "number",
  exclusiveMaximum: "number",
  multipleOf: "number",
};

function typesOf(node: JsonObject): string[] | undefined {
  const { type } = node;
  if (typeof type === "string") return [type];
  if (Array.isArray(type)) return type.filter((one) => typeof one === "string");
  if (combining.some((key) => key in node)) return undefined;
  const meant = Object.keys(node).find((key) => typesByKeyword[key] !== undefined);
  return meant === undefined ? undefined : [typesByKeyword[meant] ?? "null"];
}

/** The smaller of a limit of the schema and ours; never below what the schema asks for at least. */
function atMost(node: JsonObject, most: string, least: string, ours: number): number {
  const [theirs, needed] = [node[most], node[least]];
  const bounded = Math.max(ours, typeof needed === "number" ? needed : 0);
  return typeof theirs === "number" ? Math.min(theirs, bounded) : bounded;
}

function boundNumber(node: JsonObject): void {
  const value = (...names: string[]) => names.map((name) => node[name]).find((one) => typeof one === "number");
  const low = value("minimum", "exclusiveMinimum");
  const high = value("maximum", "exclusiveMaximum");
  if (low === undefined) node["minimum"] = Math.min(-largestNumber, (high ?? 0) - largestNumber);
  if (high === undefined) node["maximum"] = Math.max(largestNumber, (low ?? 0) + largestNumber);
}

function boundArray(node: JsonObject, bounds: Bounds): void {
  const least = node["minItems"];
  node["maxItems"] ??= Math.max(bounds.items, typeof least === "number" ? least : 0);
  if (node["items"] === undefined)
    node["items"] = node["prefixItems"] === undefined ? anything(quarter(bounds)) : false;
}

/** Leaves an object the keys that it names; one that names none gets a few short ones. */
function closeObject(node: JsonObject, schema: JsonObject, bounds: Bounds): void {
  if (node["patternProperties"] !== undefined) return;
  const further = node["additionalProperties"];
  const value = isJsonObject(further) ? further : anything(bounds);
  const named: JsonObject = isJsonObject(node["properties"]) ? { ...node["properties"] } : {};
  if (further === false && Object.keys(named).length === 0) return;
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  for (const name of required) if (typeof name === "string" && further !== false) named[name] ??= value;
  if (Object.keys(named).length > 0) {
    node["properties"] = named;
    node["additionalProperties"] = false;
    return;
  }
  node["patternProperties"] = { [keyPattern]: value };
  node["additionalProperties"] = false;
  node["maxProperties"] = atMost(node, "maxProperties", "minProperties", mostKeys);
}
