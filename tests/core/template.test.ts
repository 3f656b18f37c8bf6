import { expect, test } from "bun:test";
import { expand, expandValue } from "../../src/core/template.ts";

const hole = (...path: string[]) => [{ path }];

test("text goes in as it is, other values as JSON", () => {
  const values = { input: { s: 'a "b"\n', n: 1.5, b: false, l: [1, "x"], o: { k: null }, nothing: null } };
  const filled = Object.keys(values.input).map((name) => expand(hole("input", name), values));
  expect(filled.map((result) => (result.ok ? result.value : ""))).toEqual([
    'a "b"\n',
    "1.5",
    "false",
    '[1,"x"]',
    '{"k":null}',
    "null",
  ]);
});

test("what was put in is never expanded again", () => {
  expect(expand(hole("input", "a"), { input: { a: "${{ input.b }}", b: "secret" } })).toEqual({
    ok: true,
    value: "${{ input.b }}",
  });
});

test("a list's items are reached by number and 'last'", () => {
  const values = { results: ["one", "two"] };
  expect(expand([...hole("results", "0"), { text: "-" }, ...hole("results", "last")], values)).toEqual({
    ok: true,
    value: "one-two",
  });
  expect(expand(hole("results", "2"), values).ok).toBe(false);
  expect(expand(hole("results", "length"), values).ok).toBe(false);
});

test("only own properties are values", () => {
  expect(expand(hole("input", "constructor"), { input: {} }).ok).toBe(false);
  expect(expand(hole("__proto__"), {}).ok).toBe(false);
});

test("a part of a text is no value", () => {
  expect(expand(hole("prompt", "0"), { prompt: "abc" }).ok).toBe(false);
});

test("a value is filled wherever it has texts, and stays what it is elsewhere", () => {
  const filled = expandValue(
    {
      kind: "map",
      entries: [
        ["a", { kind: "list", items: [{ kind: "text", template: hole("x") }] }],
        ["__proto__", { kind: "value", value: 3 }],
      ],
    },
    { x: "y" },
  );
  expect(filled.ok && JSON.stringify(filled.value)).toBe('{"a":["y"],"__proto__":3}');
});

test("one hole that cannot be filled fails the whole value, with its path", () => {
  const failed = expandValue(
    { kind: "list", items: [{ kind: "text", template: hole("results", "3") }] },
    { results: [] },
  );
  expect(failed).toMatchObject({ ok: false, error: { message: "Cannot fill '${{ results.3 }}': no such value" } });
});
