import type { Database } from "bun:sqlite";
import type { DurableEvent, Stamped } from "../core/event.ts";
import type { SessionSummary } from "../core/store.ts";

/** What is told of a session or a run, by the run that is `last` of those that `own` picks. */
const told = (name: string, created: string, own: string) => `
  SELECT ${name} AS name, last.id AS run, last.agent, last.model, ${created} AS created,
    (SELECT count(*) FROM runs WHERE ${own}) AS runs,
    (SELECT count(*) FROM runs JOIN events ON events.run = runs.number
      WHERE ${own} AND events.type = 'turn_end' AND event ->> '$.agent_id' IS NULL) AS turns,
    coalesce((SELECT time FROM events WHERE run = last.number ORDER BY seq DESC LIMIT 1), last.started) AS updated,
    (SELECT CASE WHEN type = 'run_end' AND event ->> '$.agent_id' IS NULL THEN event ->> '$.result.outcome' END
      FROM events WHERE run = last.number ORDER BY seq DESC LIMIT 1) AS outcome,
    (SELECT CASE WHEN count(*) = count(cost) THEN coalesce(sum(cost), 0.0) END
      FROM calls JOIN runs ON runs.number = calls.run WHERE ${own}) AS cost`;

const ofSessions = `${told("sessions.name", "sessions.created", "runs.session = sessions.id")}
  FROM sessions JOIN runs AS last ON last.number = (SELECT max(number) FROM runs WHERE session = sessions.id)
  ORDER BY updated DESC, last.number DESC`;

const ofRuns = `${told("NULL", "last.started", "runs.number = last.number")}
  FROM runs AS last WHERE session IS NULL ORDER BY last.number DESC LIMIT ?`;

/** All sessions, newest first. A session whose last run wrote no end was interrupted, or still runs: its outcome is null. */
export function readSessions(db: Database): SessionSummary[] {
  return rows<SessionSummary>(db, ofSessions);
}

/** The runs that are in no session, newest first. */
export function readRuns(db: Database, most: number): SessionSummary[] {
  return rows<SessionSummary>(db, ofRuns, most);
}

/** The events of a session's runs, or of the run with that id; a session's name wins. */
export function readSession(db: Database, name: string): Stamped<DurableEvent>[] | undefined {
  let runs = rows<{ number: number }>(
    db,
    "SELECT runs.number FROM runs JOIN sessions ON sessions.id = runs.session WHERE sessions.name = ? ORDER BY runs.number",
    name,
  );
  if (runs.length === 0) runs = rows(db, "SELECT number FROM runs WHERE id = ?", name);
  if (runs.length === 0) return undefined;
  return runs.flatMap(({ number }) =>
    rows<{ event: string }>(db, "SELECT event FROM events WHERE run = ? ORDER BY seq", number).map(
      ({ event }): Stamped<DurableEvent> => JSON.parse(event),
    ),
  );
}

/** The bytes of an attachment, by their SHA-256. */
export function readAttachment(db: Database, sha256: string): Uint8Array | undefined {
  return rows<{ bytes: Uint8Array }>(db, "SELECT bytes FROM attachments WHERE sha256 = ?", sha256)[0]?.bytes;
}

/** For what comes once in a process. The statement ends with the read: one left open would keep the file from closing. */
export function rows<Row>(db: Database, sql: string, ...values: Array<string | number | null>): Row[] {
  const statement = db.prepare<Row, Array<string | number | null>>(sql);
  try {
    return statement.all(...values);
  } finally {
    statement.finalize();
  }
}
