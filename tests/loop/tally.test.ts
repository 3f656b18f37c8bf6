import { describe, expect, test } from "bun:test";
import type { FinishedCall } from "../../src/loop/calls.ts";
import { Tally } from "../../src/loop/tally.ts";
import type { Reply } from "../../src/loop/reply.ts";

const limits = { turns: 3, tool_calls: 10, time: 1000 };

function reply(tokens: number): Reply {
  const usage = { input: tokens, output: 0, cached: 0, reasoning: 0 };
  return { model: "a/x", text: "", calls: [], stop: "end", usage, durationMs: 10, firstTokenMs: 1 };
}

test("what a spawned run uses counts for each run around it, by model", () => {
  const outer = new Tally(limits);
  const inner = new Tally(limits, outer);
  const innermost = new Tally(limits, inner);
  innermost.addReply("a/x", reply(5));
  inner.addReply("b/y", reply(7));
  outer.addReply("a/x", reply(1));
  innermost.beforeCalls(2);
  expect([outer.tokens, inner.tokens, innermost.tokens]).toEqual([13, 12, 5]);
  expect([outer.toolCalls, inner.toolCalls, innermost.toolCalls]).toEqual([2, 2, 2]);
  expect(Object.entries(outer.usage).map(([name, { requests, input }]) => [name, requests, input])).toEqual([
    ["a/x", 2, 6],
    ["b/y", 1, 7],
  ]);
});

test("a spawned run ends where the tokens of a run around it end", () => {
  const outer = new Tally({ ...limits, tokens: 10 });
  const inner = new Tally({ ...limits, tokens: 1000 }, new Tally(limits, outer));
  expect(inner.beforeTurn()).toBeUndefined();
  inner.addReply("m", reply(10));
  expect(inner.beforeTurn()).toEqual({ limit: "tokens", value: 10, max: 10 });
  expect(inner.turns).toBe(1);
});

test("runs side by side share the calls that are left, and none is counted that may not run", () => {
  const outer = new Tally({ ...limits, tool_calls: 3 });
  const [one, other] = [new Tally(limits, outer), new Tally(limits, outer)];
  expect(one.beforeCalls(2)).toBeUndefined();
  expect(other.beforeCalls(2)).toEqual({ limit: "tool_calls", value: 4, max: 3 });
  expect([one.toolCalls, other.toolCalls, outer.toolCalls]).toEqual([2, 0, 2]);
  expect(other.beforeCalls(1)).toBeUndefined();
});

test("turns are counted in each run by itself", () => {
  const outer = new Tally({ ...limits, turns: 1 });
  outer.beforeTurn();
  expect(new Tally(limits, outer).beforeTurn()).toBeUndefined();
});

test("what a spawned run was refused counts as refused for each run around it, and for the row of none", () => {
  const outer = new Tally(limits);
  const inner = new Tally(limits, outer);
  const denial = { kind: "read", target: "/x", reason: "not granted" } as const;
  for (let i = 0; i < 3; i++) inner.addDenial(denial);
  expect(outer.denied).toHaveLength(3);
});

test("equal failures of one turn count once, and those of three turns in a row are a limit", () => {
  const tally = new Tally({ ...limits, turns: 5 });
  const call = { id: "1", name: "spawn_agent", arguments: "{}" };
  const failed: FinishedCall = {
    call,
    result: { id: "1", name: "spawn_agent", content: "no", error: true },
    denials: [],
    misfit: false,
  };
  const turn = () => {
    tally.beforeTurn();
    return Array.from({ length: 10 }, () => tally.addCall(failed)).find((reached) => reached !== undefined);
  };
  expect([turn(), turn()]).toEqual([undefined, undefined]);
  expect(turn()).toMatchObject({ limit: "same_failure", value: 3, max: 3 });
});

describe("cost and tokens", () => {
  const none = { input: 0, output: 0, cached: 0, reasoning: 0 };

  test("what is left is what the limits say, less what was used and what requests under way use", () => {
    const tally = new Tally({ ...limits, cost: 2, tokens: 100 });
    tally.addReply("m", { ...reply(10), cost: 0.5 });
    const [one, other] = [tally.budget(), tally.budget()];
    one.use(0.25, 20);
    one.use(0.5, 40);
    expect(other.left()).toEqual({ cost: 1, tokens: 50 });
    one.use(0, 0);
    expect(other.left()).toEqual({ cost: 1.5, tokens: 90 });
  });

  test("a limit that the file does not name is one dollar, and no tokens", () => {
    expect(new Tally(limits).budget().left()).toEqual({ cost: 1, tokens: Infinity });
  });

  test("runs within a run share what is left of both, and see each other's requests under way", () => {
    const outer = new Tally({ ...limits, cost: 2 });
    const [one, other] = [new Tally({ ...limits, cost: 5 }, outer), new Tally({ ...limits, cost: 1.5 }, outer)];
    one.budget().use(1, 10);
    expect(other.budget().left()).toEqual({ cost: 1, tokens: Infinity });
    one.addReply("m", { ...reply(1), cost: 0.25 });
    expect(other.budget().left().cost).toBe(0.75);
    expect(other.nearest("cost")).toEqual({ limit: "cost", value: 0.25, max: 2 });
    other.addReply("m", { ...reply(1), cost: 0.5 });
    expect(outer.paid()).toBe(0.75);
  });

  test("the run is over that has used up more money than it has, and so is one within it", () => {
    const outer = new Tally({ ...limits, cost: 0.5 });
    const inner = new Tally(limits, outer);
    inner.addReply("m", { ...reply(1), cost: 0.5 });
    expect(inner.beforeTurn()).toBeUndefined();
    inner.addReply("m", { ...reply(1), cost: 0.1 });
    expect(inner.beforeTurn()).toEqual({ limit: "cost", value: 0.6, max: 0.5 });
  });

  test("what a discarded attempt used is paid for, and makes no model slower", () => {
    const tally = new Tally(limits);
    tally.addReply("m", { ...reply(10), cost: 0.1 });
    const { requests, first_token_ms, tokens_per_second } = tally.usage["m"] ?? { requests: 0 };
    tally.addDiscarded("m", { usage: { ...none, input: 5, output: 2 }, cost: 0.2 });
    expect(tally.usage["m"]).toMatchObject({
      requests,
      first_token_ms,
      tokens_per_second,
      input: 15,
      output: 2,
      cost: 0.3,
    });
    expect([tally.tokens, tally.paid()]).toEqual([17, 0.3]);
  });

  test("a cost that is not known makes the whole unknown, and never zero", () => {
    const tally = new Tally(limits);
    tally.addReply("m", { ...reply(10), cost: 0.1 });
    tally.addReply("n", reply(10));
    expect(tally.paid()).toBeNull();
    expect([tally.usage["m"]?.cost, tally.usage["n"]?.cost]).toEqual([0.1, null]);
  });

  test("a cost is notional where part of it is, and something was to be paid", () => {
    const tally = new Tally(limits);
    tally.addReply("m", { ...reply(1), cost: 0, notional: true });
    expect(tally.notional).toBe(false);
    tally.addReply("m", { ...reply(1), cost: 0.1, notional: true });
    expect(tally.notional).toBe(true);
  });
});
