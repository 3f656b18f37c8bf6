import type { Database } from "bun:sqlite";
import type { DurableEvent, Nested, Stamped } from "../core/event.ts";
import type { CallRow } from "../core/store.ts";
import { rows } from "./sessions.ts";

/** The table of model calls: one for each request that used tokens, beside the event that tells of it. */
export const ledgerTable = `
  CREATE TABLE calls (
    run INTEGER NOT NULL REFERENCES runs, seq INTEGER NOT NULL, time INTEGER NOT NULL, kind TEXT NOT NULL,
    agent TEXT NOT NULL, agent_id TEXT, model TEXT NOT NULL, side TEXT,
    input INTEGER NOT NULL, output INTEGER NOT NULL, cached INTEGER NOT NULL, cache_write INTEGER NOT NULL,
    reasoning INTEGER NOT NULL, cost REAL, notional INTEGER NOT NULL, estimated INTEGER NOT NULL,
    duration_ms REAL, first_token_ms REAL,
    PRIMARY KEY (run, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX calls_time ON calls (time);
`;

/** The calls that the events of versions without a ledger tell of. What they cost nobody had asked; what is here costs nothing. */
const told = `
  SELECT run, seq, time, 'answer' AS kind, agent, agent_id, model, NULL AS side,
    event ->> '$.usage.input' AS input, event ->> '$.usage.output' AS output, event ->> '$.usage.cached' AS cached,
    coalesce(event ->> '$.usage.cache_write', 0) AS cache_write, event ->> '$.usage.reasoning' AS reasoning,
    CASE WHEN model LIKE 'local/%' OR model LIKE 'scripted/%' THEN 0.0 END AS cost, 0 AS notional, 0 AS estimated,
    event ->> '$.duration_ms' AS duration_ms, event ->> '$.first_token_ms' AS first_token_ms
  FROM (
    SELECT ends.run, ends.seq, ends.time, ends.event, ends.event ->> '$.agent_id' AS agent_id,
      coalesce(start ->> '$.agent', runs.agent) AS agent, coalesce(start ->> '$.model', runs.model) AS model
    FROM (
      SELECT events.*, CASE WHEN event ->> '$.agent_id' IS NOT NULL THEN (
        SELECT starts.event FROM events AS starts WHERE starts.run = events.run AND starts.type = 'run_start'
          AND starts.event ->> '$.agent_id' = events.event ->> '$.agent_id' LIMIT 1
      ) END AS start
      FROM events WHERE type = 'turn_end'
    ) AS ends JOIN runs ON runs.number = ends.run
  )`;

/** Makes the ledger of a journal that had none. */
export const ledgerStep = `${ledgerTable} INSERT INTO calls ${told}`;

/** A call as it is written: what the run and its session are called the tables of these know. */
export type Call = Omit<CallRow, "run" | "session" | "time">;

/** Reads the calls of one run off its events. */
export class CallReader {
  readonly #agents = new Map<string, Pick<Call, "agent" | "model" | "side">>();

  /** The call that an event tells of; undefined where it tells of none. */
  read(event: DurableEvent & Nested): Call | undefined {
    const id = event.agent_id ?? "";
    const asking = this.#agents.get(id) ?? { agent: "", model: "", side: null };
    switch (event.type) {
      case "run_start":
        this.#agents.set(id, { agent: event.agent, model: event.model, side: null });
        return undefined;
      case "route":
        this.#agents.set(id, { ...asking, side: event.side });
        return undefined;
      case "escalate":
        this.#agents.set(id, { ...asking, side: "complex" });
        return undefined;
      case "turn_end":
        return { ...call(event, asking), kind: "answer" };
      case "attempt_discarded":
        return { ...call({ ...event, duration_ms: null, first_token_ms: null }, asking), kind: "discarded" };
      case "sampling":
        return { ...call({ ...event, first_token_ms: null }, { ...asking, side: null }), kind: "sampling" };
      case "compact":
        if (event.summary === undefined) return undefined;
        return {
          ...call({ ...event.summary, agent_id: event.agent_id, first_token_ms: null }, { ...asking, side: null }),
          kind: "summary",
        };
      default:
        return undefined;
    }
  }
}

type Told = {
  agent_id?: string | undefined;
  model?: string;
  usage: { input: number; output: number; cached: number; reasoning: number; cache_write?: number };
  cost?: number;
  notional?: true;
  estimated?: true;
  duration_ms: number | null;
  first_token_ms: number | null;
};

function call(event: Told, { agent, model, side }: Pick<Call, "agent" | "model" | "side">): Omit<Call, "kind"> {
  const { input, output, cached, reasoning, cache_write = 0 } = event.usage;
  return {
    agent,
    agent_id: event.agent_id ?? null,
    model: event.model ?? model,
    side,
    input,
    output,
    cached,
    cache_write,
    reasoning,
    cost: event.cost ?? null,
    notional: event.notional ?? false,
    estimated: event.estimated ?? false,
    duration_ms: event.duration_ms,
    first_token_ms: event.first_token_ms,
  };
}

/** The writing side. */
export function ledger(db: Database) {
  type Values = Array<string | number | null>;
  const add = db.prepare<null, Values>(`INSERT INTO calls VALUES (${Array(18).fill("?").join(", ")})`);
  return {
    add(run: number, { seq, time }: Pick<Stamped, "seq" | "time">, one: Call): void {
      const asking = [one.agent, one.agent_id, one.model, one.side];
      const tokens = [one.input, one.output, one.cached, one.cache_write, one.reasoning];
      const paid = [one.cost, one.notional ? 1 : 0, one.estimated ? 1 : 0];
      add.run(run, seq, time, one.kind, ...asking, ...tokens, ...paid, one.duration_ms, one.first_token_ms);
    },
    finalize: () => add.finalize(),
  };
}

/** The last time that is a date; a clock or a disk that went wrong may have left others, which belong to no day. */
const lastTime = 8.64e15;

const since = `
  SELECT coalesce(runs.id, removed.id) AS run, sessions.name AS session, calls.agent, agent_id, calls.model, side, kind, time,
    input, output, cached, cache_write, reasoning, cost, notional, estimated, duration_ms, first_token_ms
  FROM calls LEFT JOIN runs ON runs.number = calls.run LEFT JOIN removed ON removed.number = -calls.run
    LEFT JOIN sessions ON sessions.id = runs.session
  WHERE time BETWEEN ? AND ${lastTime} ORDER BY time, abs(calls.run), seq`;

/** The calls since a time, oldest first; those of runs that were removed too. */
export function readCalls(db: Database, time: number): CallRow[] {
  type Row = Omit<CallRow, "notional" | "estimated"> & { notional: number; estimated: number };
  return rows<Row>(db, since, time).map((row) => ({
    ...row,
    notional: row.notional === 1,
    estimated: row.estimated === 1,
  }));
}
