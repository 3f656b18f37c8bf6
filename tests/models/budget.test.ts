import { describe, expect, test } from "bun:test";
import type { Budget, Model, ModelEvent, ModelRequest } from "../../src/core/model.ts";
import type { Price } from "../../src/core/price.ts";
import { withBudget } from "../../src/models/budget.ts";
import { testClock } from "../helpers/clock.ts";

/** A dollar for a thousand tokens read, ten for a thousand written. */
const price: Price = { cost: ({ input, output, cached }) => (input - cached * 0.9 + output * 10) / 1000 };

const stop: ModelEvent = { type: "stop", reason: "end" };
const usage = (input: number, output: number, cached = 0): ModelEvent => ({
  type: "usage",
  usage: { input, output, cached, reasoning: 0 },
});

/** 400 bytes of prompt: some hundred tokens. */
const request: ModelRequest = { instructions: "", messages: [{ role: "user", text: "x".repeat(400) }], tools: [] };
const estimated = 108;

/** A model that says the same to each request, and what it was asked. */
function saying(...events: ModelEvent[]): Model & { asked: ModelRequest[]; said: number } {
  const model = {
    name: "test/model",
    asked: [] as ModelRequest[],
    said: 0,
    async *stream(asked: ModelRequest) {
      model.asked.push(asked);
      for (const event of events) {
        model.said++;
        yield event;
      }
    },
  };
  return model;
}

/** What is left, and what the request says that it uses. */
function budget(left: { cost?: number; tokens?: number }): Budget & { used: Array<[number, number]> } {
  const used: Array<[number, number]> = [];
  const now = () => used.at(-1) ?? [0, 0];
  return {
    used,
    left: () => ({ cost: (left.cost ?? Infinity) - now()[0], tokens: (left.tokens ?? Infinity) - now()[1] }),
    use: (cost, tokens) => used.push([cost, tokens]),
  };
}

async function ask(model: Model, left?: Budget): Promise<ModelEvent[]> {
  const events: ModelEvent[] = [];
  const asked = left === undefined ? request : { ...request, budget: left };
  for await (const event of model.stream(asked, new AbortController().signal)) events.push(event);
  return events;
}

function bounded(model: Model, more: { price?: Price | undefined; longest?: number } = {}): Model {
  return withBudget(model, { price, clock: testClock(), longest: 8192, ...more });
}

describe("before a request", () => {
  test("its answer is limited to what the rest of the money pays for", async () => {
    const model = saying(usage(estimated, 5), stop);
    await ask(bounded(model), budget({ cost: 20.108 }));
    expect(model.asked[0]?.max_tokens).toBe(2000);
    expect(model.asked[0]?.budget).toBeUndefined();
  });

  test("its answer is limited to what is left of the tokens", async () => {
    const model = saying(stop);
    await ask(bounded(model), budget({ tokens: 3108 }));
    expect(model.asked[0]?.max_tokens).toBe(3000);
  });

  test("nothing is limited where the rest pays for the longest answer", async () => {
    const model = saying(stop);
    await ask(bounded(model, { longest: 2000 }), budget({ cost: 20.108, tokens: 2108 }));
    expect(model.asked[0]?.max_tokens).toBeUndefined();
  });

  test("nothing is sent where the rest pays for fewer than 1,000 tokens of an answer", async () => {
    for (const [left, limit] of [
      [{ cost: 10.1 }, "cost"],
      [{ tokens: 1107 }, "tokens"],
      [{ cost: 0 }, "cost"],
    ] as const) {
      const model = saying(stop);
      expect(await ask(bounded(model), budget(left))).toEqual([{ type: "limit", limit }]);
      expect(model.asked).toEqual([]);
    }
    const just = saying(stop);
    await ask(bounded(just), budget({ cost: 10.109, tokens: 1108 }));
    expect(just.asked[0]?.max_tokens).toBe(1000);
  });

  test("an answer that the file limits to less needs no 1,000 tokens", async () => {
    const model = saying(stop);
    await ask(bounded(model, { longest: 50 }), budget({ tokens: 160 }));
    expect(model.asked).toHaveLength(1);
  });

  test("the service's own count of the request before corrects the estimate, and tells what is cached", async () => {
    const model = saying(usage(2 * estimated, 5, 2 * estimated), stop);
    const twice = bounded(model);
    await ask(twice, budget({ tokens: 5000 }));
    await ask(twice, budget({ tokens: 5000 }));
    expect(model.asked.map((one) => one.max_tokens)).toEqual([5000 - estimated, 5000 - 2 * estimated]);
    await ask(twice, budget({ cost: 20.022 }));
    expect(model.asked[2]?.max_tokens).toBe(2000);
  });

  test("what costs nothing is sent without any money", async () => {
    const model = saying(stop);
    await ask(bounded(model, { price: { cost: () => 0 } }), budget({ cost: 0 }));
    expect(model.asked[0]?.max_tokens).toBeUndefined();
  });

  test("without a budget a request goes as it is", async () => {
    const model = saying(stop);
    expect(await ask(bounded(model))).toEqual([stop]);
    expect(model.asked).toEqual([request]);
  });
});

describe("while an answer comes", () => {
  const words: ModelEvent[] = Array.from({ length: 50 }, () => ({ type: "text", text: "y".repeat(400) }));

  test("it is ended where it comes to more than is left, whatever the service was asked for", async () => {
    const model = saying(...words, usage(1, 1), stop);
    const events = await ask(bounded(model), budget({ tokens: 1000 + estimated }));
    expect(events.at(-1)).toEqual({ type: "limit", limit: "tokens" });
    const told = { input: estimated, output: 1100, cached: 0, reasoning: 0 };
    expect(events.at(-2)).toEqual({ type: "usage", usage: told, cost: 11.108, estimated: true });
    expect(model.said).toBe(11);
  });

  test("it is ended where others have used up what was left", async () => {
    const model = saying(...words, stop);
    const shared = budget({ cost: 100 });
    let others = 0;
    const left = () => ({ ...shared.left(), cost: shared.left().cost - (others += 10) });
    const events = await ask(bounded(model), { ...shared, left });
    expect(events.at(-1)).toEqual({ type: "limit", limit: "cost" });
    expect(model.said).toBeLessThan(12);
  });

  test("what it has used is told while it comes, and given back in the end", async () => {
    const shared = budget({ cost: 100 });
    await ask(bounded(saying({ type: "text", text: "y".repeat(40) }, stop)), shared);
    expect(shared.used).toEqual([
      [0.108, 108],
      [0.208, 118],
      [0, 0],
    ]);
  });

  test("thoughts and calls count as well", async () => {
    const thought: ModelEvent = { type: "reasoning", text: "z".repeat(4000) };
    const call: ModelEvent = { type: "tool_call", index: 0, arguments: "z".repeat(4000) };
    for (const said of [thought, call]) {
      const events = await ask(bounded(saying(said, said, stop)), budget({ tokens: 1500 + estimated }));
      expect(events.at(-1)).toEqual({ type: "limit", limit: "tokens" });
    }
  });

  test("a stop at the length that was lowered is the limit's, and at any other the service's", async () => {
    const cut: ModelEvent = { type: "stop", reason: "length" };
    const events = await ask(bounded(saying(usage(10, 1500), cut)), budget({ cost: 15.108 }));
    expect(events.at(-1)).toEqual({ type: "limit", limit: "cost" });
    expect((await ask(bounded(saying(cut)), budget({ cost: 1000 }))).at(-1)).toEqual(cut);
  });
});

describe("what a request cost", () => {
  test("is told with its usage", async () => {
    const [told] = await ask(bounded(saying(usage(1000, 100), stop)), budget({}));
    expect(told).toMatchObject({ type: "usage", cost: 2 });
  });

  test("says when it is no bill", async () => {
    const notional: Price = { ...price, notional: true };
    const [told] = await ask(bounded(saying(usage(1000, 100), stop), { price: notional }), budget({}));
    expect(told).toMatchObject({ cost: 2, notional: true });
  });

  test("is estimated where the service tells no usage", async () => {
    const events = await ask(bounded(saying({ type: "text", text: "y".repeat(40) }, stop)), budget({}));
    expect(events.at(-2)).toMatchObject({ type: "usage", usage: { input: 108, output: 10 }, estimated: true });
  });

  test("has what the service had counted before the answer was ended", async () => {
    const counted: ModelEvent = { type: "input", usage: { input: 5000, output: 1, cached: 4000, reasoning: 0 } };
    const failure: ModelEvent = { type: "failure", failure: { kind: "network", message: "x", retryable: true } };
    const text: ModelEvent = { type: "text", text: "y".repeat(40) };
    const events = await ask(bounded(saying(counted, text, failure)), budget({}));
    expect(events.map(({ type }) => type)).toEqual(["text", "usage", "failure"]);
    const told = { input: 5000, output: 10, cached: 4000, reasoning: 0 };
    expect(events[1]).toMatchObject({ usage: told, estimated: true });
  });

  test("is estimated where the answer failed on its way, and nothing where there was none", async () => {
    const failure: ModelEvent = { type: "failure", failure: { kind: "network", message: "x", retryable: true } };
    const events = await ask(bounded(saying({ type: "text", text: "y".repeat(40) }, failure)), budget({}));
    expect(events.map(({ type }) => type)).toEqual(["text", "usage", "failure"]);
    expect(await ask(bounded(saying(failure)), budget({}))).toEqual([failure]);
  });

  test("is not known without a price: that is said once, and once the model answers", async () => {
    const model = bounded(saying(usage(1000, 100), stop), { price: undefined });
    const events = await ask(model, budget({ cost: 0 }));
    expect(events[0]).toEqual({ type: "warning", message: expect.stringContaining("'test/model' is not known") });
    expect(events[1]).not.toHaveProperty("cost");
    expect((await ask(model, budget({}))).map(({ type }) => type)).toEqual(["usage", "stop"]);
  });
});
