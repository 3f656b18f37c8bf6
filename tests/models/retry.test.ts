import { expect, test } from "bun:test";
import type { Model, ModelEvent, ModelFailure } from "../../src/core/model.ts";
import { withRetry } from "../../src/models/retry.ts";
import { testClock } from "../helpers/clock.ts";
import { question, readReply } from "../helpers/reply.ts";

const text: ModelEvent = { type: "text", text: "Hi" };
const stop: ModelEvent = { type: "stop", reason: "end" };

function failing(more: Partial<ModelFailure> = {}): ModelEvent {
  return { type: "failure", failure: { kind: "service", message: "Overloaded", retryable: true, ...more } };
}

/** A model that answers request by request, the last answer for all further ones. */
function answers(...streams: ModelEvent[][]): Model & { requests: number } {
  const model = {
    name: "test/model",
    window: 1000,
    requests: 0,
    async *stream() {
      yield* streams[Math.min(model.requests++, streams.length - 1)] ?? [];
    },
  };
  return model;
}

test("a request is made anew until it is answered, and each retry is told", async () => {
  const clock = testClock({ random: 0.5 });
  const model = answers([text, failing()], [failing()], [text, stop]);
  const reply = await readReply(withRetry(model, { clock, afterText: true }));
  expect(reply).toMatchObject({ text: "Hi", stop: "end", retries: 2 });
  expect(reply.events).toContainEqual({
    type: "retry",
    attempt: 1,
    of: 3,
    waitMs: 250,
    failure: { kind: "service", message: "Overloaded", retryable: true },
  });
  expect(clock.sleeps).toEqual([250, 500]);
});

test("after three retries the failure is final", async () => {
  const model = answers([failing()]);
  const reply = await readReply(withRetry(model, { clock: testClock(), afterText: true }));
  expect(reply.failure?.message).toBe("Overloaded");
  expect(model.requests).toBe(4);
});

test("pauses grow twofold to a cap, and are anything below that by chance", async () => {
  const longest = testClock({ random: 1 });
  await readReply(withRetry(answers([failing()]), { clock: longest, afterText: true, retries: 8 }));
  expect(longest.sleeps).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  const none = testClock({ random: 0 });
  await readReply(withRetry(answers([failing()]), { clock: none, afterText: true }));
  expect(none.sleeps).toEqual([0, 0, 0]);
});

test("the service's own pause is kept when it is longer", async () => {
  const clock = testClock({ random: 1 });
  const model = answers([failing({ retryAfterMs: 7000 })], [failing({ retryAfterMs: 10 })], [stop]);
  await readReply(withRetry(model, { clock, afterText: true }));
  expect(clock.sleeps).toEqual([7000, 1000]);
});

test("a pause of more than a minute is not waited for", async () => {
  const clock = testClock();
  const reply = await readReply(withRetry(answers([failing({ retryAfterMs: 300_000 })]), { clock, afterText: true }));
  expect(reply.failure).toMatchObject({
    message: "Overloaded; it asks to wait 300 s, longer than 60 s",
    retryable: false,
    retryAfterMs: 300_000,
  });
  expect(clock.sleeps).toEqual([]);
});

test("what is not worth a retry is passed on as it is", async () => {
  const model = answers([
    failing({ kind: "request", message: "No such model", retryable: false, retryAfterMs: 300_000 }),
  ]);
  const reply = await readReply(withRetry(model, { clock: testClock(), afterText: true }));
  expect(reply.failure?.message).toBe("No such model");
  expect(model.requests).toBe(1);
});

test("a stream that just ends is a failure, and retried", async () => {
  const reply = await readReply(withRetry(answers([text], [text, stop]), { clock: testClock(), afterText: true }));
  expect(reply).toMatchObject({ text: "Hi", stop: "end", retries: 1 });
});

test("text that was shown is not taken back where that is not allowed", async () => {
  const model = answers([text, failing()], [stop]);
  const reply = await readReply(withRetry(model, { clock: testClock(), afterText: false }));
  expect(reply).toMatchObject({ text: "Hi", retries: 0, failure: { message: "Overloaded" } });
  expect(
    await readReply(withRetry(answers([failing()], [stop]), { clock: testClock(), afterText: false })),
  ).toMatchObject({
    retries: 1,
    stop: "end",
  });
});

test("nothing is retried after the run was ended", async () => {
  for (const at of ["failure", "pause"]) {
    const run = new AbortController();
    const model = answers([text, failing()]);
    const reply = await readReply(
      withRetry(model, { clock: testClock(), afterText: true }),
      question,
      run.signal,
      (event) => {
        if (event.type === (at === "failure" ? "text" : "retry")) run.abort();
      },
    );
    expect(reply.failure).toMatchObject({ message: "The request was cancelled", retryable: false });
    expect(model.requests).toBe(1);
  }
});

test("the model stays what it is", () => {
  expect(withRetry(answers([]), { clock: testClock(), afterText: true })).toMatchObject({
    name: "test/model",
    window: 1000,
  });
});
