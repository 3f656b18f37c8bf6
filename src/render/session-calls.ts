import type { DurableEvent, Stamped } from "../core/event.ts";

type Of<T extends DurableEvent["type"]> = Stamped<Extract<DurableEvent, { type: T }>>;

/** Which calls of one agent began, and how each ended first. A call is told by its turn and its id. */
export function callsOf(own: readonly Stamped<DurableEvent>[]) {
  const begun = new Map<string, Of<"call_start">>();
  const ended = new Map<string, Of<"call_end">>();
  const key = (turn: number, id: string) => `${turn} ${id}`;
  for (const event of own.toReversed()) {
    if (event.type === "call_start") begun.set(key(event.turn, event.call.id), event);
    if (event.type === "call_end") ended.set(key(event.turn, event.id), event);
  }
  return {
    begun: ({ turn, id }: Of<"call_end">) => begun.get(key(turn, id)),
    ended: ({ turn, call }: Of<"call_start">) => ended.get(key(turn, call.id)),
  };
}

export type Calls = ReturnType<typeof callsOf>;
