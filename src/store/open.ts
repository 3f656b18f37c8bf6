import { Database } from "bun:sqlite";
import { chmodSync, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail, ok, type Result } from "../core/result.ts";
import type { CallRow, Store } from "../core/store.ts";
import { journals, type Take } from "./journal.ts";
import { ledgerStep, ledgerTable, readCalls } from "./ledger.ts";
import { lock, lockOnce, makePrivate } from "./lock.ts";
import { readRoutes, routesIndex } from "./routes.ts";
import { findRun } from "./runs.ts";
import { readAttachment, readSession, readSessions } from "./sessions.ts";

/** "rein" in ASCII: tells our files from other SQLite files. */
const applicationId = 0x7265696e;

/** The version of the tables. A file with a higher one is refused. */
const schemaVersion = 4;

/** How long a statement waits for another process's. */
const busyMs = 5000;

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
`;

/** What makes the tables of each version out of those of the version before. */
const steps: ReadonlyArray<{ to: number; sql: string }> = [
  { to: 2, sql: "CREATE TABLE attachments (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT" },
  { to: 3, sql: ledgerStep },
  { to: 4, sql: routesIndex },
];

/**
 * Opens the journal file at an absolute path and makes it where it is missing: the folder 0700, files 0600. A file that is
 * newer, damaged, not ours or not writable is a failure, and is left as it is.
 */
export async function openStore(location: string): Promise<Result<Store>> {
  let db: Database | undefined;
  try {
    mkdirSync(dirname(location), { recursive: true, mode: 0o700 });
    makePrivate(location);
    db = new Database(location, { readwrite: true, strict: true });
    db.run(`PRAGMA busy_timeout = ${busyMs}`);
    const locks = `${location}-locks`;
    const wrong = inspect(db) ?? (isFresh(db) ? initialise(db, locks) : undefined);
    if (wrong === undefined) upgrade(db);
    if (wrong !== undefined) {
      db.close();
      return fail("failed", `Cannot open the journal '${location}': ${wrong}`);
    }
    tighten(location);
    db.run("PRAGMA synchronous = NORMAL");
    // SQLite opens a file that it may not write without a word; this says so before anything depends on it.
    db.run("BEGIN IMMEDIATE; ROLLBACK");
    return ok(
      store(db, `the journal '${location}'`, (what) => {
        mkdirSync(locks, { recursive: true, mode: 0o700 });
        return "run" in what
          ? lockOnce(join(locks, `run-${what.run}`))
          : lock(join(locks, `session-${what.session}`), 0);
      }),
    );
  } catch (error) {
    db?.close();
    return fail("failed", `Cannot open the journal '${location}': ${reason(error)}`);
  }
}

/** Opens the journal file to read it. Where there is none the store is empty, and no file is made. */
export async function findStore(location: string | undefined): Promise<Result<Store>> {
  return location !== undefined && existsSync(location) ? openStore(location) : ok(memoryStore());
}

/** The model calls of all runs since a time, in milliseconds since 1970, oldest first. Nothing is written, and nothing made. */
export function findCalls(location: string | undefined, since: number): Result<CallRow[]> {
  return location !== undefined && existsSync(location) ? readCalls(location, since, inspect) : ok([]);
}

/** A store that ends with the process, for when the journal cannot be written. */
export function memoryStore(): Store {
  const db = new Database(":memory:", { strict: true });
  db.run(schema);
  const held = new Set<string>();
  return store(db, "the journal in memory", (what) => {
    const key = JSON.stringify(what);
    if (held.has(key)) return undefined;
    held.add(key);
    return () => held.delete(key);
  });
}

function store(db: Database, name: string, take: Take): Store {
  const { begin, resume, finalize } = journals(db, take);
  return {
    begin: async (run) => attempt(`write ${name}`, () => begin(run, (act) => attempt(`write ${name}`, act))),
    findRun: async (run) => attempt(`read ${name}`, () => ok(findRun(db, run))),
    resume: async (id) => attempt(`write ${name}`, () => resume(id, (act) => attempt(`write ${name}`, act))),
    sessions: async () => attempt(`read ${name}`, () => ok(readSessions(db))),
    routes: async (since) => attempt(`read ${name}`, () => ok(readRoutes(db, since))),
    session: async (session) => attempt(`read ${name}`, () => ok(readSession(db, session))),
    attachment: async (sha256) => attempt(`read ${name}`, () => ok(readAttachment(db, sha256))),
    async close() {
      finalize();
      db.close();
    },
  };
}

function attempt<T>(action: string, act: () => Result<T>): Result<T> {
  try {
    return act();
  } catch (error) {
    return fail("failed", `Cannot ${action}: ${reason(error)}`);
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What is wrong with the file, read without a write. A file of no pages is new. */
function inspect(db: Database): string | undefined {
  if (isFresh(db)) return undefined;
  if (pragma(db, "application_id") !== applicationId) return "it is a database of another program";
  const version = pragma(db, "user_version");
  if (version > schemaVersion) {
    return `it was written by a newer version of rein (format ${version}; this one reads ${schemaVersion})`;
  }
  return undefined;
}

/** Makes the tables. Under a lock, since SQLite does not wait for others where it switches a file to WAL. */
function initialise(db: Database, locks: string): string | undefined {
  mkdirSync(locks, { recursive: true, mode: 0o700 });
  const release = lock(join(locks, "open"), busyMs);
  if (release === undefined) return "another process is making it";
  try {
    if (!isFresh(db)) return inspect(db);
    db.run(`BEGIN IMMEDIATE; ${schema}
      PRAGMA application_id = ${applicationId};
      PRAGMA user_version = ${schemaVersion};
      COMMIT`);
    db.run("PRAGMA journal_mode = WAL");
    return undefined;
  } finally {
    release();
  }
}

/** Brings the tables of an older version up to ours. Of several processes at once one does it, and the others find it done. */
function upgrade(db: Database): void {
  if (pragma(db, "user_version") >= schemaVersion) return;
  db.run("BEGIN IMMEDIATE");
  const version = pragma(db, "user_version");
  for (const { to, sql } of steps) if (to > version) db.run(`${sql}; PRAGMA user_version = ${to}`);
  db.run("COMMIT");
}

function isFresh(db: Database): boolean {
  return pragma(db, "page_count") === 0;
}

function pragma(db: Database, name: "application_id" | "user_version" | "page_count"): number {
  return db.query<Record<string, number>, []>(`PRAGMA ${name}`).get()?.[name] ?? 0;
}

/** Takes from others what an older umask or a copy gave them. */
function tighten(location: string): void {
  for (const path of [location, `${location}-wal`, `${location}-shm`]) {
    if (existsSync(path) && (statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  }
}
