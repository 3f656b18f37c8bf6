import type { Database } from "bun:sqlite";
import { attachmentsIn } from "../core/kept.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Named, Pruned, PruneRule, WholeRun } from "../core/store.ts";
import type { Take } from "./journal.ts";
import { CallReader, ledger } from "./ledger.ts";
import { rows } from "./sessions.ts";

/** The ids of runs that are gone and whose calls the ledger still has, which attachments runs name, and when what was done last. */
export const manageTables = `
  CREATE TABLE removed (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE uses (
    sha256 TEXT NOT NULL, run INTEGER NOT NULL REFERENCES runs, PRIMARY KEY (sha256, run)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX uses_run ON uses (run);
  CREATE TABLE done (what TEXT PRIMARY KEY, time INTEGER NOT NULL) STRICT;
`;

/** Makes these of a journal that had none. */
export const manageStep = `${manageTables}
  INSERT INTO uses SELECT DISTINCT tree.value, events.run FROM events, json_tree(events.event) AS tree
    WHERE events.type IN ('user', 'call_end', 'file_change') AND instr(event, '"sha256"') AND tree.key = 'sha256'`;

/** The sessions and runs that begin so. A session is as new as its newest run, and stands before it. */
export function matchNames(db: Database, beginning: string, most: number): Named[] {
  const sql = `
    SELECT kind, name FROM (
      SELECT 'session' AS kind, name, (SELECT max(number) FROM runs WHERE session = sessions.id) AS number FROM sessions
      UNION ALL SELECT 'run', id, number FROM runs
    ) WHERE number IS NOT NULL AND substr(name, 1, length(?1)) = ?1
    ORDER BY name = ?1 DESC, number DESC, kind DESC LIMIT ?2`;
  return rows<Named>(db, sql, beginning, most);
}

export function addRuns(
  db: Database,
  session: string | null,
  runs: readonly WholeRun[],
  kept: ReadonlyMap<string, Uint8Array>,
): Result<void> {
  const known = runs.find(({ id }) => rows(db, "SELECT 1 FROM runs WHERE id = ?", id).length > 0);
  if (known !== undefined) return fail("exists", `There is a run '${known.id}' already`);
  if (session !== null && rows(db, "SELECT 1 FROM sessions WHERE name = ?", session).length > 0)
    return fail("exists", `There is a session '${session}' already`);
  const calls = ledger(db);
  const run = (sql: string, ...values: Array<string | number | null | Uint8Array>) => db.run(sql, values);
  const all = db.transaction(() => {
    for (const [sha256, bytes] of kept)
      run("INSERT INTO attachments (sha256, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING", sha256, bytes);
    const created = runs[0]?.started ?? 0;
    const id =
      session === null
        ? null
        : Number(run("INSERT INTO sessions (name, created) VALUES (?, ?)", session, created).lastInsertRowid);
    for (const one of runs) {
      const sql = "INSERT INTO runs (id, session, agent, model, started) VALUES (?, ?, ?, ?, ?)";
      const number = Number(run(sql, one.id, id, one.agent, one.model, one.started).lastInsertRowid);
      const copy = one.copy || rows(db, "SELECT 1 FROM removed WHERE id = ?", one.id).length > 0;
      const reader = new CallReader();
      for (const event of one.events) {
        const { seq, time, type } = event;
        const text = JSON.stringify(event);
        run("INSERT INTO events (run, seq, time, type, event) VALUES (?, ?, ?, ?, ?)", number, seq, time, type, text);
        const call = reader.read(event);
        if (call !== undefined && !copy) calls.add(number, event, call);
        for (const sha256 of attachmentsIn(event))
          run("INSERT INTO uses (sha256, run) VALUES (?, ?) ON CONFLICT DO NOTHING", sha256, number);
      }
    }
  });
  try {
    all.immediate();
  } finally {
    calls.finalize();
  }
  return ok(undefined);
}

export function remove(db: Database, take: Take, { kind, name }: Named): Result<Pruned> {
  if (kind === "run") {
    type Row = { number: number; session: string | null };
    const sql = `SELECT number, sessions.name AS session FROM runs LEFT JOIN sessions ON sessions.id = runs.session
      WHERE runs.id = ?`;
    const found = rows<Row>(db, sql, name)[0];
    if (found === undefined) return fail("not_found", `There is no run '${name}'`);
    if (found.session !== null)
      return fail("unsupported", `Cannot remove run '${name}': it is part of session '${found.session}'`);
    const gone = removeFree(db, take, found.number);
    if (gone === undefined) return fail("exists", `Cannot remove run '${name}': it still runs`);
    return ok({ runs: 1, bytes: gone + sweep(db) });
  }
  const session = rows<{ id: number }>(db, "SELECT id FROM sessions WHERE name = ?", name)[0]?.id;
  if (session === undefined) return fail("not_found", `There is no session '${name}'`);
  const release = take({ session });
  if (release === undefined) return fail("exists", `Cannot remove session '${name}': a run is using it`);
  try {
    const found = rows<{ number: number }>(db, "SELECT number FROM runs WHERE session = ?", session);
    const all = db.transaction(() => {
      const bytes = found.reduce((sum, { number }) => sum + removeRun(db, number), 0);
      db.run("DELETE FROM sessions WHERE id = ?", [session]);
      return bytes;
    });
    return ok({ runs: found.length, bytes: all.immediate() + sweep(db) });
  } finally {
    release();
  }
}

export const dayMs = 86_400_000;

/** So much is done where somebody waits for something else. */
export const dailyRuns = 200;

export function prune(db: Database, take: Take, { now, age, bytes: most, daily }: PruneRule): Pruned {
  const last = rows<{ time: number }>(db, "SELECT time FROM done WHERE what = 'prune'")[0]?.time;
  if (daily && last !== undefined && now - last < dayMs && now >= last) return { runs: 0, bytes: 0 };
  db.run("INSERT INTO done VALUES ('prune', ?1) ON CONFLICT (what) DO UPDATE SET time = ?1", [now]);
  // Nothing has its size taken where all together is less.
  const sized = pagesOf(db).used > most;
  const found = rows<{ number: number; updated: number }>(
    db,
    `SELECT number, coalesce((SELECT time FROM events WHERE run = number ORDER BY seq DESC LIMIT 1), started) AS updated
      FROM runs WHERE session IS NULL ORDER BY number DESC`,
  );
  let together = 0;
  const old = found.filter(({ number, updated }) => {
    if (sized) together += sizeOf(db, number);
    return updated < now - age || together > most;
  });
  let runs = 0;
  let bytes = 0;
  // The oldest first: where it ends early it goes on there.
  for (const { number } of old.toReversed().slice(0, daily ? dailyRuns : Infinity)) {
    const gone = removeFree(db, take, number);
    if (gone === undefined) continue;
    runs++;
    bytes += gone;
  }
  return { runs, bytes: bytes + sweep(db) };
}

/** Removes a run that nobody has now, and says how many bytes its events had; undefined where somebody has it. */
function removeFree(db: Database, take: Take, number: number): number | undefined {
  const release = take({ run: number });
  if (release === undefined) return undefined;
  try {
    return db.transaction(() => removeRun(db, number)).immediate();
  } finally {
    release();
  }
}

/** The ledger keeps the calls, under a number that no run has. */
function removeRun(db: Database, number: number): number {
  const bytes = eventBytes(db, number);
  db.run(
    `INSERT INTO removed (id) SELECT id FROM runs WHERE number = ?1 AND EXISTS (SELECT 1 FROM calls WHERE run = ?1)
      ON CONFLICT DO NOTHING`,
    [number],
  );
  db.run(
    "UPDATE calls SET run = -(SELECT removed.number FROM removed JOIN runs USING (id) WHERE runs.number = ?1) WHERE run = ?1",
    [number],
  );
  for (const table of ["events", "uses"]) db.run(`DELETE FROM ${table} WHERE run = ?`, [number]);
  db.run("DELETE FROM runs WHERE number = ?", [number]);
  return bytes;
}

/** Removes what no run names any more, says how many bytes it had, and gives the space back to the disk. */
function sweep(db: Database): number {
  const unused = "FROM attachments WHERE sha256 NOT IN (SELECT sha256 FROM uses)";
  const bytes = db
    .transaction(() => {
      const found = rows<{ bytes: number | null }>(db, `SELECT sum(octet_length(bytes)) AS bytes ${unused}`)[0]?.bytes;
      db.run(`DELETE ${unused}`);
      return found ?? 0;
    })
    .immediate();
  // In parts, so that whoever writes meanwhile waits for none of it long.
  for (let free = pagesOf(db).free; free > 0;) {
    db.run("PRAGMA incremental_vacuum(1000)");
    const left = pagesOf(db).free;
    // A file of an earlier version cannot do it.
    if (left >= free) break;
    free = left;
  }
  return bytes;
}

function eventBytes(db: Database, run: number): number {
  return sum(db, "SELECT sum(octet_length(event)) AS sum FROM events WHERE run = ?", run);
}

/** What a run takes, with all that it names, which others may name too. */
function sizeOf(db: Database, run: number): number {
  const kept =
    "SELECT sum(octet_length(bytes)) AS sum FROM attachments WHERE sha256 IN (SELECT sha256 FROM uses WHERE run = ?)";
  return eventBytes(db, run) + sum(db, kept, run);
}

function sum(db: Database, sql: string, run: number): number {
  return rows<{ sum: number | null }>(db, sql, run)[0]?.sum ?? 0;
}

/** The bytes that are in use, and the pages that are free. */
function pagesOf(db: Database): { used: number; free: number } {
  const sql =
    "SELECT page_count, freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
  type Row = { page_count: number; freelist_count: number; page_size: number };
  const [row] = rows<Row>(db, sql);
  if (row === undefined) return { used: 0, free: 0 };
  return { used: (row.page_count - row.freelist_count) * row.page_size, free: row.freelist_count };
}
