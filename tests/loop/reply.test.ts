import { expect, test } from "bun:test";
import type { Event } from "../../src/core/event.ts";
import type { Model, ModelEvent, ModelFailure } from "../../src/core/model.ts";
import { readReply } from "../../src/loop/reply.ts";
import { Tally } from "../../src/loop/tally.ts";
import { testClock } from "../helpers/clock.ts";

const usage = { input: 10, output: 5, cached: 0, reasoning: 0 };
const failure: ModelFailure = { kind: "network", message: "The line was cut", retryable: true };
const paid: ModelEvent = { type: "usage", usage, cost: 0.25, estimated: true };
const retry: ModelEvent = { type: "retry", attempt: 1, of: 3, waitMs: 5, failure };

async function read(said: ModelEvent[], signal = new AbortController().signal) {
  const model: Model = {
    name: "test/model",
    async *stream() {
      yield* said;
    },
  };
  const events: Event[] = [];
  const tally = new Tally({ turns: 9, tool_calls: 9, time: 9 });
  const request = { instructions: "", messages: [], tools: [] };
  const emit = async (event: Event) => void events.push(event);
  const replied = await readReply(model, request, 2, tally, emit, testClock(), signal);
  return { replied, events, tally };
}

const hello: ModelEvent = { type: "text", text: "Hello" };
const stop: ModelEvent = { type: "stop", reason: "end" };
const discarded = {
  type: "attempt_discarded",
  turn: 2,
  model: "test/model",
  reason: "The line was cut",
  shown: 5,
  usage,
  cost: 0.25,
  estimated: true,
} as const;

test("an attempt whose text was shown is not made anew silently, and is paid for", async () => {
  const { replied, events, tally } = await read([hello, paid, retry, { type: "text", text: "Hi" }, stop]);
  expect(replied).toMatchObject({ type: "reply", reply: { text: "Hi", usage: { input: 0 } } });
  expect(events.map(({ type }) => type)).toEqual(["text", "attempt_discarded", "retry", "text"]);
  expect(events[1]).toEqual(discarded);
  expect(tally.usage["test/model"]).toMatchObject({ input: 10, output: 5, cost: 0.25 });
});

test("an attempt of which nothing came is not spoken of", async () => {
  const { events } = await read([retry, hello, stop]);
  expect(events.map(({ type }) => type)).toEqual(["retry", "text"]);
});

test("what was shown of an answer that fails in the end is discarded as well", async () => {
  const { replied, events } = await read([hello, paid, { type: "failure", failure }]);
  expect(replied).toEqual({ type: "failure", failure });
  expect(events.at(-1)).toEqual(discarded);
});

test("an attempt is discarded by the name of the model that made it", async () => {
  const fallback: ModelEvent = { type: "fallback", from: "test/model", to: "test/other", failure };
  const { replied, events, tally } = await read([hello, paid, fallback, hello, paid, stop]);
  expect(events[1]).toEqual(discarded);
  expect(replied).toMatchObject({ type: "reply", reply: { model: "test/other", cost: 0.25 } });
  expect(Object.keys(tally.usage)).toEqual(["test/model"]);
});

test("an answer that a limit ends is kept as far as it came, without half of a call", async () => {
  const call: ModelEvent = { type: "tool_call", index: 0, id: "c", name: "t", arguments: '{"a' };
  const { replied, events } = await read([hello, call, paid, { type: "limit", limit: "cost" }]);
  const reply = { text: "Hello", calls: [], stop: "length", usage, cost: 0.25, estimated: true };
  expect(replied).toMatchObject({ type: "limit", limit: "cost", reply });
  expect(events.map(({ type }) => type)).toEqual(["text"]);
});

test("a limit that is met before a request leaves nothing", async () => {
  const { replied } = await read([{ type: "limit", limit: "tokens" }]);
  expect(replied).toEqual({ type: "limit", limit: "tokens" });
});

test("an answer that is interrupted is kept as far as it came", async () => {
  const { replied } = await read([hello, paid, { type: "failure", failure }], AbortSignal.abort("timeout"));
  expect(replied).toMatchObject({ type: "failure", reply: { text: "Hello", usage, estimated: true } });
});
