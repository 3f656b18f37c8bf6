import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noUsage } from "../../src/core/model.ts";
import type { DurableEvent, Stamped } from "../../src/core/event.ts";
import type { OutcomeName } from "../../src/core/exit.ts";
import type { KeptText } from "../../src/core/message.ts";
import type { RecallQuery } from "../../src/core/recall.ts";
import type { Result } from "../../src/core/result.ts";
import type { Journal, Store, WholeRun } from "../../src/core/store.ts";
import { memoryStore, openStore } from "../../src/store/open.ts";
import { postgresFolder, startPostgres } from "../helpers/postgres.ts";

const folder = mkdtempSync(join(tmpdir(), "rein-store-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

const postgres = postgresFolder();
const server = postgres === undefined ? undefined : await startPostgres(postgres);
afterAll(() => server?.stop());

const stores: Array<{ name: string; open: () => Promise<Store>; here?: boolean }> = [
  { name: "sqlite", open: async () => value(await openStore(join(folder, `${files++}`, "rein.db"))) },
  { name: "memory", open: async () => memoryStore() },
  { name: "postgres", open: async () => value(await openStore(server?.database() ?? "")), here: server !== undefined },
];

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

const start = (seq: number, time: number): Stamped<DurableEvent> => ({
  seq,
  time,
  type: "run_start",
  version: 1,
  run_id: "r",
  agent: "a",
  hash: "h",
  model: "m/x",
  instructions: 'quotes " and \u0000 and \ud800 and 🙂',
});
const turn = (seq: number, time: number, text: string, cost?: number): Stamped<DurableEvent> => ({
  ...(cost === undefined ? {} : { cost }),
  seq,
  time,
  type: "turn_end",
  turn: 1,
  message: { role: "assistant", text, calls: [] },
  stop: "end",
  usage: noUsage,
  duration_ms: 5,
  first_token_ms: 1,
});
const end = (seq: number, time: number, outcome: OutcomeName): Stamped<DurableEvent> => ({
  seq,
  time,
  type: "run_end",
  result: {
    outcome,
    exit_code: 0,
    answer: "x",
    error: null,
    model: null,
    usage: {},
    cost: null,
    denied: [],
    run_id: "r",
  },
});

async function write(journal: Journal, ...events: Stamped<DurableEvent>[]): Promise<void> {
  for (const event of events) value(await journal.append(event, event.type === "run_end" ? "flush" : "normal"));
}

for (const { name, open, here = true } of stores) {
  describe.skipIf(!here)(`a store: ${name}`, () => {
    test("what routes have decided is told with how the runs came out, each agent's by itself", async () => {
      const store = await open();
      const route = (
        seq: number,
        side: "simple" | "complex",
        more: { agent_id?: string } = {},
      ): Stamped<DurableEvent> => {
        const decided = { scorer: "keywords", score: 0.25, threshold: 0.7, why: "so" } as const;
        return { seq, time: 100, type: "route", side, model: "m/x", ...decided, ...more };
      };
      const check = (seq: number, ok: boolean): Stamped<DurableEvent> => {
        return { seq, time: 110, type: "check", run: ["x"], ok, detail: "" };
      };
      const inner = { agent_id: "a1" };
      const first = value(await store.begin({ id: "r1", agent: "a", model: "m/x", time: 10 }));
      const begun = [
        start(0, 10),
        route(1, "simple"),
        { ...start(2, 20), agent: "sub", ...inner },
        route(3, "complex", inner),
      ];
      await write(first, ...begun, { ...end(4, 130, "unfit"), ...inner }, check(5, true), end(6, 140, "done"));
      const second = value(await store.begin({ id: "r2", agent: "a", model: "m/x", time: 10 }));
      const escalated = {
        seq: 3,
        time: 120,
        type: "escalate",
        turn: 1,
        from: "m/x",
        to: "m/y",
        reason: "bad",
      } as const;
      await write(second, start(0, 10), route(1, "simple"), check(2, false), escalated);
      const row = { agent: "a", side: "simple", scorer: "keywords", score: 0.25, threshold: 0.7, cost: null } as const;
      expect(value(await store.routes(100))).toEqual([
        { ...row, ms: 40, failed: false, escalated: false },
        { ...row, agent: "sub", side: "complex" as const, ms: 30, failed: true, escalated: false },
        { ...row, ms: null, failed: true, escalated: true },
      ]);
      expect(value(await store.routes(101))).toEqual([]);
      await store.close();
    });

    test("what was appended is read back as it was, in order of its numbers, gaps included", async () => {
      const store = await open();
      const journal = value(await store.begin({ id: "run1", agent: "a", model: "m/x", time: 10 }));
      const events = [start(0, 10), turn(5, 20, "x".repeat(300_000)), end(9, 30, "done")];
      await write(journal, ...events);
      expect(value(await store.session("run1"))).toEqual(events);
      await store.close();
    });

    test("a run without a session is found by its id and is not listed", async () => {
      const store = await open();
      value(await store.begin({ id: "run1", agent: "a", model: "m/x", time: 10 }));
      expect(value(await store.sessions())).toEqual([]);
      expect(value(await store.session("run1"))).toEqual([]);
      expect(value(await store.session("run2"))).toBeUndefined();
      await store.close();
    });

    test("a run is found by its id, the beginning of it, as the last one, and by its session's name", async () => {
      const store = await open();
      expect(value(await store.last())).toBeUndefined();
      for (const [id, session] of [
        ["abcd1", "s"],
        ["abce2", "s"],
        ["abcf3", undefined],
      ] as const) {
        const run = { id, agent: "a", model: "m/x", time: 10 };
        await value(await store.begin(session === undefined ? run : { ...run, session })).close();
      }
      const found = async (name: string) => value(await store.findRun(name));
      expect(value(await store.last())).toEqual({ run: "abcf3", session: null });
      expect(await found("s")).toBe("abce2");
      expect(await found("abcd1")).toBe("abcd1");
      expect(await found("abcd")).toBe("abcd1");
      // What is short may be meant for something else, and what could be several is none.
      expect(await found("abc")).toBeUndefined();
      expect(await found("zzzz")).toBeUndefined();
      await store.close();
    });

    test("a run is gone on with by one at a time, with its events so far, and keeps to the numbers of its events", async () => {
      const store = await open();
      const journal = value(await store.begin({ id: "run1", agent: "a", model: "m/x", time: 10 }));
      await write(journal, start(0, 10), turn(1, 20, "one"));
      expect(await store.resume("run1")).toMatchObject({ ok: false, error: { code: "exists" } });
      await journal.close();
      const resumed = value(await store.resume("run1"));
      expect(resumed).toMatchObject({ session: null, events: [start(0, 10), turn(1, 20, "one")] });
      expect(await store.resume("run1")).toMatchObject({ ok: false, error: { code: "exists" } });
      await write(resumed.journal, turn(2, 30, "two"), end(3, 40, "done"));
      await resumed.journal.close();
      expect(value(await store.session("run1"))).toHaveLength(4);
      expect(value(await store.resume("run1")).events).toHaveLength(4);
      expect(await store.resume("run2")).toMatchObject({ ok: false, error: { code: "not_found" } });
      await store.close();
    });

    test("of a session only the newest run is gone on with, and while no other run has the session", async () => {
      const store = await open();
      const run = (id: string) => ({ id, session: "s", agent: "a", model: "m/x", time: 10 });
      await value(await store.begin(run("run1"))).close();
      const second = value(await store.begin(run("run2")));
      expect(await store.resume("run1")).toMatchObject({ ok: false, error: { code: "exists" } });
      await second.close();
      expect(await store.resume("run1")).toMatchObject({ ok: false, error: { code: "changed" } });
      const resumed = value(await store.resume("run2"));
      expect(resumed.session).toBe("s");
      expect(await store.begin(run("run3"))).toMatchObject({ ok: false, error: { code: "exists" } });
      await resumed.journal.close();
      value(await store.begin(run("run3")));
      await store.close();
    });

    test("what a run that was gone on with came to is the end of its last attempt", async () => {
      const store = await open();
      const journal = value(await store.begin({ id: "run1", session: "s", agent: "a", model: "m/x", time: 10 }));
      const route = {
        type: "route",
        side: "simple",
        model: "m/x",
        scorer: "keywords",
        score: 0,
        threshold: 1,
        why: "",
      } as const;
      await write(journal, start(0, 10), { seq: 1, time: 15, ...route }, end(2, 20, "service"), turn(3, 30, "again"));
      expect(value(await store.sessions())).toMatchObject([{ outcome: null }]);
      await write(journal, end(4, 40, "done"));
      expect(value(await store.sessions())).toMatchObject([{ outcome: "done" }]);
      expect(value(await store.routes(0))).toMatchObject([{ ms: 25 }]);
      await store.close();
    });

    test("a session joins its runs, oldest first, and takes agent, model and outcome from the last", async () => {
      const store = await open();
      const first = value(await store.begin({ id: "z", session: "s", agent: "old", model: "m/1", time: 10 }));
      await write(first, start(0, 10), turn(1, 11, "one"), end(2, 12, "denied"));
      await first.close();
      const second = value(await store.begin({ id: "b", session: "s", agent: "new", model: "m/2", time: 20 }));
      await write(second, start(0, 20), turn(1, 21, "two"), turn(2, 22, "three"), end(3, 23, "done"));
      await second.close();
      expect(value(await store.sessions())).toEqual([
        {
          name: "s",
          run: "b",
          agent: "new",
          model: "m/2",
          runs: 2,
          turns: 3,
          created: 10,
          updated: 23,
          outcome: "done",
          cost: null,
        },
      ]);
      const texts = value(await store.session("s"))?.flatMap((event) =>
        event.type === "turn_end" ? [event.message.text] : [],
      );
      expect(texts).toEqual(["one", "two", "three"]);
      await store.close();
    });

    test("turns and ends of sub-agents are not those of the run", async () => {
      const store = await open();
      const journal = value(await store.begin({ id: "r", session: "s", agent: "a", model: "m", time: 10 }));
      const nested = { agent_id: "a1" };
      await write(journal, start(0, 10), { ...turn(1, 11, "inner"), ...nested }, { ...end(2, 12, "limit"), ...nested });
      expect(value(await store.sessions())[0]).toMatchObject({ turns: 0, outcome: null });
      await write(journal, turn(3, 13, "own"), end(4, 14, "done"));
      expect(value(await store.sessions())[0]).toMatchObject({ turns: 1, outcome: "done" });
      await store.close();
    });

    test("a run that wrote no end has no outcome, whatever the runs before it had", async () => {
      const store = await open();
      const first = value(await store.begin({ id: "r1", session: "s", agent: "a", model: "m", time: 10 }));
      await write(first, start(0, 10), end(1, 12, "done"));
      await first.close();
      value(await store.begin({ id: "r2", session: "s", agent: "a", model: "m", time: 20 }));
      expect(value(await store.sessions())).toMatchObject([{ outcome: null, updated: 20, runs: 2 }]);
      await store.close();
    });

    test("sessions are listed newest first", async () => {
      const store = await open();
      for (const [session, time] of [
        ["old", 10],
        ["newest", 30],
        ["middle", 20],
      ] as const) {
        value(await store.begin({ id: session, session, agent: "a", model: "m", time }));
      }
      expect(value(await store.sessions()).map((session) => session.name)).toEqual(["newest", "middle", "old"]);
      await store.close();
    });

    test("a second run of a session is refused until the first is closed; other sessions are free", async () => {
      const store = await open();
      const begin = (id: string, session: string) => store.begin({ id, session, agent: "a", model: "m", time: 1 });
      const first = value(await begin("r1", "../s'; --"));
      const second = await begin("r2", "../s'; --");
      expect(second).toEqual({
        ok: false,
        error: { code: "exists", message: "Cannot continue session '../s'; --': another run is using it" },
      });
      value(await begin("r3", "other"));
      await first.close();
      value(await begin("r2", "../s'; --"));
      await store.close();
    });

    test("an attachment is kept once, byte by byte, for all runs that name it", async () => {
      const store = await open();
      const bytes = new Uint8Array([0, 255, 10, 13, 0]);
      for (const id of ["r1", "r2"]) {
        const journal = value(await store.begin({ id, agent: "a", model: "m", time: 1 }));
        value(await journal.keep("abc", bytes));
        await journal.close();
      }
      expect(value(await store.attachment("abc"))).toEqual(bytes);
      expect(value(await store.attachment("abd"))).toBeUndefined();
      await store.close();
    });

    test("a run recalls what it and the runs of its session before it said and got, the newest first", async () => {
      const store = await open();
      const got = (
        seq: number,
        content: string,
        more: { name?: string; agent_id?: string; whole?: KeptText } = {},
      ): Stamped<DurableEvent> => ({
        seq,
        time: 1,
        type: "call_end",
        turn: seq,
        id: `c${seq}`,
        name: "look",
        content,
        error: false,
        duration_ms: 1,
        ...more,
      });
      const other = value(await store.begin({ id: "r0", agent: "a", model: "m", time: 1 }));
      await write(other, got(1, "a Needle of another"));
      const first = value(await store.begin({ id: "r1", session: "s", agent: "a", model: "m", time: 1 }));
      await write(
        first,
        { seq: 0, time: 1, type: "user", text: "find the NEEDLE" },
        got(1, 'the "needle" is\u0000 here'),
      );
      await first.close();
      const second = value(await store.begin({ id: "r2", session: "s", agent: "a", model: "m", time: 1 }));
      const many = Array.from({ length: 250 }, (_, index) => got(index + 1, "hay"));
      await write(second, ...many, turn(300, 1, "no needle yet"));
      await write(
        second,
        got(301, "needle", { name: "context_recall" }),
        got(302, "needle of a helper", { agent_id: "a1" }),
      );
      const texts = async (query: RecallQuery, agent: string | null = null, most = 9) =>
        value(await second.recall(query, agent, most)).map((event) =>
          event.type === "turn_end" ? event.message.text : event.type === "user" ? event.text : event.content,
        );
      const all = ["no needle yet", 'the "needle" is\u0000 here', "find the NEEDLE"];
      expect(await texts({ text: "needle" })).toEqual(all);
      expect(await texts({ text: "needle" }, null, 2)).toEqual(all.slice(0, 2));
      expect(await texts({ text: "needle" }, "a1")).toEqual(["needle of a helper"]);
      expect(await texts({ call: "c1" })).toEqual(["hay", 'the "needle" is\u0000 here']);
      expect(await texts({ turn: 7 })).toEqual(["hay"]);
      expect(await texts({ text: "100%" })).toEqual([]);
      const sha256 = "d".repeat(64);
      await write(second, got(303, "cut", { whole: { size: 20, sha256 } }));
      await second.keep(sha256, new TextEncoder().encode("The middle\u0000 of it, 50%"));
      expect(await texts({ text: "MIDDLE" })).toEqual(["cut"]);
      expect(await texts({ text: "0%" })).toEqual(["cut"]);
      expect(second.before).toBe("r1");
      await store.close();
    });

    test("names begin as they are typed: the exact one first, then the newest; a session stands before its run", async () => {
      const store = await open();
      for (const [id, session] of [
        ["aa-1", "talk"],
        ["aa-2", undefined],
        ["bb", "aa"],
        ["100%", undefined],
      ] as const) {
        const run = { id, agent: "a", model: "m", time: 1, ...(session === undefined ? {} : { session }) };
        await value(await store.begin(run)).close();
      }
      const names = async (typed: string) =>
        value(await store.match(typed, 10)).map(({ kind, name }) => `${kind} ${name}`);
      expect(await names("aa")).toEqual(["session aa", "run aa-2", "run aa-1"]);
      expect(await names("ta")).toEqual(["session talk"]);
      expect(await names("")).toEqual(["run 100%", "session aa", "run bb", "run aa-2", "session talk", "run aa-1"]);
      expect(await names("%")).toEqual([]);
      expect(value(await store.match("", 1))).toHaveLength(1);
      await store.close();
    });

    test("runs in no session are told like sessions, the newest first", async () => {
      const store = await open();
      for (const id of ["r1", "r2", "r3"]) {
        const journal = value(await store.begin({ id, agent: "a", model: "m/x", time: 10 }));
        await write(journal, start(0, 10), turn(1, 11, "x", 0.5), end(2, 12, "done"));
        await journal.close();
      }
      const told = {
        name: null,
        agent: "a",
        model: "m/x",
        runs: 1,
        turns: 1,
        created: 10,
        updated: 12,
        outcome: "done",
      } as const;
      expect(value(await store.runs(2))).toEqual([
        { ...told, run: "r3", cost: 0.5 },
        { ...told, run: "r2", cost: 0.5 },
      ]);
      await store.close();
    });

    test("whole runs are added with what they kept, under a new session or none, and all or nothing", async () => {
      const store = await open();
      const named = { media_type: "image/png", size: 1, sha256: "abc" };
      const user: Stamped<DurableEvent> = { seq: 1, time: 11, type: "user", text: "look", attachments: [named] };
      const run = (id: string, copy: boolean): WholeRun => ({
        id,
        agent: "a",
        model: "m/x",
        started: 10,
        events: [start(0, 10), user, turn(2, 12, "x", 1)],
        copy,
      });
      const bytes = new Uint8Array([1]);
      value(await store.add("s", [run("r1", false), run("r2", true)], new Map([["abc", bytes]])));
      expect(value(await store.session("s"))).toHaveLength(6);
      expect(value(await store.attachment("abc"))).toEqual(bytes);
      expect(value(await store.sessions())).toMatchObject([{ name: "s", runs: 2, turns: 2, created: 10, cost: 1 }]);
      const taken = await store.add("s", [run("r3", false)], new Map());
      expect(taken).toMatchObject({ ok: false, error: { code: "exists", message: "There is a session 's' already" } });
      const known = await store.add("t", [run("r4", false), run("r1", false)], new Map([["def", bytes]]));
      expect(known).toMatchObject({ ok: false, error: { code: "exists", message: "There is a run 'r1' already" } });
      const broken = { ...run("r5", false), events: [start(0, 10), start(0, 11)] };
      expect((await store.add("t", [broken], new Map([["def", bytes]]))).ok).toBe(false);
      expect(value(await store.match("t", 9))).toEqual([]);
      expect(value(await store.attachment("def"))).toBeUndefined();
      value(await store.add(null, [run("r6", false)], new Map()));
      expect(value(await store.runs(9))).toMatchObject([{ run: "r6" }]);
      await store.close();
    });

    test("what is removed is gone with what only it named; what it cost is not", async () => {
      const store = await open();
      const image = (sha256: string) => ({ media_type: "image/png", size: 1, sha256 });
      for (const [id, session, own] of [
        ["r1", "s", "1"],
        ["r2", "s", "2"],
        ["r3", undefined, "3"],
      ] as const) {
        const run = { id, agent: "a", model: "m/x", time: 10, ...(session === undefined ? {} : { session }) };
        const journal = value(await store.begin(run));
        for (const sha256 of ["shared", own]) value(await journal.keep(sha256, new Uint8Array(100)));
        const attachments = [image("shared"), image(own)];
        await write(journal, start(0, 10), { seq: 1, time: 11, type: "user", text: "x", attachments });
        await write(journal, turn(2, 12, "x", 0.25));
        await journal.close();
      }
      const part = await store.remove({ kind: "run", name: "r2" });
      expect(part).toMatchObject({
        ok: false,
        error: { message: "Cannot remove run 'r2': it is part of session 's'" },
      });
      const gone = value(await store.remove({ kind: "session", name: "s" }));
      expect(gone.runs).toBe(2);
      expect(gone.bytes).toBeGreaterThan(200);
      expect(value(await store.session("s"))).toBeUndefined();
      expect(value(await store.session("r1"))).toBeUndefined();
      expect(value(await store.match("", 9))).toEqual([{ kind: "run", name: "r3" }]);
      const kept = async (sha256: string) => value(await store.attachment(sha256)) !== undefined;
      expect([await kept("1"), await kept("2"), await kept("3"), await kept("shared")]).toEqual([
        false,
        false,
        true,
        true,
      ]);
      // A new run may get the place of one that is gone.
      await value(await store.begin({ id: "r4", session: "s", agent: "b", model: "m/x", time: 20 })).close();
      const calls = value(await store.calls(0)).map(({ run, session, cost }) => ({ run, session, cost }));
      expect(calls).toEqual(["r1", "r2", "r3"].map((run) => ({ run, session: null, cost: 0.25 })));
      // What was exported before comes back without being paid for again.
      const again = { id: "r1", agent: "a", model: "m/x", started: 10, copy: false };
      value(await store.add("back", [{ ...again, events: [start(0, 10), turn(2, 12, "x", 0.25)] }], new Map()));
      value(await store.remove({ kind: "session", name: "back" }));
      expect(value(await store.calls(0))).toHaveLength(3);
      expect(await store.remove({ kind: "session", name: "back" })).toMatchObject({ error: { code: "not_found" } });
      await store.close();
    });

    test("what runs is not removed", async () => {
      const store = await open();
      const inSession = value(await store.begin({ id: "r1", session: "s", agent: "a", model: "m", time: 1 }));
      const alone = value(await store.begin({ id: "r2", agent: "a", model: "m", time: 1 }));
      expect(await store.remove({ kind: "session", name: "s" })).toMatchObject({
        error: { code: "exists", message: "Cannot remove session 's': a run is using it" },
      });
      expect(await store.remove({ kind: "run", name: "r2" })).toMatchObject({
        error: { code: "exists", message: "Cannot remove run 'r2': it still runs" },
      });
      expect(value(await store.prune({ now: 1e12, age: 0, bytes: 0 })).runs).toBe(0);
      await inSession.close();
      await alone.close();
      expect(value(await store.prune({ now: 1e12, age: 0, bytes: 0 })).runs).toBe(1);
      await store.close();
    });

    test("runs in no session go when they are old, the oldest of too many bytes go, and sessions stay", async () => {
      const store = await open();
      for (const [id, time] of [
        ["old", 10],
        ["first", 1000],
        ["second", 1001],
        ["third", 1002],
        ["named", 10],
      ] as const) {
        const run = { id, agent: "a", model: "m", time, ...(id === "named" ? { session: "s" } : {}) };
        const journal = value(await store.begin(run));
        await write(journal, start(0, time), turn(1, time, "x".repeat(100_000)));
        await journal.close();
      }
      const left = async () => value(await store.match("", 9)).map(({ name }) => name);
      expect(value(await store.prune({ now: 1010, age: 500, bytes: 1e9, daily: true }))).toMatchObject({ runs: 1 });
      expect(await left()).toEqual(["s", "named", "third", "second", "first"]);
      // Nothing happens by itself again within a day.
      expect(value(await store.prune({ now: 2000, age: 0, bytes: 0, daily: true }))).toEqual({ runs: 0, bytes: 0 });
      const pruned = value(await store.prune({ now: 1010, age: 500, bytes: 250_000 }));
      expect(pruned.runs).toBe(1);
      expect(pruned.bytes).toBeGreaterThan(100_000);
      expect(await left()).toEqual(["s", "named", "third", "second"]);
      expect(value(await store.prune({ now: 1010 + 90_000_000, age: 0, bytes: 0, daily: true })).runs).toBe(2);
      expect(await left()).toEqual(["s", "named"]);
      await store.close();
    });

    test("a run id or a number that is taken is a failure, and the session stays free", async () => {
      const store = await open();
      const first = value(await store.begin({ id: "r1", agent: "a", model: "m", time: 1 }));
      value(await first.append(start(0, 1), "normal"));
      expect((await first.append(start(0, 2), "flush")).ok).toBe(false);
      expect((await store.begin({ id: "r1", session: "s", agent: "a", model: "m", time: 1 })).ok).toBe(false);
      value(await store.begin({ id: "r2", session: "s", agent: "a", model: "m", time: 1 }));
      await store.close();
    });
  });
}
