import type { Message } from "../core/message.ts";

/**
 * Gives every call of a conversation an id of its own: the service's where it is one, else one that a replay makes again.
 * `slot` counts the calls of this answer from 0.
 */
export function callIds(messages: Message[]): (id: string, slot: number) => string {
  const turns = messages.filter((message) => message.role === "assistant");
  const taken = new Set(turns.flatMap((message) => message.calls.map((call) => call.id)));
  return (id, slot) => {
    const wanted = id === "" ? `call_${turns.length + 1}_${slot + 1}` : id;
    let unique = wanted;
    for (let copy = 2; taken.has(unique); copy++) unique = `${wanted}_${copy}`;
    taken.add(unique);
    return unique;
  };
}
