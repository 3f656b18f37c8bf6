import { Database } from "bun:sqlite";

/** More than these nobody picks from a list. */
const most = 500;

/**
 * The names of the sessions, newest first, for completions: the file is only read, it is not waited for, and where anything is in the
 * way there are none.
 */
export function readNames(location: string): string[] {
  let db: Database | undefined;
  try {
    db = new Database(location, { readonly: true, strict: true });
    db.run("PRAGMA busy_timeout = 100");
    const names = db.query<{ name: string }, [number]>("SELECT name FROM sessions ORDER BY id DESC LIMIT ?");
    return names.all(most).map(({ name }) => name);
  } catch {
    return []; // There is no such file, or it is not ours.
  } finally {
    db?.close();
  }
}
