import { expect, test } from "bun:test";
import type { DurableEvent, Nested } from "../../src/core/event.ts";
import { ok } from "../../src/core/result.ts";
import type { RecallDoor } from "../../src/core/recall.ts";
import { memoryStore } from "../../src/store/open.ts";
import { contextRecall } from "../../src/tools/context-recall.ts";
import { memoryHost } from "../helpers/memory-host.ts";
import { testClock } from "../helpers/clock.ts";

const store = memoryStore();
let runs = 0;

/** A run of that session with these events; what it recalls. */
async function runOf(session: string | undefined, events: Array<DurableEvent & Nested>, agent: string | null = null) {
  const named = session === undefined ? {} : { session };
  const begun = await store.begin({ id: `run-${++runs}`, agent: "a", model: "m", time: 0, ...named });
  if (!begun.ok) throw new Error(begun.error.message);
  const journal = begun.value;
  for (const [seq, event] of events.entries()) await journal.append({ seq, time: 0, ...event }, "normal");
  await journal.close();
  const recall: RecallDoor = {
    find: (query, most) => journal.recall(query, agent, most),
    whole: async (sha256) => {
      const kept = await store.attachment(sha256);
      return kept.ok ? ok(kept.value && new TextDecoder().decode(kept.value)) : kept;
    },
  };
  const ask = async (input: Record<string, string | number>) => {
    const context = {
      host: memoryHost({}),
      signal: new AbortController().signal,
      clock: testClock(),
      output: () => undefined,
      draw: async () => undefined,
      recall,
    };
    return contextRecall.run(input, context);
  };
  return { ask, journal };
}

const usage = { input: 0, output: 0, cached: 0, reasoning: 0 };

function answer(turn: number, text: string, ...ids: string[]): DurableEvent {
  const calls = ids.map((id) => ({ id, name: "look", arguments: '{"path":"a.txt"}' }));
  const message = { role: "assistant", text, calls } as const;
  return { type: "turn_end", turn, message, stop: "end", usage, duration_ms: 1, first_token_ms: 1 };
}

function result(
  turn: number,
  id: string,
  content: string,
  rest: Partial<Extract<DurableEvent, { type: "call_end" }>> = {},
) {
  return { type: "call_end", turn, id, name: "look", content, error: false, duration_ms: 1, ...rest } as const;
}

const events: DurableEvent[] = [
  { type: "user", text: "Find the port" },
  answer(1, "Looking", "c1"),
  result(1, "c1", `${"a".repeat(30_000)} the PORT is 8080`),
  answer(2, "It is 8080"),
];

test("the whole result of a call is read page by page", async () => {
  const { ask } = await runOf(undefined, events);
  const first = await ask({ call: "c1" });
  expect(first.content).toEndWith("aaa\n[characters 0 to 20,000 of 30,017; go on with offset 20000]");
  const second = await ask({ call: "c1", offset: 20_000 });
  expect(second.content).toEndWith("the PORT is 8080\n[characters 20,000 to 30,017 of 30,017]");
  expect(await ask({ call: "c1", offset: 40_000 })).toMatchObject({ error: true });
});

test("of a result that was cut before the model saw it the whole is read too", async () => {
  const sha256 = "f".repeat(64);
  const { ask, journal } = await runOf(undefined, [result(1, "c1", "head … tail", { whole: { size: 5, sha256 } })]);
  await journal.keep(sha256, new TextEncoder().encode("whole"));
  expect(await ask({ call: "c1" })).toEqual({ content: "whole" });
});

test("a text is found in the middle of a result that the model saw cut", async () => {
  const sha256 = "e".repeat(64);
  const whole = `${"a".repeat(5000)} the Token is 42 ${"b".repeat(5000)}`;
  const { ask, journal } = await runOf(undefined, [
    result(1, "c1", "aaa … bbb", { whole: { size: whole.length, sha256 } }),
    result(1, "c2", "ccc … ddd", { whole: { size: 9, sha256: "0".repeat(64) } }),
  ]);
  await journal.keep(sha256, new TextEncoder().encode(whole));
  const { content } = await ask({ text: "token" });
  expect(content).toStartWith("[turn 1, result of look, call 'c1']\n…aaa");
  expect(content).toContain("the Token is 42");
  expect(content).not.toContain("c2");
  expect(await ask({ text: "tokens" })).toMatchObject({ error: true });
});

test("a turn is told from its start, with what was called in it", async () => {
  const { ask } = await runOf(undefined, events);
  const { content } = await ask({ turn: 1 });
  expect(content).toStartWith(
    `[turn 1, answer]\nLooking\nlook (call 'c1') {"path":"a.txt"}\n\n[turn 1, result of look, call 'c1']\naaaa`,
  );
  expect(content).toEndWith("[26,017 more characters]");
});

test("a text is found whatever its case, with what stands around it, the newest first", async () => {
  const { ask } = await runOf(undefined, events);
  const { content } = await ask({ text: "port" });
  expect(content).toMatch(/^\[turn 1, result of look, call 'c1'\]\n…a+ the PORT is 8080\n\n\[prompt\]\nFind the port$/);
  expect(await ask({ text: "100%_" })).toEqual({ content: "There is nothing of the text '100%_'", error: true });
});

test("a session's earlier runs are searched, and nothing of other sessions, runs and agents", async () => {
  await runOf("mine", [{ type: "user", text: "alpha of mine" }]);
  await runOf("other", [{ type: "user", text: "alpha of others" }]);
  await runOf(undefined, [{ type: "user", text: "alpha of nobody" }]);
  const nested = { type: "user", text: "alpha of a sub-agent", agent_id: "a1" } as const;
  const { ask } = await runOf("mine", [{ type: "user", text: "alpha again" }, nested]);
  expect((await ask({ text: "alpha" })).content).toBe("[prompt]\nalpha again\n\n[prompt]\nalpha of mine");
  const own = await runOf("mine", [nested], "a1");
  expect((await own.ask({ text: "alpha" })).content).toBe("[prompt]\nalpha of a sub-agent");
});

test("wrong use is told", async () => {
  const { ask } = await runOf(undefined, events);
  expect(await ask({})).toEqual({ content: "Give one of 'call', 'turn' and 'text'", error: true });
  expect(await ask({ call: "c1", text: "x" })).toMatchObject({ error: true });
  expect(await ask({ call: "nope" })).toEqual({ content: "There is nothing of a call 'nope'", error: true });
  expect(await ask({ turn: 99 })).toEqual({ content: "There is nothing of a turn 99", error: true });
});
