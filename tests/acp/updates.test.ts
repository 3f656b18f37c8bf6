import { expect, test } from "bun:test";
import type { Event, Stamped } from "../../src/core/event.ts";
import { Updates } from "../../src/acp/updates.ts";

let seq = 0;
const at = (event: Event, time = 0): Stamped => ({ seq: seq++, time, ...event });

const start = { version: 1, agent: "a", hash: "", model: "m", instructions: "" };
const call = (id: string, name: string, values: string): Event => ({
  type: "call_start",
  turn: 1,
  call: { id, name, arguments: values },
  effects: "read",
});
const ended = (id: string, content: string, more: { error?: boolean; agent_id?: string } = {}): Event => ({
  type: "call_end",
  turn: 1,
  id,
  name: "file_read",
  content,
  error: false,
  duration_ms: 1,
  ...more,
});

function updates(replayed = false) {
  const made = new Updates(({ name }) => name, "/work", replayed);
  made.of(at({ type: "run_start", run_id: "r1", ...start }));
  return made;
}

test("calls of sub-agents are told under ids and names of their own, their words are not", () => {
  const made = updates();
  const own = made.of(at(call("c1", "file_read", "{}")));
  const inner = made.of(at({ ...call("c1", "file_read", "{}"), agent_id: "a1" }));
  expect(own).toMatchObject([{ toolCallId: "r1/c1", title: "file_read" }]);
  expect(inner).toMatchObject([{ toolCallId: "r1/a1/c1", title: "a1: file_read" }]);
  expect(made.of(at({ type: "text", turn: 1, text: "inner", agent_id: "a1" }))).toEqual([]);
  expect(made.only()).toBeUndefined();
  made.of(at(ended("c1", "x", { agent_id: "a1" })));
  expect(made.only()).toEqual({ id: "r1/c1", label: "file_read" });
});

test("what a tool prints is told now and then, and no more than its end", () => {
  const made = updates();
  made.of(at(call("c1", "bash_exec", '{"command":"yes"}'), 1000));
  expect(made.of(at({ type: "output", call: "c1", text: "first\n" }, 1100))).toEqual([]);
  const told = made.of(at({ type: "output", call: "c1", text: "y\n".repeat(10_000) }, 1400));
  expect(told).toHaveLength(1);
  expect(JSON.stringify(told).length).toBeLessThan(7000);
  expect(made.of(at({ type: "output", call: "none", text: "x" }, 9999))).toEqual([]);
});

test("a text with a fence in it does not end the one around it", () => {
  const made = updates();
  made.of(at(call("c1", "file_read", "{}")));
  const [told] = made.of(at(ended("c1", "a\n```\nb\n")));
  expect(told).toMatchObject({
    status: "completed",
    content: [{ type: "content", content: { text: "````\na\n```\nb\n````" } }],
  });
});

test("arguments that are no JSON are shown as they are", () => {
  expect(updates().of(at(call("c1", "file_read", '{"path": ')))).toMatchObject([
    { rawInput: '{"path": ', locations: [] },
  ]);
});

test("a deleted file is a diff to nothing, and a failed call keeps its message", () => {
  const made = updates();
  const change = { path: "/work/a", before: "x", after: null };
  made.of(at(call("c1", "file_delete", '{"path":"./a"}')));
  expect(made.of(at(ended("c1", "Deleted")), [change])).toMatchObject([
    { content: [{ type: "diff", path: "/work/a", oldText: "x", newText: "" }] },
  ]);
  made.of(at(call("c2", "file_delete", '{"path":"a"}')));
  expect(made.of(at(ended("c2", "Half of it", { error: true })), [change])).toMatchObject([
    { status: "failed", content: [{ type: "diff" }, { content: { text: "Half of it" } }] },
  ]);
});

test("told again, answers come whole and prompts with them; live, only what is streamed", () => {
  const user: Event = { type: "user", text: "hi" };
  const repair: Event = { type: "user", text: "again", reason: "repair" };
  const answer: Event = {
    type: "turn_end",
    turn: 1,
    message: { role: "assistant", text: "ho", calls: [] },
    stop: "end",
    usage: { input: 0, output: 0, cached: 0, reasoning: 0 },
    duration_ms: 0,
    first_token_ms: 0,
  };
  const [again, live] = [updates(true), updates()];
  expect([user, repair, answer].flatMap((event) => again.of(at(event))).map((one) => one.sessionUpdate)).toEqual([
    "user_message_chunk",
    "agent_message_chunk",
  ]);
  expect([user, repair, answer].flatMap((event) => live.of(at(event)))).toEqual([]);
});
