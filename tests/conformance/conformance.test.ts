import { beforeAll, describe, expect, test } from "bun:test";
import { revisions, runAll, sides, type Outcome } from "./suite.ts";

// The published conformance suite of the protocol, on all that its revisions require.

let outcomes: Outcome[] = [];
beforeAll(async () => {
  outcomes = await runAll();
}, 180_000);

describe.each(sides.flatMap((side) => revisions.map((revision) => ({ side, revision }))))(
  "rein as a $side, $revision",
  ({ side, revision }) => {
    test("passes all that the revision requires, but for what is known to fail", () => {
      const outcome = outcomes.find((one) => one.side === side && one.revision === revision);
      expect(outcome?.required.length).toBeGreaterThan(15);
      expect(outcome?.required.filter((one) => !outcome.passed.includes(one))).toEqual(outcome?.known);
      expect([outcome?.expected, outcome?.expected === true ? "" : outcome?.output]).toEqual([true, ""]);
    });
  },
);
