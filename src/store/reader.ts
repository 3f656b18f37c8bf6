import { constants, Database } from "bun:sqlite";
import { upgrade } from "./schema.ts";

/** SQLite opens a file with a write-ahead log only where it may write beside it; what cannot be written by us may be read as it is. */
export function openToRead(location: string): Database {
  let db: Database | undefined;
  try {
    db = new Database(location, { readonly: true, strict: true });
    db.run("PRAGMA busy_timeout = 5000");
    db.query("SELECT 1 FROM sqlite_master").get();
    return db;
  } catch {
    db?.close();
    const { SQLITE_OPEN_READONLY, SQLITE_OPEN_URI } = constants;
    const path = location.replace(/[%?#]/g, encodeURIComponent);
    return new Database(`file:${path}?immutable=1`, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
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
