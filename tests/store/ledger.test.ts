import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DurableEvent, Nested, Stamped } from "../../src/core/event.ts";
import type { Result } from "../../src/core/result.ts";
import { findCalls, openStore } from "../../src/store/open.ts";

const folder = mkdtempSync(join(tmpdir(), "rein-ledger-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

function fresh(): string {
  const place = join(folder, `${files++}`);
  mkdirSync(place);
  return join(place, "rein.db");
}

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

const usage = { input: 100, output: 20, cached: 40, reasoning: 5, cache_write: 10 };

type Event = DurableEvent & Nested;

function start(agent: string, model: string, agent_id?: string): Event {
  const event = { type: "run_start", version: 1, run_id: "r", agent, hash: "h", model, instructions: "" } as const;
  return agent_id === undefined ? event : { ...event, agent_id };
}

function answer(more: Partial<Extract<DurableEvent, { type: "turn_end" }>> & Nested = {}): Event {
  const message = { role: "assistant" as const, text: "", calls: [] };
  return { type: "turn_end", turn: 1, message, stop: "end", usage, duration_ms: 7, first_token_ms: 3, ...more };
}

const end: Event = {
  type: "run_end",
  result: {
    outcome: "done",
    exit_code: 0,
    answer: "x",
    error: null,
    model: null,
    usage: {},
    cost: null,
    denied: [],
    run_id: "r",
  },
};

function stamped(events: Event[]): Stamped<DurableEvent>[] {
  return events.map((event, index) => ({ seq: index, time: 1000 + index, ...event }));
}

async function journaled(location: string, events: Event[], session?: string): Promise<void> {
  const store = value(await openStore(location));
  const run = { id: "run1", agent: "reader", model: "m/x", time: 1000, ...(session === undefined ? {} : { session }) };
  const journal = value(await store.begin(run));
  for (const event of stamped(events)) value(await journal.append(event, "normal"));
  await journal.close();
  await store.close();
}

test("each request that used tokens is a row, by the agent that asked and the model that answered", async () => {
  const location = fresh();
  const discarded = { type: "attempt_discarded", turn: 1, reason: "cut", shown: 3, usage, cost: 0.1 } as const;
  const decided = { score: 0.9, threshold: 0.7, scorer: "keywords", why: "design" } as const;
  await journaled(
    location,
    [
      start("reader", "m/x"),
      { type: "route", side: "complex", model: "m/y", ...decided },
      { ...discarded, model: "m/y", estimated: true },
      answer({ model: "m/y", cost: 0.25, notional: true }),
      start("helper", "m/z", "a1"),
      answer({ agent_id: "a1" }),
      end,
    ],
    "chat",
  );
  const rows = value(await findCalls(location, 0));
  const shared = { run: "run1", session: "chat", cached: 40, cache_write: 10, input: 100, output: 20, reasoning: 5 };
  expect(rows).toMatchObject([
    { ...shared, kind: "discarded", agent: "reader", model: "m/y", side: "complex", cost: 0.1, estimated: true },
    { ...shared, kind: "answer", model: "m/y", side: "complex", cost: 0.25, notional: true, duration_ms: 7 },
    { ...shared, agent: "helper", agent_id: "a1", model: "m/z", side: null, cost: null, notional: false },
  ]);
  expect(value(await findCalls(location, 1004)).map(({ agent }) => agent)).toEqual(["helper"]);
});

/** A journal as version 2 of the format was. */
function older(): string {
  const location = fresh();
  const db = new Database(location, { create: true, strict: true });
  db.run(`
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
    PRAGMA application_id = ${0x7265696e};
    PRAGMA user_version = 2;
    INSERT INTO sessions VALUES (1, 'chat', 1000);
    INSERT INTO runs VALUES (1, 'run1', 1, 'reader', 'openai/gpt-5', 1000);
  `);
  db.run("PRAGMA journal_mode = WAL");
  const { cache_write: _none, ...plain } = usage;
  const events = [start("reader", "openai/gpt-5"), answer({ usage: plain }), start("helper", "local/x", "a1")];
  const add = db.prepare("INSERT INTO events VALUES (1, ?, ?, ?, ?)");
  for (const event of stamped([...events, answer({ usage: plain, agent_id: "a1" }), end]))
    add.run(event.seq, event.time, event.type, JSON.stringify(event));
  add.finalize();
  db.close();
  return location;
}

const olderRows = [
  { run: "run1", session: "chat", agent: "reader", agent_id: null, model: "openai/gpt-5", time: 1001, cost: null },
  { agent: "helper", agent_id: "a1", model: "local/x", cost: 0, input: 100, output: 20, cached: 40, duration_ms: 7 },
];

test("a journal of an earlier version is read as it is", async () => {
  const location = older();
  expect(value(await findCalls(location, 0))).toMatchObject(olderRows);
  const db = new Database(location, { readonly: true });
  expect(db.query("PRAGMA user_version").get()).toEqual({ user_version: 2 });
  db.close();
});

test("a journal of an earlier version still opens, and its calls are in the ledger from then on", async () => {
  const location = older();
  const store = value(await openStore(location));
  expect(value(await store.session("chat"))).toHaveLength(5);
  const journal = value(await store.begin({ id: "run2", agent: "reader", model: "m/x", time: 2000, session: "chat" }));
  value(await journal.append({ seq: 0, time: 2000, ...answer({ cost: 0.5, model: "m/x" }) }, "normal"));
  await journal.close();
  await store.close();
  const rows = value(await findCalls(location, 0));
  expect(rows).toMatchObject([...olderRows, { run: "run2", cost: 0.5 }]);
});

test("a call at a time that is no date is left out", async () => {
  const location = fresh();
  await journaled(location, [start("reader", "m/x"), answer(), answer(), end]);
  const db = new Database(location, { strict: true });
  db.run("UPDATE calls SET time = 8640000000000001 WHERE seq = 1");
  db.close();
  expect(value(await findCalls(location, 0)).map(({ time }) => time)).toEqual([1002]);
});

test("where there is no journal there are no calls, and none is made", async () => {
  expect(await findCalls(undefined, 0)).toEqual({ ok: true, value: [] });
  expect(await findCalls(join(folder, "nowhere.db"), 0)).toEqual({ ok: true, value: [] });
});

test("a file that is not ours is a failure", async () => {
  const location = fresh();
  const db = new Database(location, { create: true });
  db.run("CREATE TABLE calls (x)");
  db.close();
  expect(await findCalls(location, 0)).toMatchObject({
    ok: false,
    error: { message: expect.stringContaining("another program") },
  });
  const text = fresh();
  await Bun.write(text, "no database at all, but long enough to be looked at as one");
  expect((await findCalls(text, 0)).ok).toBe(false);
});
