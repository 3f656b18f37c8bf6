import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JournalLost, journalPath, makeEmit, makeKeep, openJournal } from "../../src/app/journal.ts";
import type { Stamped } from "../../src/core/event.ts";
import { fail, ok } from "../../src/core/result.ts";
import type { Journal } from "../../src/core/store.ts";
import { findStore } from "../../src/store/open.ts";
import { testClock } from "../helpers/clock.ts";

/** A journal whose disk is full after `room` events. */
function journal(room: number): Journal & { kept: string[] } {
  const kept: string[] = [];
  return {
    before: null,
    kept,
    append: async (event, durability) => {
      if (kept.length >= room) return fail("failed", "Cannot write the journal: disk full");
      kept.push(`${event.type} ${durability}`);
      return ok(undefined);
    },
    keep: async (sha256, bytes) => {
      if (kept.length >= room) return fail("failed", "Cannot write the journal: disk full");
      kept.push(`${sha256} ${new TextDecoder().decode(bytes)}`);
      return ok(undefined);
    },
    recall: async () => ok([]),
    close: async () => undefined,
  };
}

describe("emitted events", () => {
  test("are numbered in the order they are shown, and only durable ones are journaled", async () => {
    const seen: Stamped[] = [];
    const disk = journal(9);
    const emit = makeEmit(disk, testClock(), (event) => void seen.push(event), false);
    await emit({ type: "turn_start", turn: 1 });
    await emit({ type: "text", turn: 1, text: "x" });
    await emit({ type: "limit", limit: "turns", value: 1, max: 1 }, "flush");
    expect(seen.map(({ seq, type }) => [seq, type])).toEqual([
      [0, "turn_start"],
      [1, "text"],
      [2, "limit"],
    ]);
    expect(disk.kept).toEqual(["turn_start normal", "limit flush"]);
  });

  test("go on with one warning when the journal cannot be written any more", async () => {
    const seen: Stamped[] = [];
    const emit = makeEmit(journal(0), testClock(), (event) => void seen.push(event), false);
    await emit({ type: "turn_start", turn: 1 });
    await emit({ type: "turn_start", turn: 2 });
    expect(seen.map(({ seq, type }) => [seq, type])).toEqual([
      [0, "turn_start"],
      [1, "warning"],
      [2, "turn_start"],
    ]);
  });

  test("of a session that must be kept end the run instead", async () => {
    const emit = makeEmit(journal(0), testClock(), () => undefined, true);
    await expect(emit({ type: "turn_start", turn: 1 })).rejects.toThrow(JournalLost);
  });
});

describe("a text that is kept", () => {
  test("is told by its size in bytes and its SHA-256", async () => {
    const disk = journal(9);
    const sha256 = new Bun.CryptoHasher("sha256").update("größer").digest("hex");
    expect(await makeKeep(disk, false).keepText("größer")).toEqual({ size: 8, sha256 });
    expect(disk.kept).toEqual([`${sha256} größer`]);
  });

  test("and cannot be written is told of nowhere; in a session that must be kept it ends the run", async () => {
    expect(await makeKeep(journal(0), false).keepText("x")).toBeUndefined();
    await expect(makeKeep(journal(0), true).keepText("x")).rejects.toThrow(JournalLost);
  });
});

test("the journal lies under XDG_STATE_HOME, else under home; a relative one does not count", () => {
  expect(journalPath({ XDG_STATE_HOME: "/s", HOME: "/h" })).toBe("/s/rein/rein.db");
  expect(journalPath({ XDG_STATE_HOME: "s", HOME: "/h" })).toBe("/h/.local/state/rein/rein.db");
  expect(journalPath({ HOME: "" })).toBeUndefined();
});

describe("a run's journal", () => {
  const folder = mkdtempSync(join(tmpdir(), "rein-journal-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const run = (id: string, time: number) => ({ id, agent: "a", model: "m", time });
  const day = 86_400_000;

  test("is kept 30 days where no session names it; the end of another run sees to that, once a day", async () => {
    const place = join(folder, "kept.db");
    const done = async (id: string, time: number, session?: string) => {
      const opened = await openJournal(place, run(id, time), { session });
      if (opened.ok) await opened.value.close();
    };
    await done("old", day);
    await done("named", day, "s");
    await done("today", 31 * day - 1);
    expect(await names(place)).toEqual(["old", "s", "today"]);
    await done("tomorrow", 32 * day);
    expect(await names(place)).toEqual(["s", "today", "tomorrow"]);
  });

  test("that is ephemeral is in no file, and recalls what it was told all the same", async () => {
    const place = join(folder, "none.db");
    const opened = await openJournal(place, run("r", 1), { ephemeral: true });
    if (!opened.ok) throw new Error(opened.error.message);
    await opened.value.journal.append({ seq: 0, time: 1, type: "user", text: "a needle" }, "flush");
    expect(await opened.value.recall(null).find({ text: "needle" }, 1)).toMatchObject({
      ok: true,
      value: [{ seq: 0 }],
    });
    await opened.value.close();
    expect(existsSync(place)).toBe(false);
  });

  test("of a busy session is waited for as long as is asked for", async () => {
    const place = join(folder, "busy.db");
    const first = await openJournal(place, run("first", 1), { session: "s" });
    if (!first.ok) throw new Error(first.error.message);
    const busy = { ok: false, error: { code: "exists" } };
    expect(await openJournal(place, run("second", 1), { session: "s" })).toMatchObject(busy);
    const over = new AbortController();
    const waiting = openJournal(place, run("second", 1), { session: "s", wait: over.signal });
    over.abort();
    expect(await waiting).toMatchObject(busy);
    const patient = openJournal(place, run("second", 1), { session: "s", wait: new AbortController().signal });
    await first.value.close();
    expect((await patient).ok).toBe(true);
  });
});

async function names(place: string): Promise<string[]> {
  const store = await findStore(place);
  const found = store.ok ? await store.value.match("", 9) : store;
  if (!found.ok) throw new Error(found.error.message);
  const inSessions = new Set(["named"]);
  return found.value
    .map(({ name }) => name)
    .filter((name) => !inSessions.has(name))
    .toSorted();
}
