import { expect, test } from "bun:test";
import { startPatience } from "../../src/models/patience.ts";
import { testClock } from "../helpers/clock.ts";

const limits = { firstByteMs: 100_000, idleMs: 300_000 };

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

test("the first byte has its own limit", async () => {
  const clock = testClock();
  const patience = startPatience(clock, limits, new AbortController().signal);
  clock.pass(99_999);
  await settled();
  expect(patience.signal.aborted).toBe(false);
  clock.pass(1);
  await settled();
  expect(patience.signal.aborted).toBe(true);
  expect(patience.spentMs()).toBe(100_000);
});

test("silence counts from the last piece", async () => {
  const clock = testClock();
  const patience = startPatience(clock, limits, new AbortController().signal);
  patience.heard();
  for (let piece = 0; piece < 5; piece++) {
    clock.pass(150_000);
    await settled();
    patience.heard();
  }
  expect(patience.signal.aborted).toBe(false);
  clock.pass(300_000);
  await settled();
  clock.pass(300_000);
  await settled();
  expect(patience.spentMs()).toBe(300_000);
});

test("the run's end is the request's, with its reason, and no lost patience", async () => {
  const run = new AbortController();
  const clock = testClock();
  const patience = startPatience(clock, limits, run.signal);
  run.abort("interrupt");
  expect(patience.signal.reason).toBe("interrupt");
  expect(patience.spentMs()).toBeUndefined();
  expect(clock.sleeping()).toBe(0);
  expect(startPatience(clock, limits, run.signal).signal.aborted).toBe(true);
});
