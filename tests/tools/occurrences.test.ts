import { expect, test } from "bun:test";
import { occurrences } from "../../src/tools/occurrences.ts";
import { random } from "../native/random.ts";

test("a text is found wherever indexOf finds it", () => {
  for (let seed = 0; seed < 500; seed++) {
    const { below, pick } = random(seed);
    const text = Array.from({ length: below(60) }, () => pick(["a", "a", "b"])).join("");
    const wanted = Array.from({ length: 1 + below(5) }, () => pick(["a", "a", "b"])).join("");
    const expected: number[] = [];
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) expected.push(at);
    expect([text, wanted, occurrences(text, wanted, 100)]).toEqual([text, wanted, expected]);
  }
});

test("texts that repeat themselves are searched at once", () => {
  expect(occurrences("a".repeat(2_000_000), `${"a".repeat(1_000_000)}b`, 9)).toEqual([]);
});

test("no more places are found than are wanted", () => {
  expect(occurrences("a".repeat(100), "a", 3)).toEqual([0, 1, 2]);
});
