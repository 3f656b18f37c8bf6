import { describe, expect, test } from "bun:test";
import type { RouteRow } from "../../src/core/store.ts";
import { betterThreshold, routeStats } from "../../src/app/route-stats.ts";

function row(score: number, more: Partial<RouteRow> = {}): RouteRow {
  const side = score > 0.7 ? "complex" : "simple";
  const run = { cost: 0.5, ms: 10, failed: false, escalated: false };
  return { agent: "a", side, scorer: "keywords", score, threshold: 0.7, ...run, ...more };
}

const rows = (count: number, score: (index: number) => number) =>
  Array.from({ length: count }, (_, at) => row(score(at)));

describe("what routes have decided", () => {
  test("is told by agent and side: share, cost, median time, failed checks", () => {
    const all = [row(0.1, { ms: 1 }), row(0.2, { ms: 4 }), row(0.3, { failed: true, ms: 9 }), row(0.9, { cost: 2 })];
    expect(routeStats([...all, row(0.9, { agent: "b" })])).toMatchObject([
      {
        agent: "a",
        requests: 4,
        sides: {
          simple: { requests: 3, share: 0.75, cost: 1.5, median_ms: 4, failed_checks: 1 },
          complex: { requests: 1, share: 0.25, cost: 2, median_ms: 10, failed_checks: 0 },
        },
        warning: null,
      },
      { agent: "b", requests: 1 },
    ]);
  });

  test("has no cost where that of a run is not known; runs that go on count for nothing yet", () => {
    const [known, unknown] = [row(0.1), row(0.2, { cost: null })];
    expect(routeStats([known, unknown])[0]?.sides.simple.cost).toBeNull();
    const going = row(0.2, { cost: null, ms: null });
    expect(routeStats([known, going])[0]?.sides.simple).toMatchObject({ cost: 0.5, median_ms: 10, requests: 2 });
    expect(routeStats([known])[0]?.sides.complex).toMatchObject({ requests: 0, cost: 0, median_ms: null });
  });

  test("warns where one side got more than 90 % of at least 50 requests, and of no fewer", () => {
    const lopsided = (count: number) => rows(count, (at) => (at < count / 10 - 1 ? 0.9 : at % 2 === 0 ? 0.1 : 0.6));
    expect(routeStats(lopsided(50))[0]?.warning).toEqual({ side: "simple", threshold: 0.3 });
    expect(routeStats(lopsided(49))[0]?.warning).toBeNull();
    expect(routeStats(rows(50, (at) => (at < 5 ? 0.9 : 0.1)))[0]?.warning).toBeNull();
    expect(routeStats(rows(60, () => 0.9))[0]?.warning).toEqual({ side: "complex", threshold: null });
    expect(routeStats([])).toEqual([]);
  });

  test("of a cascade say nothing of thresholds", () => {
    const cascade = rows(60, () => 0).map((one): RouteRow => ({ ...one, scorer: "cascade", score: null }));
    expect(routeStats(cascade)[0]?.warning).toBeNull();
  });
});

describe("a better threshold", () => {
  test("lies between the two groups of the scores, in as few digits as part them", () => {
    const scores = [
      ...Array.from({ length: 40 }, (_, at) => 0.71 + at / 1000),
      ...Array.from({ length: 20 }, () => 0.9),
    ];
    expect(betterThreshold(scores)).toBe(0.8);
    expect(betterThreshold([0.701, 0.702, 0.703, 0.708, 0.709])).toBe(0.706);
  });

  test("leaves each side a tenth at least", () => {
    const scores = [...Array.from({ length: 45 }, (_, at) => at / 1000), 0.99];
    const threshold = betterThreshold(scores) ?? 1;
    expect(scores.filter((score) => score > threshold).length).toBeGreaterThanOrEqual(5);
    expect(scores.filter((score) => score <= threshold).length).toBeGreaterThanOrEqual(5);
  });

  test("does not exist where all scores are nearly the same one", () => {
    expect(betterThreshold([])).toBeNull();
    expect(betterThreshold([0.5, 0.5, 0.5])).toBeNull();
    expect(betterThreshold([...Array.from({ length: 99 }, () => 0.5), 0.9])).toBeNull();
  });
});
