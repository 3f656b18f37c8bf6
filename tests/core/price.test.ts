import { expect, test } from "bun:test";
import { dollars, rounded } from "../../src/core/price.ts";

test("an amount has as many digits as say something of it", () => {
  const amounts = [0, 1, 12.345, 0.5, 0.123456, 0.012, 0.0251, 0.01, 0.0042, 0.00123, 0.000123, 0.0000123, 1e-9];
  expect(amounts.map(dollars)).toEqual(
    "0.00 1.00 12.35 0.50 0.1235 0.012 0.0251 0.01 0.0042 0.0012 0.00012 0.000012 0.000001".split(" "),
  );
});

test("a sum of binary fractions is what it was meant to be", () => {
  expect(rounded(0.1 + 0.2)).toBe(0.3);
});
