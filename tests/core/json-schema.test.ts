import { describe, expect, test } from "bun:test";
import type { Json, JsonSchema } from "../../src/core/json.ts";
import { misfits, validate } from "../../src/core/json-schema.ts";

const reading: JsonSchema = {
  type: "object",
  required: ["path"],
  additionalProperties: false,
  properties: {
    path: { type: "string", minLength: 1 },
    limit: { type: "integer", minimum: 1, maximum: 9 },
    output: { enum: ["lines", "files"] },
  },
};

const findings: JsonSchema = {
  type: "object",
  properties: { findings: { type: "array", minItems: 1, items: { $ref: "#/$defs/finding" } } },
  $defs: {
    finding: {
      type: "object",
      required: ["title"],
      additionalProperties: false,
      properties: { title: { type: "string", pattern: "^[A-Z]" }, "a/b~c#ü": { type: ["null", "integer"] } },
    },
  },
};

describe("arguments of a tool", () => {
  const cases: Array<[string, Json, string[]]> = [
    ["what fits has no problems", { path: "a", limit: 3, output: "files" }, []],
    ["a missing property is named", {}, ["'path' is required"]],
    [
      "a wrong name is told the required one that is missing",
      { file: "a" },
      ["'path' is required", "unknown property 'file': did you mean 'path'?"],
    ],
    [
      "a typo is told the nearest free name",
      { path: "a", limt: 1 },
      ["unknown property 'limt': did you mean 'limit'?"],
    ],
    [
      "a stray name is told all names",
      { path: "a", zzz: 1 },
      ["unknown property 'zzz': known are 'path', 'limit', 'output'"],
    ],
    ["a number as text is told its type", { path: "a", limit: "5" }, ["'limit' must be an integer, is a string"]],
    ["a fraction is shown", { path: "a", limit: 2.5 }, ["'limit' must be an integer, is a number (2.5)"]],
    ["a number out of range is told the range", { path: "a", limit: 0 }, ["'limit' must be at least 1, is 0"]],
    ["a choice is told the choices", { path: "a", output: "x" }, ["'output' must be one of 'lines', 'files', is 'x'"]],
    ["an empty text is told its length", { path: "" }, ["'path' must have at least 1 characters, is ''"]],
    ["a list instead of an object is told so", [], ["the value must be an object, is an array"]],
    ["null instead of an object is told so", null, ["the value must be an object, is null"]],
  ];
  for (const [name, value, problems] of cases) test(name, () => expect(validate(reading, value)).toEqual(problems));

  test("an own property named __proto__ is a stray like any other", () => {
    const value: Json = JSON.parse('{ "path": "a", "__proto__": 1 }');
    expect(validate(reading, value)).toEqual(["unknown property '__proto__': known are 'path', 'limit', 'output'"]);
  });
});

describe("answers", () => {
  test("a problem inside a list names its place, through references", () => {
    const value = { findings: [{ title: "a" }, { titel: "B" }, { title: "C", "a/b~c#ü": "x" }] };
    expect(validate(findings, value)).toEqual([
      "'findings[0].title' must match the pattern '^[A-Z]', is 'a'",
      "'findings[1].title' is required",
      "unknown property 'findings[1].titel': did you mean 'title'?",
      "'findings[2].a/b~c#ü' must be null or an integer, is a string",
    ]);
  });

  test("an empty list is told how many it needs", () => {
    expect(validate(findings, { findings: [] })).toEqual(["'findings' must have at least 1 items, has 0"]);
  });

  test("alternatives say what each of them wants", () => {
    const schema = { anyOf: [{ type: "string" }, { type: "object", required: ["q"] }] };
    expect(validate(schema, 3)).toEqual([
      "the value fits none of the alternatives",
      "the value must be a string, is an integer",
      "the value must be an object, is an integer",
    ]);
  });

  test("a quarter of a million problems are ten and a word of more", () => {
    const many = Array.from({ length: 250_000 }, () => 1);
    const problems = validate({ items: { type: "string" } }, many);
    expect(problems).toHaveLength(11);
    expect(problems.at(-1)).toBe("and more of the kind");
  });

  test("a long value is cut in its message", () => {
    const [problem] = validate({ const: "x" }, "y".repeat(1_000_000));
    expect(problem?.length).toBeLessThan(150);
  });
});

describe("what cannot be judged is a problem, not an exception", () => {
  const start = "the value cannot be judged by this schema: ";
  let deep: Json = [];
  for (let level = 0; level < 20_000; level++) deep = [deep];
  const cases: Array<[string, JsonSchema, Json, string]> = [
    ["a reference to nowhere", { $ref: "#/nope" }, 1, `${start}Unresolved $ref "#/nope".`],
    ["a malformed pattern", { pattern: "(" }, "x", `${start}Invalid regular expression: missing )`],
    ["a value nested too deeply", { items: { $ref: "#" } }, deep, `${start}Maximum call stack size exceeded.`],
    [
      "half a surrogate pair as a key",
      { additionalProperties: { type: "string" } },
      { "\ud800": 1 },
      `${start}String contained an illegal UTF-16 sequence.`,
    ],
  ];
  for (const [name, schema, value, problem] of cases)
    test(name, () => expect(validate(schema, value)).toEqual([problem]));
});

describe("arguments of a call", () => {
  const any: JsonSchema = { type: "object" };

  test("with half a character are refused, wherever it is", () => {
    expect(misfits(any, { edits: [{ new_text: "a\ud83d b" }] })).toEqual([
      "'edits[0].new_text' holds half a character (\\ud83d): write the whole one",
    ]);
    expect(misfits(any, { "\ude00": "" })).toEqual([
      "the name '\ufffd' holds half a character (\\ude00): write the whole one",
    ]);
    expect(misfits(any, { text: "\u{1f600}\0", list: [null, 1, true] })).toEqual([]);
  });

  test("are looked into however deep they are", () => {
    let value: Json = "\udc00";
    for (let depth = 0; depth < 100_000; depth++) value = [value];
    expect(misfits(any, { value })).toHaveLength(1);
  });

  test("that do not fit are told by the schema", () => {
    expect(misfits(reading, {})).toEqual(["'path' is required"]);
  });
});
