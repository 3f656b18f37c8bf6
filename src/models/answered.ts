import type { Model, ModelEvent, ModelFailure, ModelRequest } from "../core/model.ts";

/** An answer that did not come to its end; `said`: text of it was passed on. */
export type Unanswered = { failure: ModelFailure; said: boolean };

/** Passes on what a model says, but for its failure, which is the value of it all: undefined where the answer came to its end. */
export async function* answered(
  model: Model,
  request: ModelRequest,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent, Unanswered | undefined> {
  let said = false;
  for await (const event of model.stream(request, signal)) {
    if (event.type === "failure") return { failure: event.failure, said };
    said ||= event.type === "text";
    yield event;
    if (event.type === "stop" || event.type === "limit") return undefined;
  }
  const message = `'${model.name}' stopped in the middle of its answer`;
  return { failure: { kind: "network", message, retryable: true }, said };
}
