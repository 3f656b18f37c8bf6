import type { Clock } from "../core/host.ts";
import type { Model, ModelEvent, ModelFailure, ModelRequest } from "../core/model.ts";
import { answered } from "./answered.ts";
import { cancelled } from "./failure.ts";

const baseMs = 500;
const capMs = 30_000;

/** A service that asks for a longer pause gets none: the run ends and says so. */
const longestPauseMs = 60_000;

export type RetryOptions = {
  clock: Clock;
  /** Also makes a request anew when text of its answer was already passed on. */
  afterText: boolean;
  /** How often a failed request is made anew; default 3. */
  retries?: number;
};

/** The same model, which makes a request anew when it failed in a way that may pass. */
export function withRetry(model: Model, { clock, afterText, retries = 3 }: RetryOptions): Model {
  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    for (let attempt = 1; ; attempt++) {
      const ended = yield* answered(model, request, signal);
      if (ended === undefined) return;
      const { said } = ended;
      let { failure } = ended;
      const waitMs = Math.max(failure.retryAfterMs ?? 0, backoff(attempt, clock.random()));
      if (failure.retryable && waitMs > longestPauseMs) failure = tooLong(failure, waitMs);
      if (!failure.retryable || attempt > retries || signal.aborted || (said && !afterText)) {
        yield { type: "failure", failure: signal.aborted ? cancelled : failure };
        return;
      }
      yield { type: "retry", attempt, of: retries, waitMs, failure };
      await clock.sleep(waitMs, signal);
      if (signal.aborted) {
        yield { type: "failure", failure: cancelled };
        return;
      }
    }
  }
  return { ...model, stream };
}

/**
 * Exponential backoff with full jitter: anything from nothing to the whole exponential pause, so that many clients do not come
 * back together (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
function backoff(attempt: number, random: number): number {
  return Math.floor(random * Math.min(capMs, baseMs * 2 ** (attempt - 1)));
}

function tooLong(failure: ModelFailure, waitMs: number): ModelFailure {
  const message = `${failure.message}; it asks to wait ${Math.ceil(waitMs / 1000)} s, longer than ${longestPauseMs / 1000} s`;
  return { ...failure, message, retryable: false };
}
