import { constants, Database } from "bun:sqlite";
import { upgrade } from "./schema.ts";

/**
 * What was killed while it wrote may have left something that only who may write can put in order; so that is tried too. SQLite opens a
 * file with a write-ahead log only where it may write beside it; what cannot be written by us at all may be read as it is.
 */
export function openToRead(location: string): Database {
  const opened = reads(location, { readonly: true }) ?? reads(location, { readwrite: true });
  if (opened !== undefined) return opened;
  const { SQLITE_OPEN_READONLY, SQLITE_OPEN_URI } = constants;
  const path = location.replace(/[%?#]/g, encodeURIComponent);
  return new Database(`file:${path}?immutable=1`, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

function reads(location: string, how: { readonly: true } | { readwrite: true }): Database | undefined {
  let db: Database | undefined;
  try {
    db = new Database(location, { ...how, strict: true });
    db.run("PRAGMA busy_timeout = 5000");
    db.query("SELECT 1 FROM sqlite_master").get();
    return db;
  } catch {
    db?.close();
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
