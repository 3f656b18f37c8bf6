import { expect, test } from "bun:test";
import { exportSession, forkSession, importSession, resolveName } from "../../src/app/sessions.ts";
import type { DurableEvent, Nested, Stamped } from "../../src/core/event.ts";
import { noUsage } from "../../src/core/model.ts";
import type { Result } from "../../src/core/result.ts";
import type { Store } from "../../src/core/store.ts";
import { conversation } from "../../src/loop/history.ts";
import { memoryStore } from "../../src/store/open.ts";

type Event = Stamped<DurableEvent>;

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

const start = (run_id: string, more: Nested = {}): DurableEvent & Nested => {
  return { type: "run_start", version: 1, run_id, agent: "a", hash: "h", model: "m/x", instructions: "", ...more };
};
const turn = (number: number, text: string, calls: string[] = []): DurableEvent => ({
  type: "turn_end",
  turn: number,
  message: { role: "assistant", text, calls: calls.map((id) => ({ id, name: "look", arguments: "{}" })) },
  stop: "end",
  usage: noUsage,
  duration_ms: 1,
  first_token_ms: 1,
});
const result = (number: number, id: string): DurableEvent => {
  return { type: "call_end", turn: number, id, name: "look", content: `of ${id}`, error: false, duration_ms: 1 };
};
const end = (run_id: string, more: Nested = {}): DurableEvent & Nested => {
  const said = { outcome: "done", exit_code: 0, answer: "", error: null, model: null } as const;
  return { type: "run_end", result: { ...said, usage: {}, cost: null, denied: [], run_id }, ...more };
};

const inner: Nested = { agent_id: "a1" };
const runs: Record<string, Array<DurableEvent & Nested>> = {
  r1: [
    start("r1"),
    { type: "user", text: "one" },
    { type: "turn_start", turn: 1 },
    turn(1, "first", ["c1"]),
    start("r1.a1", inner),
    { ...turn(1, "inner"), ...inner },
    end("r1.a1", inner),
    result(1, "c1"),
    { type: "user", text: "not so", reason: "check" },
    { type: "turn_start", turn: 2 },
    turn(2, "second"),
    end("r1"),
  ],
  r2: [
    start("r2"),
    { type: "user", text: "two" },
    { type: "turn_start", turn: 1 },
    turn(1, "third"),
    { type: "undo", runs: ["r1"] },
    end("r2"),
  ],
};

async function talk(): Promise<Store> {
  const store = memoryStore();
  for (const [id, events] of Object.entries(runs)) {
    const journal = value(await store.begin({ id, session: "talk", agent: "a", model: "m/x", time: 1 }));
    for (const [seq, event] of events.entries())
      value(await journal.append({ seq, time: seq + 1, ...event }, "normal"));
    await journal.close();
  }
  return store;
}

let made = 0;
const id = () => `new${++made}`;
const session = { kind: "session", name: "talk" } as const;

async function forked(at?: number): Promise<Event[]> {
  const store = await talk();
  const name = value(await forkSession(store, session, { at, id }));
  const events = value(await store.session(name)) ?? [];
  await store.close();
  return events;
}

test("a copy is the same conversation under ids of its own, also where they are named within", async () => {
  made = 0;
  const events = await forked();
  const named = events.flatMap((event) =>
    event.type === "run_start"
      ? [event.run_id]
      : event.type === "run_end"
        ? [event.result.run_id]
        : event.type === "undo"
          ? event.runs
          : [],
  );
  expect(named).toEqual(["new1", "new1.a1", "new1.a1", "new1", "new2", "new1", "new2"]);
  expect(events.flatMap((event) => (event.type === "run_start" ? [event.session] : []))).toEqual([
    "talk-2",
    undefined,
    "talk-2",
  ]);
  expect(events.map(({ type }) => type)).toEqual(Object.values(runs).flatMap((run) => run.map(({ type }) => type)));
});

test("up to a turn, it has what the calls of that turn came to, and not the next question", async () => {
  const texts = (events: Event[]) =>
    conversation(events).messages.map((message) =>
      message.role === "tool" ? message.results[0]?.content : message.text,
    );
  const first = await forked(1);
  expect(texts(first)).toEqual(["one", "first", "of c1"]);
  expect(first.at(-1)?.type).toBe("call_end");
  // A run that ended there is whole.
  const second = await forked(2);
  expect(second.at(-1)?.type).toBe("run_end");
  expect(second).toHaveLength(12);
  const third = await forked(3);
  expect(third).toHaveLength(18);
  const store = await talk();
  expect(await forkSession(store, session, { at: 4, id })).toMatchObject({
    error: { message: "Cannot fork 'talk' at turn 4: it has 3 turns" },
  });
  await store.close();
});

test("a fork is called by the next number that is free", async () => {
  const store = await talk();
  const fork = async (name: string) => value(await forkSession(store, { kind: "session", name }, { id }));
  expect([await fork("talk"), await fork("talk"), await fork("talk-2")]).toEqual(["talk-2", "talk-3", "talk-4"]);
  expect(await forkSession(store, session, { to: "talk-3", id })).toMatchObject({ error: { code: "exists" } });
  // What a date ends with is no number of a copy.
  await forkSession(store, session, { to: "talk-2026-11-23-083332", id });
  expect(await fork("talk-2026-11-23-083332")).toBe("talk-2026-11-23-083332-2");
  await store.close();
});

test("what was exported is imported elsewhere as it is, and here as a copy", async () => {
  const here = await talk();
  const exported = value(await exportSession(here, session));
  const there = memoryStore();
  expect(value(await importSession(there, exported, { id }))).toBe("talk");
  expect(value(await there.session("talk"))).toMatchObject(exported.events.map(({ type, seq }) => ({ type, seq })));
  expect(value(await there.session("r1"))).toHaveLength(12);
  expect(value(await there.calls(0))).toHaveLength(4);
  expect(await importSession(here, exported, { id })).toMatchObject({
    error: { message: "There is a session 'talk' already" },
  });
  expect(value(await importSession(here, exported, { to: "again", id }))).toBe("again");
  expect(value(await here.calls(0))).toHaveLength(4);
  const alone = { ...exported, name: null };
  expect(await importSession(here, alone, { id })).toMatchObject({ error: { message: "This run is here already" } });
  await here.close();
  await there.close();
});

test("a word is a name, an id, the start of one, or the last there is", async () => {
  const store = await talk();
  await value(await store.begin({ id: "talk-run-1", agent: "a", model: "m", time: 1 })).close();
  const meant = async (typed: string) => {
    const found = await resolveName(store, typed);
    return found.ok ? `${found.value.kind} ${found.value.name}` : found.error.message;
  };
  expect(await meant("talk")).toBe("session talk");
  expect(await meant("talk-")).toBe("run talk-run-1");
  expect(await meant("tal")).toBe("session talk");
  expect(await meant("last")).toBe("run talk-run-1");
  expect(await meant("r1")).toBe("run r1");
  expect(await meant("")).toBe("There is no session or run '': 'rein sessions list' shows them");
  expect(await meant("tlak")).toBe("There is no session or run 'tlak': did you mean 'talk'?");
  value(await forkSession(store, session, { to: "talking", id }));
  expect(await meant("talki")).toBe("session talking");
  expect(await meant("tal")).toBe("'tal' is the beginning of several: 'talking', 'talk'");
  await store.close();
});

test("no session can take the name of what it is not", async () => {
  const store = await talk();
  const exported = value(await exportSession(store, session));
  const names = ["", " ", "a\nb", "\u001b[2J", "last", "01m83q1qrjdwdjyyq45kq9evpg", "n".repeat(201)];
  for (const name of names) {
    expect(await forkSession(store, session, { to: name, id })).toMatchObject({ error: { code: "unsupported" } });
    expect(await importSession(store, { ...exported, name }, { id })).toMatchObject({ error: { code: "unsupported" } });
  }
  expect(value(await store.sessions()).map(({ name }) => name)).toEqual(["talk"]);
  await store.close();
});
