import { describe, expect, test } from "bun:test";
import { compare, spending, type CompareRequest } from "../../src/app/cost.ts";
import type { CallRow } from "../../src/core/store.ts";
import { costCsv, costText } from "../../src/render/cost.ts";

const november = Date.UTC(2026, 10, 1, 12);
const day = 86_400_000;

function call(more: Partial<CallRow> = {}): CallRow {
  return {
    run: "r",
    session: null,
    agent: "a",
    agent_id: null,
    model: "openai/gpt-5",
    side: null,
    kind: "answer",
    time: november,
    input: 800,
    output: 200,
    cached: 0,
    cache_write: 0,
    reasoning: 0,
    cost: 0.5,
    notional: false,
    estimated: false,
    duration_ms: 1000,
    first_token_ms: 100,
    ...more,
  };
}

describe("calls put together", () => {
  test("the dearest come first, and days in their order", () => {
    const calls = [
      call({ model: "x", cost: 0.1, time: november + day }),
      call({ model: "y", cost: 0.3 }),
      call({ model: "x", cost: 0.1 }),
    ];
    expect(spending(calls, "model").rows.map(({ key, spent }) => [key, spent.calls, spent.cost])).toEqual([
      ["y", 1, 0.3],
      ["x", 2, 0.2],
    ]);
    expect(spending(calls, "day").rows.map(({ key, spent }) => [key, spent.cost])).toEqual([
      ["2026-11-01", 0.4],
      ["2026-11-02", 0.1],
    ]);
  });

  test("what has no known price is counted beside the cost, and never as zero", async () => {
    const spent = spending([call({ cost: null }), call({ model: "m", cost: 0 }), call({ model: "n" })], "model");
    expect(spent.total).toMatchObject({ calls: 3, cost: 0.5, unpriced: 1 });
    const lines = (await costText(spent, undefined)).split("\n").map((line) => line.split(/ {2,}/).at(-1));
    expect(lines).toEqual(["COST", "$0.50", "$0.00", "not known", "$0.50 + ?", expect.stringContaining("1 call"), ""]);
  });

  test("names hold nothing that a terminal or a spreadsheet obeys", async () => {
    const spent = spending([call({ agent: '=HYPERLINK("x")\u001b[2J' })], "agent");
    expect(await costText(spent, undefined)).not.toContain("\u001b");
    expect(costCsv(spent).split("\n")[1]).toStartWith('"\'=HYPERLINK(""x"")');
  });

  test("on a terminal a bar stands for each that cost something", async () => {
    const spent = spending([call({ model: "dear" }), call({ model: "cheap", cost: 0.1 }), call({ cost: 0 })], "model");
    const chart = { pictures: { trueColor: false }, color: false, columns: 60 };
    const drawn = (await costText(spent, chart)).split("MODEL")[0] ?? "";
    expect(drawn).toContain("US dollars by model");
    expect(drawn).toMatch(/dear .*█/);
    expect(drawn).not.toContain("gpt-5");
  });
});

describe("a comparison", () => {
  const models = { cloud: "anthropic/claude-sonnet-4-5", local: "local/small" };

  async function compared(calls: CallRow[], more: Partial<CompareRequest> = {}) {
    const result = await compare(calls, { ...models, ...more }, {});
    if (!result.ok) throw new Error(result.error.message);
    return result.value;
  }

  test("prices the same calls as all by the cloud's, all by the local one and as they were, month by month", async () => {
    const calls = [call(), call({ model: "local/small", cost: 0 }), call({ time: november + 30 * day, input: 1e6 })];
    const { months, total } = await compared(calls);
    expect(months).toEqual([
      { month: "2026-11", calls: 2, cloud: 0.0108, local: 0, routed: 0.5 },
      { month: "2026-12", calls: 1, cloud: 6.0045, local: 0, routed: 0.5 },
    ]);
    expect(total).toEqual({ calls: 3, cloud: 6.0153, local: 0, routed: 1 });
  });

  test("pays for the electricity of local calls by their time, and of others by the local model's pace", async () => {
    const hour = 3_600_000;
    const calls = [call({ model: "local/small", cost: 0, duration_ms: hour }), call({ input: 1600, output: 400 })];
    const { total, untimed } = await compared(calls, { power: { watts: 1000, perKwh: 0.25 } });
    expect(total).toMatchObject({ local: 0.75, routed: 0.75 });
    expect(untimed).toBe(0);
  });

  test("says which calls it knows too little of", async () => {
    const calls = [call({ cost: null }), call()];
    expect(await compared(calls, { power: { watts: 300, perKwh: 0.3 } })).toMatchObject({ unpriced: 1, untimed: 2 });
    expect(await compared(calls)).toMatchObject({ untimed: 0 });
  });

  test("says when a machine is paid for by what is saved, and that it never is", async () => {
    const month = (365.25 / 12) * day;
    const calls = [
      call({ input: 0, output: 1e6, cost: 5 }),
      call({ input: 0, output: 1e6, cost: 30, time: november + month }),
    ];
    const { paid_off } = await compared(calls, { hardware: 300 });
    expect(paid_off).toEqual({ price: 300, local: 10, routed: null });
  });

  test("is none with a model whose price nobody knows, or that there is not", async () => {
    for (const cloud of ["openai/gpt-nope", "nobody/x"]) {
      expect(await compare([], { ...models, cloud }, {})).toMatchObject({ ok: false, error: { outcome: "usage" } });
    }
  });
});
