import { expect, test } from "bun:test";
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
