import { expect, test } from "bun:test";
import { measure } from "../../src/app/model-speed.ts";
import type { Model, ModelFailure, ModelRequest } from "../../src/core/model.ts";
import { testClock } from "../helpers/clock.ts";

const signal = new AbortController().signal;

/** Answers its nth request after `first[n]` ms by 101 tokens in one second, to a prompt of 500. */
function timed(first: number[], tokens = { input: 500, output: 101 }) {
  const clock = testClock();
  const asked: string[] = [];
  const model: Model = {
    name: "fake/timed",
    async *stream({ messages }: ModelRequest) {
      const [message] = messages;
      asked.push(message?.role === "user" ? message.text : "");
      await clock.sleep(first[asked.length - 1] ?? 0, signal);
      yield { type: "text", text: "one " };
      await clock.sleep(1000, signal);
      yield { type: "usage", usage: { ...tokens, cached: 0, reasoning: 0 } };
      yield { type: "stop", reason: "length" };
    },
  };
  return { model, clock, asked };
}

test("the speeds are the medians of the runs after the first", async () => {
  const { model, clock } = timed([9000, 250, 500, 50]);
  expect(await measure(model, clock, () => 227e6, signal)).toEqual({
    ok: true,
    value: {
      model: "fake/timed",
      runs: 3,
      prompt_tokens: 500,
      generated_tokens: 101,
      first_token_ms: 250,
      prompt_tokens_per_second: 2000,
      // The first token came with the prompt.
      generated_tokens_per_second: 100,
      memory_bytes: 227e6,
    },
  });
});

test("no two prompts begin alike, so that nothing of the one before is kept", async () => {
  const { model, clock, asked } = timed([]);
  await measure(model, clock, () => undefined, signal);
  expect(new Set(asked.map((text) => text.slice(0, 8))).size).toBe(4);
});

test("what has no tokens or takes no time has no speed", async () => {
  const { model, clock } = timed([], { input: 0, output: 0 });
  expect(await measure(model, clock, () => undefined, signal)).toMatchObject({
    value: { prompt_tokens_per_second: null, generated_tokens_per_second: null, memory_bytes: null },
  });
});

test("a failure of the model is told with its way out, an interruption as such", async () => {
  const failing = (failure: ModelFailure): Model => ({
    name: "fake/failing",
    async *stream() {
      yield { type: "failure", failure };
    },
  });
  const outcome = async (kind: ModelFailure["kind"], ended = signal) => {
    const model = failing({ kind, message: "It failed", hint: "mend it", retryable: true });
    const measured = await measure(model, testClock(), () => undefined, ended);
    return measured.ok ? "measured" : measured.error;
  };
  expect(await outcome("request")).toEqual({ outcome: "usage", message: "It failed", hint: "mend it" });
  expect(await outcome("network")).toMatchObject({ outcome: "service" });
  expect(await outcome("credentials")).toMatchObject({ outcome: "credentials" });
  expect(await outcome("network", AbortSignal.abort("terminated"))).toEqual({
    outcome: "terminated",
    message: "Interrupted",
  });
});
