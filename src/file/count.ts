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
