import type { DurableEvent, Stamped } from "./event.ts";
import type { OutcomeName } from "./exit.ts";
import type { RecallQuery, Recalled } from "./recall.ts";
import type { Result } from "./result.ts";
import type { Scorer, Side } from "./route.ts";

/** The variable that names another place for the journal. It may hold a password: no child gets it, and its value is masked. */
export const storeVariable = "REIN_STORE";

/** Where one run's durable events go. `flush` returns when the event is on disk, else it is on its way. */
export type Journal = {
  /** The run of the session before it; null where it is the first, or of no session. */
  before: string | null;
  append(event: Stamped<DurableEvent>, durability: "flush" | "normal"): Promise<Result<void>>;
  /** Keeps the bytes of an attachment or of a whole result, once for all runs. An event that names them by their SHA-256 comes after it. */
  keep(sha256: string, bytes: Uint8Array): Promise<Result<void>>;
  /**
   * What this run and those of its session before it were asked, answered and got, the newest first. `agent` is the id of a
   * sub-agent, or null for the run's own.
   */
  recall(query: RecallQuery, agent: string | null, most: number): Promise<Result<Recalled[]>>;
  /** Gives the run, and its session, free for the next who takes it. */
  close(): Promise<void>;
};

/** An earlier run that is gone on with: its journal, its session, and its durable events so far, oldest first. */
export type ResumedRun = { journal: Journal; session: string | null; events: Stamped<DurableEvent>[] };

/** One line of `rein sessions list`: a session, or a run that is in none. */
export type SessionSummary = {
  /** Null for a run that is in no session. */
  name: string | null;
  /** The id of its last run. */
  run: string;
  agent: string;
  model: string;
  runs: number;
  turns: number;
  /** Milliseconds since 1970. */
  created: number;
  updated: number;
  /** Of the last run; null while it runs or after it was killed. */
  outcome: OutcomeName | null;
  /** What its calls cost here, in US dollars; null where a price is not known. Those of a copy were paid for elsewhere. */
  cost: number | null;
};

/** What a word can stand for: a session by its name, or a run by its id. */
export type Named = { kind: "session" | "run"; name: string };

/** A run with all that was journaled of it. */
export type WholeRun = {
  id: string;
  agent: string;
  model: string;
  /** In milliseconds since 1970. */
  started: number;
  events: Stamped<DurableEvent>[];
  /** Its calls are in the ledger already, with another run's or on another machine's account. */
  copy: boolean;
};

/** Which runs without a session go: those that ended so long ago, in ms, and the oldest of those that have more bytes together. */
export type PruneRule = {
  now: number;
  age: number;
  bytes: number;
  /** A little of it, and nothing where it was done within a day. */
  daily?: true;
};

/** How many runs are gone, and the bytes that their events, and the attachments that nobody names any more, had. */
export type Pruned = { runs: number; bytes: number };

/** One call of a model, as the ledger has it. Tokens and times as in the events of it. */
export type CallRow = {
  run: string;
  session: string | null;
  /** The agent that asked, by name, and its id where it is a sub-agent. */
  agent: string;
  agent_id: string | null;
  model: string;
  /** Of the route that chose the model. */
  side: Side | null;
  /** What came of it: an answer, nothing that was kept, a summary of earlier turns, or what an MCP server had asked for. */
  kind: "answer" | "discarded" | "summary" | "sampling";
  /** When it was over, in milliseconds since 1970. */
  time: number;
  input: number;
  output: number;
  cached: number;
  cache_write: number;
  reasoning: number;
  /** In US dollars; null where the price was not known. */
  cost: number | null;
  notional: boolean;
  estimated: boolean;
  duration_ms: number | null;
  first_token_ms: number | null;
};

/** What a route has decided for one run, and how that came out. */
export type RouteRow = {
  agent: string;
  side: Side;
  scorer: Scorer;
  score: number | null;
  threshold: number;
  /** In US dollars; null where it is not known, and while the run goes on. */
  cost: number | null;
  /** From the decision to the run's end; null where there is none. */
  ms: number | null;
  /** A check failed, or the answer did not fit. */
  failed: boolean;
  /** The complex model had to go on. */
  escalated: boolean;
};

/** The journals of all runs, and the sessions that name some of them. */
export type Store = {
  /**
   * Opens a new run's journal. With `session` the run becomes the newest of that session, which is made if missing. A session
   * has one run at a time, also across processes: the second fails. Read a session's earlier runs after this.
   */
  begin(run: NewRun): Promise<Result<Journal>>;
  /**
   * What ran last, by the run's id; `session` is null where it is in none. In a journal that several share: of the runs that whoever asks
   * has begun, or added, on this machine.
   */
  last(): Promise<Result<{ run: string; session: string | null } | undefined>>;
  /** The id of the run that is meant by an id or the start of one, or by the name of a session for its newest run. */
  findRun(name: string): Promise<Result<string | undefined>>;
  /**
   * Opens the journal of an earlier run again, by its id. A run has one process at a time: `exists` while another has it, or its
   * session; `changed` where its session has newer runs.
   */
  resume(id: string): Promise<Result<ResumedRun>>;
  /** Newest first. */
  sessions(): Promise<Result<SessionSummary[]>>;
  /** The runs that are in no session, the newest first, at most so many. */
  runs(most: number): Promise<Result<SessionSummary[]>>;
  /** The sessions and runs that begin so: what is exactly it first, then the newest first. Of a session that is newest before its run. */
  match(beginning: string, most: number): Promise<Result<Named[]>>;
  /** The durable events of a session's runs, or of the one run with that id, oldest first; undefined when there is no such one. */
  session(name: string): Promise<Result<Stamped<DurableEvent>[] | undefined>>;
  /** What routes have decided since a time, oldest first. */
  routes(since: number): Promise<Result<RouteRow[]>>;
  /** The model calls of all runs since a time, in milliseconds since 1970, oldest first. */
  calls(since: number): Promise<Result<CallRow[]>>;
  /** The bytes that a journal was given to keep; undefined where there are none of this SHA-256. */
  attachment(sha256: string): Promise<Result<Uint8Array | undefined>>;
  /** Adds runs with what they kept, by SHA-256, under a new session's name or under none: all of it or nothing. */
  add(session: string | null, runs: readonly WholeRun[], kept: ReadonlyMap<string, Uint8Array>): Promise<Result<void>>;
  /** Removes a session with its runs, or a run that is in none. What they cost stays in the ledger. */
  remove(what: Named): Promise<Result<Pruned>>;
  /** Removes runs that are in no session, and what nobody names any more; the space is given back. */
  prune(rule: PruneRule): Promise<Result<Pruned>>;
  close(): Promise<void>;
};

/** What can be done with a journal that is only read. */
export type Reader = Pick<
  Store,
  "last" | "findRun" | "sessions" | "runs" | "match" | "session" | "routes" | "calls" | "attachment" | "close"
>;

/** `time` is in milliseconds since 1970. */
export type NewRun = { id: string; session?: string; agent: string; model: string; time: number };
