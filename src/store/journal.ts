import type { Database } from "bun:sqlite";
import type { DurableEvent, Stamped } from "../core/event.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Journal, NewRun, ResumedRun } from "../core/store.ts";
import { writeFirst } from "./first-write.ts";
import { CallReader, ledger, type Call } from "./ledger.ts";
import type { Release } from "./lock.ts";
import { recall } from "./recall.ts";
import { newestOf, previousOf, readEvents, readRun } from "./runs.ts";

/** What one process has at a time: a session, or a run that is in none. */
export type Locked = { session: number } | { run: number };

/** Takes it; undefined when another has it. */
export type Take = (what: Locked) => Release | undefined;

/** Runs an act and turns what it throws into a failure. */
export type Attempt = <T>(act: () => Result<T>) => Result<T>;

/** The writing side of a database: its statements are prepared once, for all runs. */
export function journals(db: Database, take: Take) {
  const addSession = db.prepare<null, [string, number]>(
    "INSERT INTO sessions (name, created) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  const findSession = db.prepare<{ id: number }, [string]>("SELECT id FROM sessions WHERE name = ?");
  const addRun = db.prepare<null, [string, number | null, string, string, number]>(
    "INSERT INTO runs (id, session, agent, model, started) VALUES (?, ?, ?, ?, ?)",
  );
  const addEvent = db.prepare<null, [number, number, number, string, string]>(
    "INSERT INTO events (run, seq, time, type, event) VALUES (?, ?, ?, ?, ?)",
  );

  const addAttachment = db.prepare<null, [string, Uint8Array]>(
    "INSERT INTO attachments (sha256, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );

  const addUse = db.prepare<null, [string, number]>(
    "INSERT INTO uses (sha256, run) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );

  const calls = ledger(db);

  function add(run: number, event: Stamped<DurableEvent>): void {
    addEvent.run(run, event.seq, event.time, event.type, JSON.stringify(event));
  }

  const addBoth = db.transaction((run: number, event: Stamped<DurableEvent>, call: Call) => {
    add(run, event);
    calls.add(run, event, call);
  });

  const keepFor = db.transaction((run: number, sha256: string, bytes: Uint8Array) => {
    addAttachment.run(sha256, bytes);
    addUse.run(sha256, run);
  });

  function begin(run: NewRun, attempt: Attempt): Result<Journal> {
    let session: number | null = null;
    let release: Release | undefined;
    if (run.session !== undefined) {
      // One that was removed meanwhile has another number when it is made anew.
      const held = () => session !== null && findSession.get(run.session ?? "")?.id === session;
      do {
        release?.();
        addSession.run(run.session, run.time);
        session = findSession.get(run.session)?.id ?? null;
        release = session === null ? undefined : take({ session });
      } while (release !== undefined && !held());
      if (release === undefined) {
        return fail("exists", `Cannot continue session '${run.session}': another run is using it`);
      }
    }
    try {
      const number = writeFirst(db, () => {
        const added = Number(addRun.run(run.id, session, run.agent, run.model, run.time).lastInsertRowid);
        // Nobody else sees it before it is ours.
        release ??= take({ run: added });
        return added;
      });
      return ok(journal(number, release, attempt));
    } catch (error) {
      release?.();
      throw error;
    }
  }

  function resume(id: string, attempt: Attempt): Result<ResumedRun> {
    const found = readRun(db, id);
    if (found === undefined) return fail("not_found", `There is no run '${id}'`);
    const { number, session, name } = found;
    const release = take(session === null ? { run: number } : { session });
    if (release === undefined) {
      const why = session === null ? "it still runs" : `another run is using its session '${name}'`;
      return fail("exists", `Cannot resume run '${id}': ${why}`);
    }
    try {
      if (session !== null && newestOf(db, session) !== number) {
        release();
        return fail("changed", `Cannot resume run '${id}': its session '${name}' has newer runs`);
      }
      const events = readEvents(db, number);
      const opened = journal(number, release, attempt, events);
      return ok({ journal: opened, session: name, events });
    } catch (error) {
      release();
      throw error;
    }
  }

  function journal(run: number, release: Release | undefined, attempt: Attempt, before: DurableEvent[] = []): Journal {
    const reader = new CallReader();
    for (const event of before) reader.read(event);
    return {
      before: previousOf(db, run),
      append: async (event, durability) =>
        attempt(() => {
          // Our statements commit one by one and other writers wait, so the setting holds for this one alone. A commit that is
          // flushed takes all earlier ones of the file with it.
          if (durability === "flush") db.run("PRAGMA synchronous = FULL");
          try {
            const call = reader.read(event);
            if (call === undefined) add(run, event);
            else addBoth(run, event, call);
          } finally {
            if (durability === "flush") db.run("PRAGMA synchronous = NORMAL");
          }
          return ok(undefined);
        }),
      keep: async (sha256, bytes) =>
        attempt(() => {
          keepFor(run, sha256, bytes);
          return ok(undefined);
        }),
      recall: async (query, agent, most) => attempt(() => ok(recall(db, run, agent, query, most))),
      async close() {
        release?.();
      },
    };
  }

  function finalize(): void {
    for (const statement of [addSession, findSession, addRun, addEvent, addAttachment, addUse]) statement.finalize();
    calls.finalize();
  }

  return { begin, resume, finalize };
}
