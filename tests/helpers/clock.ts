import type { Clock } from "../../src/core/host.ts";

export type TestClock = Clock & {
  /** The sleeps that were asked for, in milliseconds. */
  sleeps: number[];
  /** How many still sleep. */
  sleeping(): number;
  /** Lets time pass; by default until all who sleep have slept enough. */
  pass(ms?: number): void;
};

/** A clock that stands still: short sleeps are over at once, sleeps of `patienceMs` and more when the test says so. */
export function testClock({ random = 0.5, patienceMs = 100_000 } = {}): TestClock {
  let now = Date.UTC(2026, 0, 1);
  let sleepers: Array<{ until: number; wake(): void }> = [];
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
      const until = now + ms;
      await new Promise<void>((wake) => {
        const sleeper = { until, wake };
        sleepers.push(sleeper);
        signal.addEventListener(
          "abort",
          () => {
            sleepers = sleepers.filter((other) => other !== sleeper);
            wake();
          },
          { once: true },
        );
      });
    },
    sleeping: () => sleepers.length,
    pass(ms) {
      now = ms === undefined ? Math.max(now, ...sleepers.map((sleeper) => sleeper.until)) : now + ms;
      const woken = sleepers.filter((sleeper) => sleeper.until <= now);
      sleepers = sleepers.filter((sleeper) => sleeper.until > now);
      for (const sleeper of woken) sleeper.wake();
    },
  };
}
