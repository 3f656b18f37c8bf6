import { describe, expect, test } from "bun:test";
import { JournalLost, journalPath, makeEmit, makeKeep } from "../../src/app/journal.ts";
import type { Stamped } from "../../src/core/event.ts";
import { fail, ok } from "../../src/core/result.ts";
import type { Journal } from "../../src/core/store.ts";
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
    const emit = makeEmit(disk, testClock(), (event) => seen.push(event), false);
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
    const emit = makeEmit(journal(0), testClock(), (event) => seen.push(event), false);
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
    expect(emit({ type: "turn_start", turn: 1 })).rejects.toThrow(JournalLost);
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
    expect(makeKeep(journal(0), true).keepText("x")).rejects.toThrow(JournalLost);
  });
});

test("the journal lies under XDG_STATE_HOME, else under home; a relative one does not count", () => {
  expect(journalPath({ XDG_STATE_HOME: "/s", HOME: "/h" })).toBe("/s/rein/rein.db");
  expect(journalPath({ XDG_STATE_HOME: "s", HOME: "/h" })).toBe("/h/.local/state/rein/rein.db");
  expect(journalPath({ HOME: "" })).toBeUndefined();
});
