import type { DurableEvent, Stamped } from "./event.ts";
import type { Result } from "./result.ts";

/** What is looked for in what was said and done: a call by its id, all of a turn of this run, or a text in any run of the session. */
export type RecallQuery = { call: string } | { turn: number } | { text: string };

/** A prompt, an answer or the result of a call, as the journal has it. */
export type Recalled = Stamped<Extract<DurableEvent, { type: "user" | "turn_end" | "call_end" }>>;

/** What an agent can read of its own journal: the newest first, at most so many. */
export type RecallDoor = {
  find(query: RecallQuery, most: number): Promise<Result<Recalled[]>>;
  /** The text of a result that was too long for the conversation, by its SHA-256; undefined where it is not kept. */
  whole(sha256: string): Promise<Result<string | undefined>>;
};
