import { expect, test } from "bun:test";
import { boundedSchema } from "../../src/models/bounded-schema.ts";

const bounds = { characters: 40, items: 8 };
const string = { type: "string", maxLength: 40 };
const number = { minimum: -1e9, maximum: 1e9 };
const anything = { type: ["string", "number", "boolean", "null"], maxLength: 40, ...number };

test("every text, list and number gets an end, and keeps its own where that is nearer", () => {
  expect(boundedSchema({ type: "string", description: "x" }, bounds)).toEqual(string);
  expect(boundedSchema({ type: "string", maxLength: 5 }, bounds)).toEqual({ type: "string", maxLength: 5 });
  expect(boundedSchema({ type: "string", minLength: 50 }, bounds)).toEqual({
    type: "string",
    minLength: 50,
    maxLength: 50,
  });
  expect(boundedSchema({ type: "array", items: { type: "string" }, maxItems: 500 }, bounds)).toEqual({
    type: "array",
    items: { type: "string", maxLength: 10 },
    maxItems: 500,
  });
  expect(boundedSchema({ type: "array", minItems: 9 }, bounds)).toMatchObject({ maxItems: 9 });
  expect(boundedSchema({ type: "integer", minimum: 3e9 }, bounds)).toEqual({
    type: "integer",
    minimum: 3e9,
    maximum: 4e9,
  });
});

test("an object may have what it names, and one that names nothing a few short keys", () => {
  expect(boundedSchema({ type: "object", properties: { title: {}, description: { type: "string" } } }, bounds)).toEqual(
    {
      type: "object",
      properties: { title: anything, description: string },
      additionalProperties: false,
    },
  );
  expect(boundedSchema({ type: "object", required: ["a"] }, bounds)).toMatchObject({ properties: { a: anything } });
  expect(boundedSchema({ type: "object", additionalProperties: { type: "string" } }, bounds)).toMatchObject({
    patternProperties: { "^[A-Za-z_][A-Za-z0-9_.-]{0,39}$": string },
    additionalProperties: false,
    maxProperties: 20,
  });
  expect(boundedSchema({ type: "object", additionalProperties: false }, bounds)).toEqual({
    type: "object",
    additionalProperties: false,
  });
});

test("a schema without a type means the type that its keywords are about", () => {
  expect(boundedSchema({ properties: { a: { minLength: 1 } } }, bounds)).toMatchObject({
    type: "object",
    properties: { a: { type: "string", minLength: 1, maxLength: 40 } },
  });
  expect(boundedSchema({}, bounds)).toEqual(anything);
});

test("a choice is left as it is, and no object is closed where another schema judges it too", () => {
  const choice = { enum: ["a".repeat(100), "b"] };
  expect(boundedSchema(choice, bounds)).toEqual(choice);
  const open = { type: "object", properties: { a: { const: 1 } } };
  expect(boundedSchema({ allOf: [open, { type: "object", required: ["b"] }] }, bounds)).toEqual({
    allOf: [open, { type: "object", required: ["b"] }],
  });
  expect(boundedSchema({ anyOf: [open] }, bounds)).toEqual({ anyOf: [{ ...open, additionalProperties: false }] });
});

test("references count from where the schema will stand", () => {
  const schema = { type: "object", properties: { a: { $ref: "#/$defs/a" } }, $defs: { a: { type: "string" } } };
  expect(boundedSchema(schema, bounds, "/anyOf/0")).toMatchObject({
    properties: { a: { $ref: "#/anyOf/0/$defs/a" } },
    $defs: { a: string },
  });
});
