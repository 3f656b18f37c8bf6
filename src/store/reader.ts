import { constants, Database, SQLiteError } from "bun:sqlite";
import { upgrade } from "./schema.ts";

/**
 * What was killed while it wrote may have left something that only who may write can put in order; so that is tried too. SQLite opens a
 * file with a write-ahead log only where it may write beside it; what cannot be written by us at all may be read as it is.
 */
export function openToRead(location: string, waitMs: number): Database {
  const opened = reads(location, { readonly: true }, waitMs) ?? reads(location, { readwrite: true }, waitMs);
  if (opened !== undefined) return opened;
  const { SQLITE_OPEN_READONLY, SQLITE_OPEN_URI } = constants;
  const path = location.replace(/[%?#]/g, encodeURIComponent);
  return new Database(`file:${path}?immutable=1`, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

function reads(location: string, how: { readonly: true } | { readwrite: true }, waitMs: number): Database | undefined {
  let db: Database | undefined;
  try {
    db = new Database(location, { ...how, strict: true });
    db.run(`PRAGMA busy_timeout = ${waitMs}`);
    db.query("SELECT 1 FROM sqlite_master").get();
    return db;
  } catch (error) {
    db?.close();
    // Whoever has locked it writes it: what is in it may be half of something.
    if (error instanceof SQLiteError && error.code?.startsWith("SQLITE_BUSY")) throw error;
    return undefined; // The next way may do.
  }
}

/** The same in memory, with the tables as they are now. */
export function upgraded(db: Database): Database {
  const bytes = db.serialize();
  db.close();
  // In memory there is no write-ahead log: the header's two versions say so.
  bytes.fill(1, 18, 20);
  const copy = Database.deserialize(bytes, { strict: true });
  upgrade(copy);
  return copy;
}
