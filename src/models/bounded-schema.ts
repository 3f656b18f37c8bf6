import { validate } from "../core/json-schema.ts";
import { isJsonObject, type Json, type JsonObject, type JsonSchema } from "../core/json.ts";
import { boundedNumber, largestNumber } from "./bounded-number.ts";
import { boundedText } from "./bounded-text.ts";
import { areDisjoint } from "./disjoint.ts";
import { grammarPattern } from "./grammar-pattern.ts";
import { Told, type Path, type Unkept } from "./unkept.ts";

/** How much a model may write where a schema sets no end: a small one would otherwise go on for ever. */
export type Bounds = {
  /** Of a text. */
  characters: number;
  /** Of an array for which the schema has no `maxItems`. */
  items: number;
};

/**
 * The same schema with an end to all that it leaves open, as our grammars have it: what fits it fits the schema too. What cannot be
 * kept is told, and where; then the schema is not to be used. `root` is where the schema will stand in a larger one, as a JSON pointer,
 * since its references count from there.
 */
export function boundedSchema(schema: JsonSchema, bounds: Bounds, root = ""): { schema: Json; unkept: Unkept[] } {
  const walk = new Walk(schema, bounds, root);
  const bounded = walk.bound(schema, { path: [], bounds });
  const definitions = walk.definitions();
  const named = isJsonObject(bounded) ? { ...bounded, ...definitions } : bounded;
  return { schema: named, unkept: walk.told.unkept };
}

/** Where the walk is, and how much may be written there. */
type Place = { path: Path; bounds: Bounds };

/** Of an object whose keys the schema leaves open. */
const mostKeys = 20;
const keyPattern = "^[A-Za-z_][A-Za-z0-9_.-]{0,39}$";

/** Grammars of deeper and of larger schemas are refused. */
const deepest = 64;
const mostNodes = 5000;

/** Keywords by the type that they are about: a schema with one and without a type means that type. */
const typesByKeyword: ReadonlyMap<string, string> = new Map(
  Object.entries({
    string: "minLength maxLength pattern format",
    number: "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf",
    array: "items prefixItems minItems maxItems",
    object: "properties required additionalProperties patternProperties minProperties maxProperties",
  }).flatMap(([type, keywords]) => keywords.split(" ").map((keyword) => [keyword, type] as const)),
);

/** Keywords that leave the value to other schemas. */
const combining = ["$ref", "anyOf", "oneOf", "allOf"] as const;

/** Keywords by which answers are judged, and which no grammar can keep. Those that are nowhere here say nothing of a value. */
const unkeepable: ReadonlySet<string> = new Set(
  `not if contains uniqueItems propertyNames dependentRequired dependentSchemas dependencies unevaluatedProperties unevaluatedItems
  additionalItems $dynamicRef $recursiveRef $id $anchor`.split(/\s+/),
);

class Walk {
  readonly told = new Told();
  /** The definitions that are referred to, by their pointers. */
  readonly #named = new Map<string, Json>();
  #nodes = 0;

  constructor(
    readonly whole: JsonSchema,
    readonly bounds: Bounds,
    readonly root: string,
  ) {}

  bound(schema: Json | undefined, place: Place): Json {
    const { path, bounds } = place;
    if (schema === true || schema === undefined) return anything(bounds);
    if (!isJsonObject(schema))
      return this.told.tell(path, schema === false ? "Nothing fits 'false'" : "It is no schema");
    if (path.length > deepest) return this.told.tell(path, "The schema is nested too deeply for a grammar");
    if (++this.#nodes > mostNodes)
      return this.#nodes === mostNodes + 1 ? this.told.tell([], "The schema is too large for a grammar") : false;
    for (const [keyword, value] of Object.entries(schema)) {
      if (unkeepable.has(keyword) && !isEmpty(keyword, value)) this.told.cannot([...path, keyword], `'${keyword}'`);
    }
    if ("enum" in schema || "const" in schema) return this.#values(schema, path);
    const combiner = combining.find((key) => key in schema);
    if (combiner !== undefined) return this.#combined(combiner, schema, place);
    const types = this.#typesOf(schema, path);
    if (types === undefined) return anything(bounds);
    const node: JsonObject = { type: types.length === 1 ? (types[0] ?? "null") : types };
    if (types.includes("string")) Object.assign(node, boundedText(schema, place, this.bounds, this.told));
    if (types.includes("integer") || types.includes("number"))
      Object.assign(node, boundedNumber(schema, path, !types.includes("number"), this.told));
    if (types.includes("array")) Object.assign(node, this.#array(schema, place));
    if (types.includes("object")) Object.assign(node, this.#object(schema, place));
    return node;
  }

  /** What is referred to, and what that refers to, as it is to stand in the bounded schema. */
  definitions(): JsonObject {
    const done: Record<string, JsonObject> = {};
    // The map grows while it is walked.
    for (const [pointer, schema] of this.#named) {
      const [, group = "", name = ""] = pointer.split("/");
      done[group] = { ...done[group], [name]: this.bound(schema, { path: [group, name], bounds: this.bounds }) };
    }
    return done;
  }

  /** The values that are named, where all else that the schema says lets them. */
  #values(schema: JsonObject, path: Path): Json {
    const key = "const" in schema ? "const" : "enum";
    const { const: only, enum: several } = schema;
    const named = key === "const" ? [only ?? null] : several;
    if (!Array.isArray(named)) return this.told.tell([...path, key], "'enum' is no list");
    const beside = combining.find((keyword) => keyword in schema);
    if (beside !== undefined) return this.told.cannot([...path, beside], `'${beside}' beside '${key}'`);
    const fitting = named.filter((value) => validate(structuredClone(schema), value).length === 0);
    return fitting.length === 0 ? this.told.tell([...path, key], `'${key}' has no value that fits`) : { enum: fitting };
  }

  #combined(combiner: (typeof combining)[number], schema: JsonObject, place: Place): Json {
    const path = [...place.path, combiner];
    const beside = Object.keys(schema).find(
      (key) => key !== combiner && (typesByKeyword.has(key) || combining.some((one) => one === key)),
    );
    if (beside !== undefined) {
      const hint = combiner === "$ref" ? "write it into what is referred to" : "write it into each alternative";
      return this.told.cannot([...place.path, beside], `'${beside}' beside '${combiner}'`, hint);
    }
    const value = schema[combiner];
    if (combiner === "$ref") {
      const named = this.#resolved(schema);
      const alike = isJsonObject(named) && Bun.deepEquals(named["type"], schema["type"]);
      if ("type" in schema && !alike) return this.told.cannot([...place.path, "type"], "'type' beside '$ref'");
      return this.#reference(value, path);
    }
    if (!Array.isArray(value) || value.length === 0) return this.told.tell(path, `'${combiner}' is no list of schemas`);
    const alternatives = value.map((one) => withType(one, schema["type"]));
    if (alternatives.includes(undefined))
      return this.told.cannot([...place.path, "type"], `'type' beside '${combiner}'`);
    if (combiner === "allOf" && alternatives.length > 1)
      return this.told.cannot(path, "'allOf' of several schemas", "write them as one");
    if (combiner === "oneOf") {
      const resolve = (one: Json) => this.#resolved(one) ?? false;
      const mixed = alternatives.findIndex((one, at) =>
        alternatives.slice(0, at).some((other) => !areDisjoint(one ?? true, other ?? true, resolve)),
      );
      if (mixed > 0) {
        const hint = "write 'anyOf', or give each a required property with a 'const' of its own";
        return this.told.cannot([...path, mixed], "'oneOf' whose alternatives may both fit", hint);
      }
    }
    const bounded = alternatives.map((one, at) => this.bound(one, { ...place, path: [...path, at] }));
    return bounded.length === 1 ? (bounded[0] ?? false) : { anyOf: bounded };
  }

  #reference(reference: Json | undefined, path: Path): Json {
    if (typeof reference !== "string") return this.told.tell(path, "'$ref' is no reference");
    if (reference !== "#" && !/^#\/(\$defs|definitions)\/[^/~%]+$/.test(reference))
      return this.told.cannot(path, `'$ref' to '${reference}'`, "write '#/$defs/NAME'");
    if (this.#resolved({ $ref: reference }) === undefined)
      return this.told.tell(path, `'$ref' to '${reference}' leads to no schema`);
    if (reference !== "#") this.#named.set(reference, this.#target(reference) ?? true);
    return { $ref: `#${this.root}${reference.slice(1)}` };
  }

  /** What stands at the end of references; undefined where they lead nowhere, or in a circle. */
  #resolved(schema: Json): Json | undefined {
    const seen = new Set<string>();
    let current: Json | undefined = schema;
    while (isJsonObject(current) && typeof current["$ref"] === "string") {
      const reference: string = current["$ref"];
      if (seen.has(reference)) return undefined;
      seen.add(reference);
      current = this.#target(reference);
    }
    return current;
  }

  #target(reference: string): Json | undefined {
    if (reference === "#") return this.whole;
    const [, group = "", name = ""] = reference.split("/");
    const definitions = this.whole[group];
    return isJsonObject(definitions) && Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  }

  #typesOf(schema: JsonObject, path: Path): string[] | undefined {
    const { type } = schema;
    if (type !== undefined) {
      const types = (Array.isArray(type) ? type : [type]).filter((one) => typeof one === "string");
      const known = types.filter((one) => typeNames.includes(one));
      if (known.length > 0 && known.length === (Array.isArray(type) ? type.length : 1)) return known;
      this.told.tell([...path, "type"], "'type' is none of JSON");
      return undefined;
    }
    const meant = Object.keys(schema).find((key) => typesByKeyword.has(key));
    return meant === undefined ? undefined : [typesByKeyword.get(meant) ?? "null"];
  }

  #array(schema: JsonObject, { path, bounds }: Place): JsonObject {
    const { items, prefixItems } = schema;
    const node: JsonObject = {};
    const inner = quarter(bounds);
    const { least, most } = this.told.counts(schema, "minItems", "maxItems", path);
    if (Array.isArray(items)) this.told.cannot([...path, "items"], "'items' as a list", "write 'prefixItems'");
    if (prefixItems !== undefined && !Array.isArray(prefixItems))
      this.told.tell([...path, "prefixItems"], "'prefixItems' is no list");
    const first = Array.isArray(prefixItems) ? prefixItems : [];
    if (first.length > 0) {
      node["prefixItems"] = first.map((one, at) =>
        this.bound(one, { path: [...path, "prefixItems", at], bounds: inner }),
      );
    }
    const closed = items === false || (items === undefined && first.length > 0);
    node["items"] = closed
      ? false
      : this.bound(Array.isArray(items) ? undefined : items, { path: [...path, "items"], bounds: inner });
    if (least > 0) node["minItems"] = least;
    const ours = closed ? first.length : Math.max(bounds.items, first.length);
    node["maxItems"] = most ?? Math.max(ours, least);
    if (closed && least > first.length)
      this.told.tell([...path, "minItems"], "'minItems' is more than 'prefixItems' has");
    return node;
  }

  #object(schema: JsonObject, place: Place): JsonObject {
    const { path, bounds } = place;
    const { properties, required, additionalProperties: further, patternProperties } = schema;
    const counts = this.told.counts(schema, "minProperties", "maxProperties", path);
    const names = Array.isArray(required) ? required.filter((name) => typeof name === "string") : [];
    const own = new Map(isJsonObject(properties) ? Object.entries(properties) : []);
    if (patternProperties !== undefined) {
      const patterns = isJsonObject(patternProperties) ? Object.entries(patternProperties) : [];
      const [one] = patterns;
      if (own.size > 0 || names.length > 0 || patterns.length !== 1 || one === undefined) {
        this.told.cannot([...path, "patternProperties"], "'patternProperties' beside other properties");
        return {};
      }
      if (grammarPattern(one[0]) === undefined)
        this.told.cannot([...path, "patternProperties", one[0]], `'patternProperties' ${JSON.stringify(one[0])}`);
      const value = this.bound(one[1], { ...place, path: [...path, "patternProperties", one[0]] });
      return open(one[0], value, counts);
    }
    const other = () => this.bound(further, { ...place, path: [...path, "additionalProperties"] });
    for (const name of names) {
      if (own.has(name) && own.get(name) !== false) continue;
      if (own.has(name) || further === false)
        this.told.tell([...path, "required"], `'required' name '${name}' cannot be there`);
      else own.set(name, further ?? true);
    }
    if (own.size === 0 && further !== false) return open(keyPattern, other(), counts);
    const kept = [...own].filter(([, value]) => value !== false);
    const bounded = kept.map(([name, value]): [string, Json] => [
      name,
      this.bound(value, { path: [...path, "properties", name], bounds }),
    ]);
    return {
      properties: Object.fromEntries(bounded),
      ...(names.length > 0 ? { required: [...new Set(names)] } : {}),
      additionalProperties: false,
      ...this.#howMany(counts, kept.length, new Set(names).size, path),
    };
  }

  /** How many properties an object may have of those that it names. */
  #howMany(
    { least, most = Infinity }: { least: number; most?: number },
    all: number,
    needed: number,
    path: Path,
  ): JsonObject {
    if (least > all) this.told.tell([...path, "minProperties"], "'minProperties' is more than it has properties");
    else if (most < needed) this.told.tell([...path, "maxProperties"], "'maxProperties' is less than it requires");
    else if (most < all) this.told.cannot([...path, "maxProperties"], "'maxProperties' beside optional properties");
    else if (least === 1 && needed === 0) return { minProperties: 1 };
    else if (least > needed) this.told.cannot([...path, "minProperties"], "'minProperties' beside optional properties");
    return {};
  }
}

const typeNames = ["string", "number", "integer", "boolean", "object", "array", "null"];

/** Whether a keyword says nothing with this value. */
function isEmpty(keyword: string, value: Json): boolean {
  return value === (keyword !== "uniqueItems") || (keyword === "uniqueItems" && value === false);
}

/** An alternative with the type that stands beside all of them; undefined where it has another one, or none of its own to compare. */
function withType(schema: Json, type: Json | undefined): Json | undefined {
  if (type === undefined) return schema;
  if (!isJsonObject(schema) || combining.some((key) => key in schema)) return undefined;
  if ("enum" in schema || "const" in schema || !("type" in schema)) return { type, ...schema };
  return Bun.deepEquals(schema["type"], type) ? schema : undefined;
}

/** There may be many of what stands in an array: it all adds up. */
function quarter({ characters, items }: Bounds): Bounds {
  return { characters: Math.ceil(characters / 4), items: Math.ceil(items / 4) };
}

function anything({ characters }: Bounds): JsonObject {
  const numbers = { minimum: -largestNumber, maximum: largestNumber };
  return { type: ["string", "number", "boolean", "null"], maxLength: characters, ...numbers };
}

/** An object with a few properties whose names fit a pattern. */
function open(pattern: string, value: Json, { least, most }: { least: number; most?: number }): JsonObject {
  return {
    patternProperties: { [pattern]: value },
    additionalProperties: false,
    ...(least > 0 ? { minProperties: least } : {}),
    maxProperties: Math.min(most ?? Infinity, Math.max(mostKeys, least)),
  };
}
