import type { Clock } from "../core/host.ts";
import type { Model, ModelEvent, ModelFailure } from "../core/model.ts";
import { nearest } from "../core/nearest.ts";

/** A list that takes longer is not worth the wait: it only adds a hint. */
const longestListMs = 5000;

/** The same model; a refusal that means an unknown model names the nearest one that the service has. */
export function withNearestModel(model: Model, provider: string, id: string, clock: Clock): Model {
  const { list } = model;
  if (list === undefined) return model;

  async function nearestModel(signal: AbortSignal): Promise<string | undefined> {
    const over = new AbortController();
    const patience = clock.sleep(longestListMs, over.signal).then(() => undefined);
    const listing = list?.(AbortSignal.any([signal, over.signal]));
    const listed = await Promise.race([listing, patience]);
    over.abort();
    if (listed === undefined || !listed.ok || listed.value.includes(id)) return undefined;
    return nearest(id, listed.value);
  }

  async function* stream(...[request, signal]: Parameters<Model["stream"]>): AsyncGenerator<ModelEvent> {
    for await (const event of model.stream(request, signal)) {
      const near =
        event.type === "failure" && meansUnknownModel(event.failure) ? await nearestModel(signal) : undefined;
      if (event.type !== "failure" || near === undefined) yield event;
      else yield { type: "failure", failure: withHint(event.failure, `did you mean '${provider}/${near}'?`) };
    }
  }

  return { ...model, stream };
}

/** The service may have a way out of its own. */
function withHint(failure: ModelFailure, hint: string): ModelFailure {
  return { ...failure, hint: failure.hint === undefined ? hint : `${failure.hint}; ${hint}` };
}

/** Most services say 404; those that say 400 say more in words. */
function meansUnknownModel({ kind, status, message }: ModelFailure): boolean {
  if (kind !== "request") return false;
  return (
    status === 404 ||
    (status === 400 && /model/i.test(message) && /not (found|exist|supported)|unknown|invalid/i.test(message))
  );
}
