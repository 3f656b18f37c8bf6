import type { Database } from "bun:sqlite";
import type { DurableEvent, Stamped } from "../core/event.ts";

/** Fewer characters of a run's id name none: they may be a word that was meant for something else. */
export const shortestPrefix = 4;

/** The newest run. The file is one user's. */
export function lastRun(db: Database) {
  const sql = `SELECT runs.id AS run, sessions.name AS session FROM runs LEFT JOIN sessions ON sessions.id = runs.session
    ORDER BY number DESC LIMIT 1`;
  return all<{ run: string; session: string | null }>(db, sql)[0];
}

/** The id of the run that a name means; undefined where it means none, or several. */
export function findRun(db: Database, name: string): string | undefined {
  type Row = { id: string };
  const one = (sql: string, ...values: string[]) => all<Row>(db, sql, ...values)[0]?.id;
  const ofSession = "SELECT runs.id FROM runs JOIN sessions ON sessions.id = runs.session WHERE sessions.name = ?";
  const exact =
    one("SELECT id FROM runs WHERE id = ?", name) ?? one(`${ofSession} ORDER BY runs.number DESC LIMIT 1`, name);
  if (exact !== undefined) return exact;
  if (name.length < shortestPrefix) return undefined;
  const begins = all<Row>(db, "SELECT id FROM runs WHERE substr(id, 1, ?) = ? LIMIT 2", name.length, name);
  return begins.length === 1 ? begins[0]?.id : undefined;
}

/** A run by its id, and the session that it is of. */
export function readRun(db: Database, id: string) {
  const sql = `SELECT runs.number, runs.session, sessions.name FROM runs LEFT JOIN sessions ON sessions.id = runs.session
    WHERE runs.id = ?`;
  return all<{ number: number; session: number | null; name: string | null }>(db, sql, id)[0];
}

/** The number of a session's newest run. */
export function newestOf(db: Database, session: number): number | undefined {
  return all<{ newest: number }>(db, "SELECT max(number) AS newest FROM runs WHERE session = ?", session)[0]?.newest;
}

/** The id of the run before that one in its session; null where there is none. */
export function previousOf(db: Database, run: number): string | null {
  const sql = `SELECT id FROM runs WHERE session = (SELECT session FROM runs WHERE number = ?1) AND number < ?1
    ORDER BY number DESC LIMIT 1`;
  return all<{ id: string }>(db, sql, run)[0]?.id ?? null;
}

/** The events of a run, oldest first. */
export function readEvents(db: Database, run: number): Stamped<DurableEvent>[] {
  const rows = all<{ event: string }>(db, "SELECT event FROM events WHERE run = ? ORDER BY seq", run);
  return rows.map(({ event }): Stamped<DurableEvent> => JSON.parse(event));
}

/** The statement ends with the read: one left open would keep the file from closing. */
function all<Row>(db: Database, sql: string, ...values: Array<string | number>): Row[] {
  const statement = db.prepare<Row, Array<string | number>>(sql);
  try {
    return statement.all(...values);
  } finally {
    statement.finalize();
  }
}
