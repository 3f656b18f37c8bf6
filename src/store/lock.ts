import { Database, SQLiteError } from "bun:sqlite";
import { closeSync, existsSync, openSync, rmSync, statSync } from "node:fs";

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

/**
 * The same for what is locked once as a rule, so that the file is removed when the lock is given back. Whoever had opened it before
 * that has a lock that nobody else sees, and takes the one of the file that is there now.
 */
export function lockOnce(path: string): Release | undefined {
  for (;;) {
    makePrivate(path);
    const before = inode(path);
    let release: Release | undefined;
    try {
      release = lock(path, 0);
    } catch (error) {
      if (inode(path) === before) throw error;
      continue;
    }
    if (release === undefined) return undefined;
    if (before !== undefined && inode(path) === before) {
      return () => {
        rmSync(path, { force: true });
        release();
      };
    }
    release();
  }
}

function inode(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** Makes an empty file that only its owner may open, whatever the umask. SQLite gives its -wal and -shm the same mode. */
export function makePrivate(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
}
