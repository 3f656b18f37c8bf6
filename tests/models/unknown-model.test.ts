import { expect, test } from "bun:test";
import type { Model, ModelFailure } from "../../src/core/model.ts";
import { ok } from "../../src/core/result.ts";
import { withNearestModel } from "../../src/models/unknown-model.ts";
import { testClock } from "../helpers/clock.ts";
import { question, readReply } from "../helpers/reply.ts";

const unknown: ModelFailure = { kind: "request", message: "no such model", status: 404, retryable: false };

/** What the failure of a model with this list says to do. */
async function hint(list: Model["list"], failure: ModelFailure = unknown, clock = testClock({ patienceMs: 1000 })) {
  const model: Model = {
    name: "openai/gpt-5-5",
    async *stream() {
      yield { type: "failure", failure };
    },
    ...(list === undefined ? {} : { list }),
  };
  const reply = await readReply(withNearestModel(model, "openai", "gpt-5-5", clock));
  expect(reply.failure).toMatchObject(failure);
  return reply.failure?.hint;
}

const names = async () => ok(["gpt-6", "gpt-5.5", "gpt-4.1-mini"]);

test("an unknown model is told with the nearest one that the service has", async () => {
  expect(await hint(names)).toBe("did you mean 'openai/gpt-5.5'?");
  const worded = { ...unknown, status: 400, message: "The requested model 'gpt-5-5' does not exist" };
  expect(await hint(names, worded)).toBe("did you mean 'openai/gpt-5.5'?");
});

test("another failure asks for no list", async () => {
  const never = () => Promise.reject(new Error("Asked"));
  for (const failure of [
    { ...unknown, status: 400, message: "'temperature' is invalid" },
    { ...unknown, kind: "credentials" as const, status: 403 },
    { ...unknown, kind: "service" as const, status: 500 },
  ]) {
    expect(await hint(never, failure)).toBeUndefined();
  }
});

test("a list that is missing, fails, is far from the name or has it gives no hint", async () => {
  expect(await hint(undefined)).toBeUndefined();
  expect(await hint(async () => ({ ok: false, error: unknown }))).toBeUndefined();
  expect(await hint(async () => ok(["llama"]))).toBeUndefined();
  expect(await hint(async () => ok(["gpt-5-5", "gpt-5.5"]))).toBeUndefined();
});

test("a list that takes too long is given up, and its request ended", async () => {
  const clock = testClock({ patienceMs: 1000 });
  const asked = Promise.withResolvers<AbortSignal>();
  const hinted = hint(
    (signal) => {
      asked.resolve(signal);
      return new Promise(() => {});
    },
    unknown,
    clock,
  );
  const signal = await asked.promise;
  clock.pass(5000);
  expect(await hinted).toBeUndefined();
  expect(signal.aborted).toBe(true);
});

test("an answer passes as it is, and so does an interruption", async () => {
  const model: Model = {
    name: "openai/x",
    list: names,
    async *stream() {
      yield { type: "text", text: "Hi" };
      yield { type: "stop", reason: "end" };
    },
  };
  const wrapped = withNearestModel(model, "openai", "x", testClock());
  expect(await readReply(wrapped, question)).toMatchObject({ text: "Hi", stop: "end" });
});
