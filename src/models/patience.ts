import type { Clock } from "../core/host.ts";

/** How long a service may say nothing: until the first byte of its answer, and between two pieces of it. Milliseconds. */
export type PatienceLimits = { firstByteMs: number; idleMs: number };

export const defaultPatience: PatienceLimits = { firstByteMs: 120_000, idleMs: 120_000 };

/** The signal of one request, which also ends it when the service says nothing for too long. */
export type Patience = {
  signal: AbortSignal;
  /** Tells that something came. */
  heard(): void;
  /** How long the service was waited for in vain; undefined while it is not too long. */
  spentMs(): number | undefined;
  /** To be called when the request is over. */
  end(): void;
};

export function startPatience(clock: Clock, limits: PatienceLimits, outer: AbortSignal): Patience {
  const request = new AbortController();
  const over = new AbortController();
  let limitMs = limits.firstByteMs;
  let last = clock.now();
  let spent: number | undefined;

  const cancel = () => {
    over.abort("cancelled");
    request.abort(outer.reason);
  };
  if (outer.aborted) cancel();
  else outer.addEventListener("abort", cancel, { once: true });

  // One sleep for each stretch of silence instead of a timer for each piece: pieces come by the thousand.
  const watch = async () => {
    while (!over.signal.aborted) {
      const left = last + limitMs - clock.now();
      if (left > 0) {
        await clock.sleep(left, over.signal);
        continue;
      }
      spent = limitMs;
      request.abort();
      return;
    }
  };
  void watch();

  return {
    signal: request.signal,
    heard() {
      last = clock.now();
      limitMs = limits.idleMs;
    },
    spentMs: () => spent,
    end() {
      // Without a reason an error with its stack is made, for each request.
      over.abort("ended");
      outer.removeEventListener("abort", cancel);
    },
  };
}
