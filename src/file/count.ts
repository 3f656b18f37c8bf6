import * as v from "valibot";

/** A whole number of `what`, `least` or more. */
export function count(what: string, least = 1) {
  return v.pipe(
    v.number(),
    v.title(what),
    v.safeInteger("Expected a whole number"),
    v.minValue(least, `Expected ${least} or more`),
  );
}

/** An amount of money. */
export function dollars(description: string) {
  return v.pipe(
    v.number(),
    v.title("an amount in US dollars"),
    v.minValue(0, "Expected 0 or more"),
    v.maxValue(1_000_000, "Expected 1000000 or less"),
    v.description(description),
  );
}
