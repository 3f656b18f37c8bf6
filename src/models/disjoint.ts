import { validate } from "../core/json-schema.ts";
import { isJsonObject, type Json, type JsonObject, type JsonSchema } from "../core/json.ts";

/** How deep the constant may lie that tells two schemas apart. */
const deepest = 4;

/**
 * Whether no value fits both schemas, as far as types and constants tell: also by a property that one of them requires. `resolve` gives
 * what a schema refers to.
 */
export function areDisjoint(a: Json, b: Json, resolve: (schema: Json) => Json, depth = 0): boolean {
  const [first, second] = [resolve(a), resolve(b)];
  if (!isJsonObject(first) || !isJsonObject(second)) return false;
  const [values, others] = [valuesOf(first), valuesOf(second)];
  if (values !== undefined && others === undefined && isPlain(second))
    return values.every((value) => !fits(second, value));
  if (others !== undefined && values === undefined && isPlain(first))
    return others.every((value) => !fits(first, value));
  if (values !== undefined && others !== undefined)
    return values.every((value) => !others.some((other) => Bun.deepEquals(value, other)));
  const [types, otherTypes] = [typesIn(first), typesIn(second)];
  if (types === undefined || otherTypes === undefined) return false;
  if (!types.some((type) => otherTypes.includes(type))) return true;
  if (depth === deepest || [...types, ...otherTypes].some((type) => type !== "object")) return false;
  const [properties, otherProperties] = [mapIn(first, "properties"), mapIn(second, "properties")];
  return [...namesIn(first), ...namesIn(second)].some((name) => {
    const [one, other] = [properties[name], otherProperties[name]];
    return one !== undefined && other !== undefined && areDisjoint(one, other, resolve, depth + 1);
  });
}

function valuesOf(schema: JsonObject): Json[] | undefined {
  const { const: only, enum: several } = schema;
  return only !== undefined ? [only] : Array.isArray(several) ? several : undefined;
}

/** Without references, which lead out of it. */
function isPlain(schema: JsonObject): boolean {
  return !JSON.stringify(schema).includes('"$ref"');
}

function fits(schema: JsonSchema, value: Json): boolean {
  return validate(structuredClone(schema), value).length === 0;
}

/** A whole number is a number. */
function typesIn({ type }: JsonObject): string[] | undefined {
  const types = (Array.isArray(type) ? type : [type]).filter((one) => typeof one === "string");
  return types.length === 0 ? undefined : types.map((one) => (one === "integer" ? "number" : one));
}

function mapIn(schema: JsonObject, key: string): JsonObject {
  const value = schema[key];
  return isJsonObject(value) ? value : {};
}

function namesIn({ required }: JsonObject): string[] {
  return Array.isArray(required) ? required.filter((name) => typeof name === "string") : [];
}
