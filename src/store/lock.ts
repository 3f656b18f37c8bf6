import { Database, SQLiteError } from "bun:sqlite";
import { closeSync, existsSync, openSync } from "node:fs";

/** Gives a lock back. */
export type Release = () => void;

/**
 * Takes the lock that a file stands for, waiting at most `waitMs`; undefined when another holds it. The kernel gives it back
 * when the process dies, however it dies. The file stays: to remove it would race with the next one who locks it.
 */
export function lock(path: string, waitMs: number): Release | undefined {
  makePrivate(path);
  const db = new Database(path, { readwrite: true });
  try {
    db.run(`PRAGMA busy_timeout = ${waitMs}`);
    db.run("PRAGMA journal_mode = MEMORY");
    db.run("BEGIN EXCLUSIVE");
    return () => db.close();
  } catch (error) {
    db.close();
    if (error instanceof SQLiteError && error.code === "SQLITE_BUSY") return undefined;
    throw error;
  }
}

/** Makes an empty file that only its owner may open, whatever the umask. SQLite gives its -wal and -shm the same mode. */
export function makePrivate(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
}
