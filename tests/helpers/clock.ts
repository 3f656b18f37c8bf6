import type { Clock } from "../../src/core/host.ts";

export type TestClock = Clock & {
  /** The sleeps that were asked for, in milliseconds. */
  sleeps: number[];
  /** Lets the time of all who still sleep pass. */
  pass(): void;
};

/** A clock that stands still: short sleeps are over at once, sleeps of `patienceMs` and more when the test says so. */
export function testClock({ random = 0.5, patienceMs = 100_000 } = {}): TestClock {
  let now = Date.UTC(2026, 0, 1);
  let sleepers: Array<{ ms: number; wake(): void }> = [];
  let ids = 0;
  const sleeps: number[] = [];
  return {
    sleeps,
    now: () => now,
    random: () => random,
    id: () => `id-${++ids}`,
    async sleep(ms, signal) {
      sleeps.push(ms);
      if (signal.aborted) return;
      if (ms < patienceMs) {
        now += ms;
        return;
      }
      await new Promise<void>((wake) => {
        sleepers.push({ ms, wake });
        signal.addEventListener("abort", () => wake(), { once: true });
      });
    },
    pass() {
      now += Math.max(0, ...sleepers.map((sleeper) => sleeper.ms));
      const woken = sleepers;
      sleepers = [];
      for (const sleeper of woken) sleeper.wake();
    },
  };
}
