import { expect, test } from "bun:test";
import { Cache } from "../../src/tools/cache.ts";

test("of too many entries the one that was not used for longest goes", () => {
  const cache = new Cache<number>(3);
  for (const [index, key] of ["a", "b", "c"].entries()) cache.set(key, index);
  expect(cache.get("a")).toBe(0);
  cache.set("d", 3);
  expect(["a", "b", "c", "d"].map((key) => cache.get(key))).toEqual([0, undefined, 2, 3]);
  cache.set("c", 4);
  cache.set("e", 5);
  expect(["a", "c", "d", "e"].map((key) => cache.get(key))).toEqual([undefined, 4, 3, 5]);
});

test("128 entries are kept", () => {
  const cache = new Cache<number>();
  for (let index = 0; index <= 128; index++) cache.set(`${index}`, index);
  expect([cache.get("0"), cache.get("1"), cache.get("128")]).toEqual([undefined, 1, 128]);
});
