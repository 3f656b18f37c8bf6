import type { Database } from "bun:sqlite";
import { ledgerStep, ledgerTable } from "./ledger.ts";
import { manageStep, manageTables } from "./manage.ts";
import { routesIndex } from "./routes.ts";

/** "rein" in ASCII: tells our files from other SQLite files. */
const applicationId = 0x7265696e;

/** The version of the tables. A file with a higher one is refused. */
export const schemaVersion = 5;

/** Makes the tables in a file that has none. */
const schema = `
  CREATE TABLE sessions (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created INTEGER NOT NULL) STRICT;
  CREATE TABLE runs (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, session INTEGER REFERENCES sessions,
    agent TEXT NOT NULL, model TEXT NOT NULL, started INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX runs_session ON runs (session, number);
  CREATE TABLE events (
    run INTEGER NOT NULL REFERENCES runs, seq INTEGER NOT NULL, time INTEGER NOT NULL, type TEXT NOT NULL, event TEXT NOT NULL,
    PRIMARY KEY (run, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX turn_ends ON events (run) WHERE type = 'turn_end';
  CREATE INDEX run_ends ON events (run) WHERE type = 'run_end';
  CREATE TABLE attachments (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  ${ledgerTable}
  ${routesIndex};
  ${manageTables}
`;

/** What makes the tables of each version out of those of the version before. */
const steps: ReadonlyArray<{ to: number; sql: string }> = [
  { to: 2, sql: "CREATE TABLE attachments (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT" },
  { to: 3, sql: ledgerStep },
  { to: 4, sql: routesIndex },
  { to: 5, sql: manageStep },
];

/** What is wrong with the file, read without a write. One that nothing is in is new. */
export function inspect(db: Database): string | undefined {
  if (isFresh(db)) return undefined;
  if (pragma(db, "application_id") !== applicationId) return "it is a database of another program";
  const version = pragma(db, "user_version");
  if (version > schemaVersion) {
    return `it was written by a newer version of rein (format ${version}; this one reads ${schemaVersion})`;
  }
  return undefined;
}

/** Makes the tables and says what they are. */
export const makeTables = `${schema}
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};`;

/** Whether the tables are those of an earlier version. */
export function isOlder(db: Database): boolean {
  return pragma(db, "user_version") < schemaVersion;
}

/** Brings the tables of an older version up to ours. Of several processes at once one does it, and the others find it done. */
export function upgrade(db: Database): void {
  if (!isOlder(db)) return;
  db.run("BEGIN IMMEDIATE");
  const version = pragma(db, "user_version");
  for (const { to, sql } of steps) if (to > version) db.run(`${sql}; PRAGMA user_version = ${to}`);
  db.run("COMMIT");
}

/** Also where whoever made it was killed before there was anything in it. */
export function isFresh(db: Database): boolean {
  if (pragma(db, "page_count") === 0) return true;
  const empty = pragma(db, "application_id") === 0 && pragma(db, "user_version") === 0;
  return empty && db.query("SELECT 1 FROM sqlite_master").get() === null;
}

function pragma(db: Database, name: "application_id" | "user_version" | "page_count"): number {
  return db.query<Record<string, number>, []>(`PRAGMA ${name}`).get()?.[name] ?? 0;
}
