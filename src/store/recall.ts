import type { Database } from "bun:sqlite";
import type { RecallQuery, Recalled } from "../core/recall.ts";

/** Of the run with that number and those of its session before it; a sub-agent's are in its own run only. */
const own = `
  FROM events JOIN runs ON runs.number = events.run
  WHERE (runs.number = ?1 OR (?2 IS NULL AND runs.session = (SELECT session FROM runs WHERE number = ?1))) AND runs.number <= ?1
    AND type IN ('user', 'turn_end', 'call_end') AND event ->> '$.agent_id' IS ?2`;

const newest = "ORDER BY events.run DESC, events.seq DESC LIMIT ?4";

const said = `CASE type WHEN 'turn_end' THEN event ->> '$.message' WHEN 'user' THEN event ->> '$.text' ELSE event ->> '$.content' END`;

/** A result that is shown cut has its whole text beside it. */
const stands = `(instr(lower(${said}), lower(?3)) > 0 OR EXISTS (SELECT 1 FROM attachments
  WHERE sha256 = event ->> '$.whole.sha256' AND instr(lower(CAST(bytes AS TEXT)), lower(?3)) > 0))`;

/** To look for something is no place where it stands. */
const notRecalled = `NOT (type = 'turn_end' AND instr(event ->> '$.message', '"name":"context_recall"'))
  AND event ->> '$.name' IS NOT 'context_recall'`;

/** What a run recalls, the newest first. Nothing else is read into memory. */
export function recall(db: Database, run: number, agent: string | null, query: RecallQuery, most: number): Recalled[] {
  const [condition, value] =
    "call" in query
      ? ["type = 'call_end' AND event ->> '$.id' = ?3", query.call]
      : "turn" in query
        ? ["runs.number = ?1 AND event ->> '$.turn' = ?3", query.turn]
        : [`${stands} AND ${notRecalled}`, query.text];
  const statement = db.prepare<{ event: string }, [number, string | null, string | number, number]>(
    `SELECT event ${own} AND ${condition} ${newest}`,
  );
  try {
    return statement.all(run, agent, value, most).map(({ event }): Recalled => JSON.parse(event));
  } finally {
    statement.finalize();
  }
}
