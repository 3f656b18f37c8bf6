import type { Database } from "bun:sqlite";
import { statSync } from "node:fs";

/**
 * Runs a transaction, with no wait for the disk where the write-ahead log is empty. SQLite has the first page of a log on disk before the
 * others, lest frames that an earlier log has left behind be taken for its own; an empty one has none. So a power cut takes what it takes of any
 * commit that is not flushed, and the next that is takes this one along. That nothing is in the log is certain only for who may write.
 */
export function writeFirst<T>(db: Database, act: () => T): T {
  const isEmpty = () => statSync(`${db.filename}-wal`, { throwIfNoEntry: false })?.size === 0;
  const added = isEmpty() ? unsynced(db, () => (isEmpty() ? { value: act() } : undefined)) : undefined;
  return added === undefined ? db.transaction(act).immediate() : added.value;
}

function unsynced<T>(db: Database, act: () => T): T {
  db.run("PRAGMA synchronous = OFF");
  try {
    return db.transaction(act).immediate();
  } finally {
    db.run("PRAGMA synchronous = NORMAL");
  }
}
