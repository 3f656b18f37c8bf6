import type { Message } from "../core/message.ts";

/**
 * Gives every call of a conversation an id of its own: the service's where it is one, else one that a replay makes again.
 * `slot` counts the calls of this answer from 0.
 */
export function callIds(messages: Message[]): (id: string, slot: number) => string {
  const turns = messages.filter((message) => message.role === "assistant");
  const taken = new Set<string>();
  for (const { calls } of turns) for (const { id } of calls) taken.add(id);
  /** The copies of an id that there are: a service that gives all its calls one id must not make us count them each time. */
  const copies = new Map<string, number>();
  return (id, slot) => {
    const wanted = id === "" ? `call_${turns.length + 1}_${slot + 1}` : id;
    let unique = wanted;
    let copy = copies.get(wanted) ?? 1;
    while (taken.has(unique)) unique = `${wanted}_${++copy}`;
    copies.set(wanted, copy);
    taken.add(unique);
    return unique;
  };
}
