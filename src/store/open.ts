import { Database, SQLiteError } from "bun:sqlite";
import { chmodSync, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { fail, ok, type Result } from "../core/result.ts";
import type { CallRow, Reader, Store } from "../core/store.ts";
import { journals, type Take } from "./journal.ts";
import { readCalls } from "./ledger.ts";
import { addRuns, matchNames, prune, remove } from "./manage.ts";
import { lock, lockOnce, makePrivate } from "./lock.ts";
import { readRoutes } from "./routes.ts";
import { findRun, lastRun } from "./runs.ts";
import { openToRead, upgraded } from "./reader.ts";
import { inspect, isFresh, isOlder, makeTables, upgrade } from "./schema.ts";
import { readAttachment, readRuns, readSession, readSessions } from "./sessions.ts";

/** How long a statement waits for another process's, in ms. */
const busyMs = 5000;

/**
 * Opens the journal: a PostgreSQL URL, or a file at an absolute path, made where it is missing: the folder 0700, files 0600. A file that is
 * newer, damaged, not ours or not writable is a failure, and is left as it is.
 */
export async function openStore(location: string, waitMs = busyMs): Promise<Result<Store>> {
  if (isPostgres(location)) return shared(location, false);
  if (!isAbsolute(location)) return fail("failed", noPlace);
  if (isFolder(location)) return fail("failed", `Cannot open the journal '${location}': it is a folder`);
  let db: Database | undefined;
  try {
    mkdirSync(dirname(location), { recursive: true, mode: 0o700 });
    makePrivate(location);
    db = new Database(location, { readwrite: true, strict: true });
    db.run(`PRAGMA busy_timeout = ${waitMs}`);
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

/**
 * Opens the journal to read it. Where there is none the store is empty, and no file is made. Nothing is written, so that a file that
 * may not be, or cannot be on a full disk, is read too; one of an earlier version is brought up to ours in memory.
 */
export async function findStore(location: string | undefined, waitMs = busyMs): Promise<Result<Reader>> {
  if (location !== undefined && isPostgres(location)) return shared(location, true);
  if (location !== undefined && !isAbsolute(location)) return fail("failed", noPlace);
  if (location === undefined) return ok(memoryStore());
  let db: Database | undefined;
  try {
    const stat = statSync(location, { throwIfNoEntry: false });
    if (stat === undefined) return ok(memoryStore());
    if (stat.isDirectory()) return fail("failed", `Cannot read the journal '${location}': it is a folder`);
    db = openToRead(location, waitMs);
    const wrong = inspect(db);
    if (wrong !== undefined) {
      db.close();
      return fail("failed", `Cannot read the journal '${location}': ${wrong}`);
    }
    // One that a process is making.
    if (isFresh(db)) {
      db.close();
      return ok(memoryStore());
    }
    if (isOlder(db)) db = upgraded(db);
    return ok(store(db, `the journal '${location}'`, () => undefined));
  } catch (error) {
    db?.close();
    return fail("failed", `Cannot read the journal '${location}': ${reason(error)}`);
  }
}

function isFolder(location: string): boolean {
  return existsSync(location) && statSync(location).isDirectory();
}

/** What else it is may hold a password. */
const noPlace = "Cannot open the journal: REIN_STORE is neither a 'postgres://' URL nor an absolute path";

/** Whether a place is a PostgreSQL database. */
export function isPostgres(location: string): boolean {
  return /^postgres(ql)?:/i.test(location);
}

async function shared(url: string, reading: boolean): Promise<Result<Store>> {
  const { openPostgres } = await import("./postgres.ts");
  const opened = await openPostgres(url, reading);
  return opened.ok ? ok(opened.value ?? memoryStore()) : opened;
}

/** The model calls of all runs since a time, in milliseconds since 1970, oldest first. Nothing is written, and nothing made. */
export async function findCalls(location: string | undefined, since: number): Promise<Result<CallRow[]>> {
  const store = await findStore(location);
  if (!store.ok) return store;
  try {
    return await store.value.calls(since);
  } finally {
    await store.value.close();
  }
}

/** A store that ends with the process, for when the journal cannot be written. */
export function memoryStore(): Store {
  const db = new Database(":memory:", { strict: true });
  db.run(makeTables);
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
    last: async () => attempt(`read ${name}`, () => ok(lastRun(db))),
    findRun: async (run) => attempt(`read ${name}`, () => ok(findRun(db, run))),
    resume: async (id) => attempt(`write ${name}`, () => resume(id, (act) => attempt(`write ${name}`, act))),
    sessions: async () => attempt(`read ${name}`, () => ok(readSessions(db))),
    runs: async (most) => attempt(`read ${name}`, () => ok(readRuns(db, most))),
    match: async (beginning, most) => attempt(`read ${name}`, () => ok(matchNames(db, beginning, most))),
    routes: async (since) => attempt(`read ${name}`, () => ok(readRoutes(db, since))),
    session: async (session) => attempt(`read ${name}`, () => ok(readSession(db, session))),
    calls: async (since) => attempt(`read ${name}`, () => ok(readCalls(db, since))),
    attachment: async (sha256) => attempt(`read ${name}`, () => ok(readAttachment(db, sha256))),
    add: async (session, runs, kept) => attempt(`write ${name}`, () => addRuns(db, session, runs, kept)),
    remove: async (what) => attempt(`write ${name}`, () => remove(db, take, what)),
    prune: async (rule) => attempt(`write ${name}`, () => ok(prune(db, take, rule))),
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
  if (error instanceof SQLiteError && error.code?.startsWith("SQLITE_BUSY")) return "another process has locked it";
  return error instanceof Error ? error.message : String(error);
}

/** Makes the tables. Under a lock, since SQLite does not wait for others where it switches a file to WAL. */
function initialise(db: Database, locks: string): string | undefined {
  mkdirSync(locks, { recursive: true, mode: 0o700 });
  const release = lock(join(locks, "open"), busyMs);
  if (release === undefined) return "another process is making it";
  try {
    if (!isFresh(db)) return inspect(db);
    // Only before there are tables can space be given back in small parts.
    db.run("PRAGMA auto_vacuum = INCREMENTAL");
    db.run(`BEGIN IMMEDIATE; ${makeTables} COMMIT`);
    db.run("PRAGMA journal_mode = WAL");
    return undefined;
  } finally {
    release();
  }
}

/** Takes from others what an older umask or a copy gave them. */
function tighten(location: string): void {
  for (const path of [location, `${location}-wal`, `${location}-shm`]) {
    if (existsSync(path) && (statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  }
}
