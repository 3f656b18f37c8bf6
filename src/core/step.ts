import type { DurableEvent } from "./event.ts";

/** What steps end with: an answer of the model, the result of a call, the verdict of a check. */
export type StepEnds = { [Type in "turn_end" | "call_end" | "check"]: Extract<DurableEvent, { type: Type }> };

/**
 * Does something once in a run, however often the run is gone on with: what it came to is journaled before anything follows from it,
 * and where the journal has it `make` is not called. `key` tells steps of one type apart. Undefined: nothing came of it.
 */
export type Step = <T extends keyof StepEnds>(
  type: T,
  key: string,
  make: () => Promise<StepEnds[T] | undefined>,
  durability?: "flush",
) => Promise<StepEnds[T] | undefined>;
