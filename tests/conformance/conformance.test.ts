import { beforeAll, describe, expect, test } from "bun:test";
import { revisions, runAll, runScenario, serveAgents, sides, type Outcome } from "./suite.ts";

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

// Of the server's scenarios, those that can be asked of agents.
const always = ["tools-call-simple-text", "tools-call-error", "tools-call-with-progress", "dns-rebinding-protection"];
const ofAgents = {
  "2025-11-25": [...always, "server-initialize", "server-session-lifecycle"],
  "2026-07-28": [...always, "tools-list", "http-header-validation"],
};

test("agents as tools pass what can be asked of them", async () => {
  await using served = await serveAgents();
  for (const revision of revisions) {
    const asked = ofAgents[revision].map(async (scenario) => {
      const said = await runScenario(scenario, revision, served.url);
      return { scenario, passed: /Passed: ([1-9]\d*)\/\1, 0 failed/.test(said) ? true : said };
    });
    expect(await Promise.all(asked)).toEqual(ofAgents[revision].map((scenario) => ({ scenario, passed: true })));
  }
}, 60_000);
