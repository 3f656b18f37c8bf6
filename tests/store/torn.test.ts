import { afterAll, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DurableEvent, Stamped } from "../../src/core/event.ts";
import { writeFirst } from "../../src/store/first-write.ts";
import { lockOnce } from "../../src/store/lock.ts";
import { openStore } from "../../src/store/open.ts";

const base = mkdtempSync(join(tmpdir(), "rein-torn-"));
afterAll(() => rmSync(base, { recursive: true }));

function said(seq: number): Stamped<DurableEvent> {
  return { seq, time: 1, type: "user", text: "x".repeat(700) };
}

test("a journal whose last writes a power cut has torn has the events before them, and goes on", async () => {
  const path = join(base, "rein.db");
  const store = await openStore(path);
  if (!store.ok) throw new Error(store.error.message);
  const journal = await store.value.begin({ id: "run1", agent: "a", model: "m", time: 1 });
  if (!journal.ok) throw new Error(journal.error.message);
  for (let seq = 0; seq < 6; seq++) await journal.value.append(said(seq), "normal");
  const flushed = statSync(`${path}-wal`).size;
  for (let seq = 6; seq < 10; seq++) await journal.value.append(said(seq), "normal");
  const whole = statSync(`${path}-wal`).size;
  const copy = join(base, "copy.db");
  const counts = new Set<number>();
  // A frame is a page and 24 bytes; some cuts are at its ends, the most within it.
  for (let size = flushed; size <= whole; size += 211) {
    for (const end of readdirSync(base)) if (end.startsWith("copy")) rmSync(join(base, end), { recursive: true });
    copyFileSync(path, copy);
    copyFileSync(`${path}-wal`, `${copy}-wal`);
    truncateSync(`${copy}-wal`, size);
    const opened = await openStore(copy);
    if (!opened.ok) throw new Error(opened.error.message);
    const resumed = await opened.value.resume("run1");
    if (!resumed.ok) throw new Error(resumed.error.message);
    const { events } = resumed.value;
    counts.add(events.length);
    expect(events.length).toBeGreaterThanOrEqual(6);
    expect(events).toEqual(Array.from({ length: events.length }, (_, seq) => said(seq)));
    expect(await resumed.value.journal.append(said(events.length), "flush")).toMatchObject({ ok: true });
    await resumed.value.journal.close();
    await opened.value.close();
    const db = new Database(copy, { readonly: true });
    expect(db.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
    db.close();
  }
  expect(counts.size).toBeGreaterThan(2);
  await store.value.close();
});

test("a journal of whose new log a power cut has kept any part, not the first perhaps, has the runs before it", async () => {
  const folder = mkdtempSync(join(base, "parts-"));
  const path = join(folder, "rein.db");
  const begun = async (id: string, location = path) => {
    const store = await openStore(location);
    if (!store.ok) throw new Error(store.error.message);
    const journal = await store.value.begin({ id, agent: "a", model: "m", time: 1 });
    if (!journal.ok) throw new Error(journal.error.message);
    for (let seq = 0; seq < 6; seq++) await journal.value.append(said(seq), "normal");
    const end = async () => {
      await journal.value.close();
      await store.value.close();
    };
    return { store: store.value, end };
  };
  await (await begun("before")).end();
  const { end } = await begun("after");
  const log = readFileSync(`${path}-wal`);
  for (let at = 0; at < log.length; at += 4096) {
    const copy = join(folder, `copy${at}.db`);
    copyFileSync(path, copy);
    writeFileSync(`${copy}-wal`, Buffer.from(log).fill(0, at, Math.min(at + 4096, log.length)));
    const { store: opened, end: endCopy } = await begun("later", copy);
    const found = await opened.resume("before");
    if (!found.ok) throw new Error(found.error.message);
    expect(found.value.events).toEqual(Array.from({ length: 6 }, (_, seq) => said(seq)));
    await found.value.journal.close();
    await endCopy();
    const db = new Database(copy, { readonly: true });
    expect(db.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
    db.close();
  }
  await end();
});

test("only what is first in an empty log is written without a wait for the disk", () => {
  const db = new Database(join(base, "first.db"), { strict: true });
  const synchronous = () => db.query<{ synchronous: number }, []>("PRAGMA synchronous").get()?.synchronous;
  db.run("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (n); PRAGMA synchronous = NORMAL");
  const write = () => {
    db.run("INSERT INTO t VALUES (1)");
    return synchronous();
  };
  expect(writeFirst(db, write)).toBe(1);
  db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  expect([writeFirst(db, write), synchronous(), writeFirst(db, write)]).toEqual([0, 1, 1]);
  db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  expect(() => writeFirst(db, () => db.run("INSERT INTO missing VALUES (1)"))).toThrow("missing");
  expect(synchronous()).toBe(1);
  const other = new Database(join(base, "first.db"), { strict: true });
  expect(writeFirst(db, write)).toBe(0);
  other.close();
  db.close();
});

test("a lock that is taken once leaves no file, and is one process's at a time", () => {
  const path = join(base, "lock");
  const release = lockOnce(path);
  expect(release).toBeFunction();
  expect(lockOnce(path)).toBeUndefined();
  release?.();
  expect(readdirSync(base)).not.toContain("lock");
  const again = lockOnce(path);
  expect(again).toBeFunction();
  again?.();
});
