import { afterAll, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DurableEvent, Stamped } from "../../src/core/event.ts";
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
