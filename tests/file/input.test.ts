import { expect, test } from "bun:test";
import type { JsonObject } from "../../src/core/json.ts";
import type { InputSpec } from "../../src/core/plan.ts";
import { inputValues } from "../../src/file/input.ts";

function given(specs: Record<string, InputSpec>, texts: Record<string, string>, values: JsonObject = {}) {
  return inputValues(specs, { texts: new Map(Object.entries(texts)), values });
}

/** What is said against one text for an input of a type. */
function said(spec: InputSpec, text: string): string | undefined {
  const result = given({ it: spec }, { it: text });
  return result.ok ? undefined : result.error[0]?.message;
}

test("texts become values of their input's type", () => {
  const specs: Record<string, InputSpec> = {
    s: { type: "string" },
    n: { type: "number" },
    i: { type: "integer" },
    b: { type: "boolean" },
    a: { type: "array" },
    o: { type: "object" },
  };
  const texts = { s: "3\n", n: " 1e3\n", i: "-7", b: "false", a: '[1, "x"]', o: '{"__proto__": 1}' };
  expect(given(specs, texts)).toEqual({
    ok: true,
    value: { s: "3\n", n: 1000, i: -7, b: false, a: [1, "x"], o: JSON.parse('{"__proto__": 1}') },
  });
});

test.each([
  [{ type: "number" }, "abc", "Input 'it' must be a number, found 'abc'"],
  [{ type: "number" }, "", "Input 'it' must be a number, found ''"],
  [{ type: "number" }, "0x10", "Input 'it' must be a number, found '0x10'"],
  [{ type: "integer" }, "1.5", "Input 'it' must be an integer, found '1.5'"],
  [{ type: "boolean" }, "yes", "Input 'it' must be 'true' or 'false', found 'yes'"],
  [{ type: "array" }, "a,b", "Input 'it' must be a JSON array, found 'a,b'"],
  [{ type: "object" }, "[]", "Input 'it' must be a JSON object, found '[]'"],
  [{ type: "object" }, "null", "Input 'it' must be a JSON object, found 'null'"],
  [{ type: "string", enum: ["en", "de"] }, "fr", "Input 'it' must be one of 'en', 'de', found 'fr'"],
] satisfies Array<[InputSpec, string, string]>)("%j refuses %j", (spec, text, message) => {
  expect(said(spec, text)).toBe(message);
});

test("values from a file are not converted: a text is no number", () => {
  expect(given({ n: { type: "number" } }, {}, { n: "3" })).toEqual({
    ok: false,
    error: [{ name: "n", message: `Input 'n' must be a number, found '"3"'` }],
  });
});

test("--set wins over the file, the file over the default", () => {
  const specs: Record<string, InputSpec> = {
    a: { type: "string", default: "default" },
    b: { type: "string", default: "default" },
    c: { type: "string", default: "default" },
  };
  expect(given(specs, { a: "set" }, { a: "file", b: "file" })).toEqual({
    ok: true,
    value: { a: "set", b: "file", c: "default" },
  });
});

test("all that is wrong is told at once: unknown names with the nearest, missing inputs with how to give them", () => {
  expect(given({ diff: { type: "string", from: "stdin" }, lines: { type: "integer" } }, { dif: "x" })).toEqual({
    ok: false,
    error: [
      { name: "dif", message: "Unknown input 'dif'", hint: "did you mean 'diff'?" },
      { name: "diff", message: "Input 'diff' is missing", hint: "give it on stdin, or with --set diff=…" },
      { name: "lines", message: "Input 'lines' is missing", hint: "give it with --set lines=…" },
    ],
  });
});

test("names of every object's properties are unknown inputs", () => {
  const result = given({}, {}, JSON.parse('{"__proto__": 1, "constructor": 2}'));
  expect(result.ok ? [] : result.error.map(({ name }) => name)).toEqual(["__proto__", "constructor"]);
});
