import { expect, test } from "bun:test";
import * as v from "valibot";
import { later, laterOr } from "../../src/file/later.ts";

/** A schema of an object with two such keys, and what was made for it. */
function watched() {
  const made: string[] = [];
  const schema = v.strictObject({
    one: later(() => (made.push("one"), v.number())),
    list: laterOr([], () => (made.push("list"), v.array(v.number()))),
  });
  return { schema, made };
}

test("the schema of a key that is not there is never made", () => {
  const { schema, made } = watched();
  expect(v.parse(schema, {})).toEqual({ list: [] });
  expect(made).toEqual([]);
});

test("the schema of a key is made once, and judges what the key holds", () => {
  const { schema, made } = watched();
  expect(v.parse(schema, { one: 1, list: [2] })).toEqual({ one: 1, list: [2] });
  expect(v.safeParse(schema, { list: [] }).success).toBe(true);
  expect(v.safeParse(schema, { one: "1" }).success).toBe(false);
  expect(v.safeParse(schema, { list: ["2"] }).success).toBe(false);
  expect(made).toEqual(["one", "list"]);
});
