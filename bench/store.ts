/**
 * `bun bench/store.ts`: what a journal takes. Appends in this process, one after another as a run does them, beside the same rows
 * written by hand in the same database; then a session of 1,000 turns read, and 1,000 runs listed. PostgreSQL where it is installed,
 * over its socket, with fsync.
 */
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import type { DurableEvent, Stamped } from "../src/core/event.ts";
import type { Result } from "../src/core/result.ts";
import type { Store } from "../src/core/store.ts";
import { memoryStore, openStore } from "../src/store/open.ts";
import { postgresFolder, startPostgres } from "../tests/helpers/postgres.ts";
import { median } from "./measure.ts";
import { printTable } from "./table.ts";

const folder = mkdtempSync(join(tmpdir(), "rein-bench-store-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

const text = "Some words of a result. ".repeat(40);
const result = (seq: number): Stamped<DurableEvent> => {
  return {
    seq,
    time: 1,
    type: "call_end",
    turn: 1,
    id: `c${seq}`,
    name: "look",
    content: text,
    error: false,
    duration_ms: 1,
  };
};
const answer = (seq: number): Stamped<DurableEvent> => ({
  seq,
  time: 1,
  type: "turn_end",
  turn: seq,
  message: { role: "assistant", text, calls: [] },
  stop: "end",
  usage: { input: 100, output: 20, cached: 0, reasoning: 0 },
  cost: 0.01,
  duration_ms: 1,
  first_token_ms: 1,
});

/** How many are done in a second, the median of three rounds. */
async function perSecond(count: number, act: (index: number) => Promise<unknown> | void): Promise<number> {
  const rates: number[] = [];
  let index = 0;
  for (let round = 0; round < 3; round++) {
    const begun = performance.now();
    for (let one = 0; one < count; one++) await act(index++);
    rates.push((count / (performance.now() - begun)) * 1000);
  }
  return median(rates);
}

async function ms(act: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await act();
  return performance.now() - begun;
}

let runs = 0;
const newRun = (session?: string) => {
  const run = { id: `run${runs++}`, agent: "a", model: "m/x", time: 1 };
  return session === undefined ? run : { ...run, session };
};

async function rows(name: string, store: Store, byHand?: number): Promise<string[]> {
  const journal = value(await store.begin(newRun("long")));
  const normal = await perSecond(1000, async (seq) => value(await journal.append(result(seq), "normal")));
  const withCall = await perSecond(1000, async (seq) => value(await journal.append(answer(3000 + seq), "normal")));
  const flushed = await perSecond(100, async (seq) => value(await journal.append(result(6000 + seq), "flush")));
  await journal.close();
  const reading = await ms(async () => value(await store.session("long")));
  for (let run = 0; run < 1000; run++) await value(await store.begin(newRun())).close();
  const listing = await ms(async () => value(await store.runs(1000)));
  const rate = (number: number) => Math.round(number).toLocaleString("en");
  const ratio = byHand === undefined ? "" : (normal / byHand).toFixed(2);
  return [
    name,
    rate(normal),
    ratio,
    rate(withCall),
    rate(flushed),
    `${reading.toFixed(0)} ms`,
    `${listing.toFixed(0)} ms`,
  ];
}

/** The same rows without anything around them. */
async function sqliteByHand(): Promise<number> {
  const db = new Database(join(folder, "hand.db"), { create: true });
  db.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  db.run(
    "CREATE TABLE events (run INTEGER, seq INTEGER, time INTEGER, type TEXT, event TEXT, PRIMARY KEY (run, seq)) STRICT, WITHOUT ROWID",
  );
  const add = db.prepare("INSERT INTO events VALUES (1, ?, 1, 'call_end', ?)");
  const rate = await perSecond(1000, (seq) => void add.run(seq, JSON.stringify(result(seq))));
  add.finalize();
  db.close();
  return rate;
}

async function postgresByHand(url: string): Promise<number> {
  const db = new Bun.SQL(url, { max: 1, connection: { synchronous_commit: "off" } });
  await db.unsafe(
    "CREATE TABLE hand (run BIGINT, seq INTEGER, time BIGINT, type TEXT, event TEXT, PRIMARY KEY (run, seq))",
  );
  const add = "INSERT INTO hand VALUES (1, $1, 1, 'call_end', $2)";
  const rate = await perSecond(1000, (seq) => db.unsafe(add, [seq, JSON.stringify(result(seq))]));
  await db.close();
  return rate;
}

const table: string[][] = [];
const file = value(await openStore(join(folder, "rein.db")));
table.push(await rows("a file", file, await sqliteByHand()));
await file.close();
table.push(await rows("memory", memoryStore()));
const installed = postgresFolder();
if (installed !== undefined) {
  const server = await startPostgres(installed, { fsync: true });
  const url = server.database();
  const store = value(await openStore(url));
  table.push(await rows("PostgreSQL", store, await postgresByHand(url)));
  await store.close();
  await server.stop();
}
printTable(
  `Appends of 1 KB in a second, load ${loadavg()[0]?.toFixed(1)}`,
  ["", "appends", "by hand", "with a call", "on disk", "read 6,300 events", "list 1,000 runs"],
  table,
);
