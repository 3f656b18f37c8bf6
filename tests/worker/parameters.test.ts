import { expect, test } from "bun:test";
import { destructured } from "../../src/worker/parameters.ts";

test("the names that a function takes out of its first parameter are found in any form of function", () => {
  for (const source of [
    "({ a, b }) => a",
    "async ({ a, b }, context) => a",
    "async run({ a, b }) { return a }",
    "run({a,b}){}",
    "function ({ a, b, }) {}",
    "async function named({ a, b }) {}",
    "({ a: x = 1, b = { c: [2, '}'] } }) => x",
    "({ a = `,${1}`, /* b, */ b = (1, 2) }) => a",
    "({ 'a': x, \"b\": y }) => x",
    "({\n  // one, two\n  a,\n  b,\n}) => a",
  ]) {
    expect({ source, names: destructured(source) }).toEqual({ source, names: ["a", "b"] });
  }
});

test("a function that takes its input whole, takes the rest, or computes names is not compared", () => {
  for (const source of [
    "(input) => input.a",
    "() => 1",
    "run() {}",
    "({ a, ...rest }) => a",
    "({ [key]: a }) => a",
    "({ a",
    "x => x",
  ]) {
    expect({ source, names: destructured(source) }).toEqual({ source, names: null });
  }
});

test("an empty pattern takes nothing", () => {
  expect(destructured("({}) => 1")).toEqual([]);
});
