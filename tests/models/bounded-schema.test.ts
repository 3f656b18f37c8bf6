import { expect, test } from "bun:test";
import { validate } from "../../src/core/json-schema.ts";
import type { Json, JsonObject, JsonSchema } from "../../src/core/json.ts";
import { boundedSchema } from "../../src/models/bounded-schema.ts";
import { grammarFor } from "../../src/models/local-grammar.ts";
import { checkGrammar } from "../../src/native/local.ts";
import { loadTools, toolNames } from "../../src/tools/index.ts";
import { random } from "../native/random.ts";
import { toolSets } from "../helpers/tool-sets.ts";

const bounds = { characters: 40, items: 8 };
const string = { type: "string", maxLength: 40 };
const number = { minimum: -1e9, maximum: 1e9 };
/** What becomes of a schema that can be kept. */
function bounded(schema: JsonSchema, root?: string): Json {
  const made = boundedSchema(schema, bounds, root);
  expect(made.unkept).toEqual([]);
  return made.schema;
}

/** What is wrong with one that cannot. */
function unkept(schema: JsonSchema): string[] {
  return boundedSchema(schema, bounds).unkept.map(({ path, message }) => `/${path.join("/")} ${message}`);
}

const anything = { type: ["string", "number", "boolean", "null"], maxLength: 40, ...number };

test("every text, list and number gets an end, and keeps its own where that is nearer", () => {
  expect(bounded({ type: "string", description: "x" })).toEqual(string);
  expect(bounded({ type: "string", maxLength: 5 })).toEqual({ type: "string", maxLength: 5 });
  expect(bounded({ type: "string", minLength: 50 })).toEqual({
    type: "string",
    minLength: 50,
    maxLength: 50,
  });
  expect(bounded({ type: "array", items: { type: "string" }, maxItems: 500 })).toEqual({
    type: "array",
    items: { type: "string", maxLength: 10 },
    maxItems: 500,
  });
  expect(bounded({ type: "array", minItems: 9 })).toMatchObject({ maxItems: 9 });
  expect(bounded({ type: "integer", minimum: 3e9 })).toEqual({
    type: "integer",
    minimum: 3e9,
    maximum: 4e9,
  });
});

test("an object may have what it names, and one that names nothing a few short keys", () => {
  expect(bounded({ type: "object", properties: { title: {}, description: { type: "string" } } })).toEqual({
    type: "object",
    properties: { title: anything, description: string },
    additionalProperties: false,
  });
  expect(bounded({ type: "object", required: ["a"] })).toMatchObject({ properties: { a: anything } });
  expect(bounded({ type: "object", additionalProperties: { type: "string" } })).toMatchObject({
    patternProperties: { "^[A-Za-z_][A-Za-z0-9_.-]{0,39}$": string },
    additionalProperties: false,
    maxProperties: 20,
  });
  expect(bounded({ type: "object", additionalProperties: false })).toMatchObject({
    properties: {},
    additionalProperties: false,
  });
});

test("a schema without a type means the type that its keywords are about", () => {
  expect(bounded({ properties: { a: { minLength: 1 } } })).toMatchObject({
    type: "object",
    properties: { a: { type: "string", minLength: 1, maxLength: 40 } },
  });
  expect(bounded({})).toEqual(anything);
});

test("of a choice those values stay that fit all else", () => {
  const choice = { enum: ["a".repeat(100), "b"] };
  expect(bounded(choice)).toEqual(choice);
  expect(bounded({ type: "string", enum: ["a", null, 1], maxLength: 3 })).toEqual({ enum: ["a"] });
});

test("alternatives are closed like all objects, which of some only one may fit are told apart first", () => {
  const kind = (name: string) => ({ type: "object", properties: { kind: { const: name } }, required: ["kind"] });
  const closed = (name: string) => ({
    ...kind(name),
    properties: { kind: { enum: [name] } },
    additionalProperties: false,
  });
  expect(bounded({ oneOf: [kind("a"), kind("b"), { type: "null" }] })).toEqual({
    anyOf: [closed("a"), closed("b"), { type: "null" }],
  });
  expect(bounded({ type: "object", anyOf: [kind("a"), kind("a")] })).toEqual({ anyOf: [closed("a"), closed("a")] });
  expect(bounded({ allOf: [kind("a")], title: "A" })).toEqual(closed("a"));
});

test("what a pattern or a format needs is not cut short, and one with an end of its own needs none", () => {
  const list = (items: JsonObject) => ({ type: "array", items, maxItems: 1 });
  expect(bounded(list(list({ type: "string", format: "uuid" })))).toMatchObject({
    items: { items: { format: "uuid", maxLength: 40 } },
  });
  expect(bounded({ type: "string", pattern: "^[a-z]{2,90}$" })).toEqual({ type: "string", pattern: "^[a-z]{2,90}$" });
  expect(bounded({ type: "string", pattern: "[a-z]" })).toEqual({ type: "string", pattern: "[a-z]", maxLength: 40 });
});

test("references count from where the schema will stand", () => {
  const schema = { type: "object", properties: { a: { $ref: "#/$defs/a" } }, $defs: { a: { type: "string" } } };
  expect(bounded(schema, "/anyOf/0")).toMatchObject({
    properties: { a: { $ref: "#/anyOf/0/$defs/a" } },
    $defs: { a: string },
  });
});

test("what no grammar can keep is told with its place", () => {
  const rows: Array<[JsonSchema, string]> = [
    [{ type: "array", uniqueItems: true }, "/uniqueItems A grammar cannot keep 'uniqueItems'"],
    [{ properties: { a: { not: {} } } }, "/properties/a/not A grammar cannot keep 'not'"],
    [{ type: "string", pattern: "^(?=.*a).{8}$" }, `/pattern A grammar cannot keep 'pattern' "^(?=.*a).{8}$"`],
    [{ type: "string", pattern: "a\\b" }, `/pattern A grammar cannot keep 'pattern' "a\\\\b"`],
    [{ items: { format: "uri-template" } }, "/items/format A grammar cannot keep 'format' 'uri-template'"],
    [
      { oneOf: [{ type: "number" }, { type: "integer" }] },
      "/oneOf/1 A grammar cannot keep 'oneOf' whose alternatives may both fit",
    ],
    [{ allOf: [{ type: "object" }, { required: ["a"] }] }, "/allOf A grammar cannot keep 'allOf' of several schemas"],
    [{ anyOf: [{}], required: ["a"] }, "/required A grammar cannot keep 'required' beside 'anyOf'"],
    [{ $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/a" } } }, "/$ref '$ref' to '#/$defs/a' leads to no schema"],
    [{ $ref: "#/$defs/a", $defs: { a: { contains: {} } } }, "/$defs/a/contains A grammar cannot keep 'contains'"],
    [
      { type: "string", $ref: "#/$defs/a", $defs: { a: { type: "array" } } },
      "/type A grammar cannot keep 'type' beside '$ref'",
    ],
    [{ type: "number", multipleOf: 0.07 }, "/multipleOf A grammar cannot keep 'multipleOf' 0.07"],
    [{ type: "integer", minimum: 0.2, maximum: 0.8 }, "/ No number fits"],
    [{ type: "string", minLength: 5, maxLength: 4 }, "/minLength 'minLength' is more than 'maxLength'"],
    [{ type: "array", items: [{}] }, "/items A grammar cannot keep 'items' as a list"],
    [{ required: ["a"], additionalProperties: false }, "/required 'required' name 'a' cannot be there"],
    [
      { properties: { a: {}, b: {} }, maxProperties: 1 },
      "/maxProperties A grammar cannot keep 'maxProperties' beside optional properties",
    ],
    [{ enum: ["a"], type: "number" }, "/enum 'enum' has no value that fits"],
    [{ type: "any" }, "/type 'type' is none of JSON"],
  ];
  for (const [schema, expected] of rows) expect(unkept(schema)).toEqual([expected]);
  // What says nothing is no obstacle.
  bounded({ type: "array", uniqueItems: false, "x-order": 1, $schema: "https://json-schema.org/draft/2020-12/schema" });
});

test("a name that objects have of themselves is a name like others", () => {
  const schema: JsonSchema = JSON.parse('{"properties": {"__proto__": {"type": "null"}}, "required": ["constructor"]}');
  expect(Object.keys(Object(Object(bounded(schema))["properties"]))).toEqual(["__proto__", "constructor"]);
});

test("all tools of ours can be called", async () => {
  for (const { name, input } of await loadTools(toolNames))
    expect({ name, unkept: unkept(input) }).toEqual({ name, unkept: [] });
  for (const { name, input } of toolSets.flat()) expect({ name, unkept: unkept(input) }).toEqual({ name, unkept: [] });
});

const { below, pick } = random(11);

/** Schemas of all kinds, some of them wrong. */
function anySchema(depth: number): Json {
  const inner = () => anySchema(depth - 1);
  const some = (values: JsonObject): JsonObject =>
    Object.fromEntries(Object.entries(values).filter(() => below(3) === 0));
  const simple: Array<() => Json> = [
    () => ({ type: "string", ...some({ minLength: below(6), maxLength: below(9) }) }),
    () => ({
      type: "string",
      pattern: pick(["^a+$", "b|c", "^(x|yz){2}$", "^\\d{3}-[A-Z_]*$", "\\w\\b", "^[^\\s/]+\\.md$", "", "^é.$"]),
    }),
    () => ({
      type: "string",
      format: pick(["date", "date-time", "uuid", "uri", "url", "email", "x"]),
      ...some({ pattern: "^a" }),
    }),
    () => ({
      type: pick(["number", "integer"]),
      ...some({
        minimum: below(9) - 4,
        maximum: below(20) / 4,
        exclusiveMinimum: below(4) - 2,
        exclusiveMaximum: below(9),
        multipleOf: pick([0.5, 1, 3, 0.01, 0.07, 1e-7]),
      }),
    }),
    () => ({ type: "number", minimum: pick([-1e21, 1e-7, 5e9, -0.1]), ...some({ maximum: pick([1e22, 0.2, 6e9]) }) }),
    () => ({
      enum: [pick(["a", 1, null, 'é"\\', 1.5, 1e21, -0, true, { a: [1] }]), pick(["b", 2, [], {}])],
      ...some({ type: pick(["string", "object"]) }),
    }),
    () => ({ const: pick(["a", "b", 3, null]) }),
    () =>
      pick<Json>([
        true,
        false,
        {},
        { description: "x" },
        { type: ["string", "null"] },
        { type: "boolean" },
        { type: [] },
      ]),
    () => ({
      $ref: pick(["#/$defs/a", "#/$defs/b", "#", "#/$defs/none", "#/properties/a"]),
      ...some({ description: "x", type: "string" }),
    }),
  ];
  const nested: Array<() => Json> = [
    () => ({
      type: "array",
      ...some({
        items: inner(),
        minItems: below(4),
        maxItems: below(5),
        prefixItems: [inner(), inner()],
        uniqueItems: true,
      }),
    }),
    () => ({
      type: "object",
      ...some({
        properties: { a: inner(), b: inner() },
        required: [pick(["a", "b", "c"])],
        additionalProperties: inner(),
      }),
      ...some({ minProperties: below(3), maxProperties: below(4) }),
    }),
    () => ({
      type: "object",
      patternProperties: { [pick(["^a", "^[a-z]{1,3}$", "(?!a)"])]: inner() },
      ...some({ maxProperties: 2 }),
    }),
    () => ({
      [pick(["anyOf", "oneOf", "allOf"])]: [inner(), inner()].slice(below(2)),
      ...some({ type: "object", title: "x", not: {} }),
    }),
    () => ({
      oneOf: ["a", "b"].map((kind) => ({
        type: "object",
        properties: { kind: { const: kind }, x: inner() },
        required: ["kind"],
      })),
    }),
  ];
  return pick(depth > 0 && below(3) > 0 ? nested : simple)();
}

/** Values of all kinds. */
function anyValue(depth: number): Json {
  const inner = () => anyValue(depth - 1);
  const simple = () => pick<Json>(["", "a", "b", "aaaa", "xyz", 0, 1, 2.5, -3, 1e21, null, true]);
  if (depth === 0 || below(3) === 0) return simple();
  return below(2) === 0
    ? [inner(), inner()].slice(below(3))
    : Object.fromEntries(["a", "b", "kind", "x"].slice(below(4)).map((key) => [key, inner()]));
}

/** 20,000 in the campaign. */
const [rounds, timeout] = process.env["REIN_CAMPAIGN"] === undefined ? [200, 5000] : [20_000, 600_000];

test(
  "whatever can be kept makes a grammar, by itself and as the input of a tool, and what fits it fits the schema",
  async () => {
    const seen = { kept: 0, not: 0, fitting: 0 };
    for (let round = 0; round < rounds; round++) {
      const made = anySchema(3);
      if (typeof made !== "object" || made === null || Array.isArray(made)) continue;
      const schema: JsonSchema = {
        ...made,
        $defs: { a: anySchema(1), b: { type: "object", properties: { a: { $ref: "#" } } } },
      };
      const { schema: end, unkept } = boundedSchema(schema, bounds);
      if (unkept.length > 0) {
        seen.not++;
        continue;
      }
      seen.kept++;
      const tool = { name: "t", description: "", input: schema };
      for (const grammar of [
        grammarFor([], schema, "answer", bounds),
        grammarFor([tool, tool], undefined, "any", bounds),
      ]) {
        const checked = grammar.ok && grammar.value !== undefined ? await checkGrammar(grammar.value) : grammar;
        expect({ schema, end, checked }).toEqual({ schema, end, checked: { ok: true, value: undefined } });
      }
      for (let value = 0; value < 5; value++) {
        const one = anyValue(2);
        const endSchema = typeof end === "object" && end !== null && !Array.isArray(end) ? end : {};
        if (validate(structuredClone(endSchema), one).length > 0) continue;
        seen.fitting++;
        expect({ schema, end, one, problems: validate(structuredClone(schema), one) }).toEqual({
          schema,
          end,
          one,
          problems: [],
        });
      }
    }
    // It would prove nothing of one kind alone.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(rounds / 20);
  },
  timeout,
);
