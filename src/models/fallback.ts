import type { Model, ModelEvent, ModelFailure, ModelRequest } from "../core/model.ts";
import { answered } from "./answered.ts";

/** A model that nothing is missing for. It is made when it is asked first: what is made loads the SDK of its service. */
export type Candidate = {
  name: string;
  /** Its context window in tokens, where it is known before. */
  window?: number;
  make(): Promise<Model>;
};

export type FallbackOptions = {
  /** Also asks another model when text of an answer was already passed on. */
  afterText: boolean;
  /** What `Model` says of it. */
  stronger?: Model;
};

/**
 * A model for which others stand in, in their order, from the request on at which it could not be had, and for the rest of the run:
 * to ask it again each turn would cost its retries each time. Runs that share it go on together.
 */
export function withFallback(
  first: Model,
  others: readonly Candidate[],
  { afterText, stronger }: FallbackOptions,
): Model {
  if (others.length === 0 && stronger === undefined) return first;
  const made: Array<Promise<Model>> = [Promise.resolve(first)];
  const open: Model[] = [first];
  let at = 0;
  let current = first;

  /** The one after that at `index`, which may be in use already; undefined where there is none. */
  async function after(index: number): Promise<Model | undefined> {
    const next = others[index];
    if (next === undefined) return undefined;
    const making = (made[index + 1] ??= next.make());
    const model = await making;
    if (!open.includes(model)) open.push(model);
    if (at <= index) {
      at = index + 1;
      current = model;
    }
    return model;
  }

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    let asked = at;
    let model = current;
    for (;;) {
      const ended = yield* answered(model, request, signal);
      if (ended === undefined) return;
      const { failure, said } = ended;
      const mayAsk = !signal.aborted && isOut(failure) && (!said || afterText);
      const next = mayAsk ? await after(asked) : undefined;
      if (next === undefined) {
        yield { type: "failure", failure };
        return;
      }
      yield { type: "fallback", from: model.name, to: next.name, failure };
      model = next;
      asked++;
    }
  }

  return {
    get name() {
      return current.name;
    },
    get window() {
      return current.window;
    },
    get answer() {
      return current.answer;
    },
    get size() {
      return current.size;
    },
    stream,
    close() {
      for (const model of open) model.close?.();
      stronger?.close?.();
    },
    ...(stronger === undefined ? {} : { stronger }),
  };
}

/**
 * Whether another model may do what this one did not: it is down, has refused whoever asks, or is not there. A request that is wrong
 * is wrong for others too.
 */
function isOut({ kind, status }: ModelFailure): boolean {
  return kind !== "request" || status === 404;
}
