import type { DurableEvent, Stamped } from "./event.ts";
import type { OutcomeName } from "./exit.ts";

/** Where one run's durable events go. `flush` returns when the event is on disk, else it is on its way. */
export type Journal = {
  append(event: Stamped<DurableEvent>, durability: "flush" | "normal"): Promise<void>;
  close(): Promise<void>;
};

/** One line of `rein sessions list`. */
export type SessionSummary = {
  name: string;
  agent: string;
  model: string;
  runs: number;
  turns: number;
  /** Milliseconds since 1970. */
  created: number;
  updated: number;
  /** Of the last run; null while it runs or after it was killed. */
  outcome: OutcomeName | null;
};

/** The journals of all runs, and the sessions that name some of them. */
export type Store = {
  /** Opens a new run's journal. With `session` the run becomes the newest of that session, which is made if missing. */
  begin(run: { id: string; session?: string; agent: string; model: string; time: number }): Promise<Journal>;
  sessions(): Promise<SessionSummary[]>;
  /** The durable events of a session's runs, or of the one run with that id, oldest first; undefined when there is no such one. */
  session(name: string): Promise<Stamped<DurableEvent>[] | undefined>;
  close(): Promise<void>;
};
