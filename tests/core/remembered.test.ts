import { expect, test } from "bun:test";
import { remembered } from "../../src/core/remembered.ts";

test("of each thing is made once what is made of it, also where that is nothing", () => {
  let made = 0;
  const lengthOf = remembered((text: string[]) => {
    made++;
    return text.length === 0 ? undefined : text.length;
  });
  const [one, none] = [["a"], new Array<string>()];
  expect([one, none, one, none, ["a"]].map(lengthOf)).toEqual([1, undefined, 1, undefined, 1]);
  expect(made).toBe(3);
});
