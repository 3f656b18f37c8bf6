import { expect, test } from "bun:test";
import type { DurableEvent } from "../../src/core/event.ts";
import { conversation } from "../../src/loop/history.ts";

const usage = { input: 0, output: 0, cached: 0, reasoning: 0 };

function turnEnd(text: string, ...ids: string[]): DurableEvent {
  const calls = ids.map((id) => ({ id, name: "look", arguments: "{}" }));
  const message = { role: "assistant", text, calls } as const;
  return {
    type: "turn_end",
    turn: 1,
    message: { ...message, calls },
    stop: "end",
    usage,
    duration_ms: 1,
    first_token_ms: 1,
  };
}

function callEnd(id: string, content: string): Extract<DurableEvent, { type: "call_end" }> {
  return { type: "call_end", turn: 1, id, name: "look", content, error: false, duration_ms: 1 };
}

test("a conversation is read from the events, results in the order of the calls", () => {
  const events: DurableEvent[] = [
    { type: "user", text: "hello" },
    turnEnd("", "a", "b"),
    callEnd("b", "second"),
    callEnd("a", "first"),
    turnEnd("done"),
    { type: "user", text: "again" },
    turnEnd("yes"),
  ];
  expect(
    conversation(events).messages.map((message) =>
      message.role === "tool" ? message.results.map((r) => r.content) : message.text,
    ),
  ).toEqual(["hello", "", ["first", "second"], "done", "again", "yes"]);
});

test("a call whose result was never journaled is answered as unknown", () => {
  const { messages } = conversation([
    { type: "user", text: "x" },
    turnEnd("", "a", "b"),
    callEnd("a", "done"),
    { type: "user", text: "y" },
  ]);
  expect(messages[2]).toMatchObject({
    role: "tool",
    results: [
      { id: "a", error: false },
      { id: "b", error: true, content: "Interrupted: the outcome of this call is unknown" },
    ],
  });
  expect(messages[3]).toEqual({ role: "user", text: "y" });
});

test("a call whose arguments were repaired is remembered as it ran", () => {
  const ran = { id: "b", name: "look", arguments: '{"n":1}' };
  const { messages } = conversation([
    turnEnd("", "a", "b"),
    { type: "call_start", turn: 1, call: ran, effects: "read", repaired: ["a trailing comma"] },
    callEnd("b", "done"),
  ]);
  expect(messages[0]).toMatchObject({ calls: [{ id: "a", arguments: "{}" }, ran] });
});

test("attachments come back by their digests, and what is not kept any more is named", () => {
  const facts = (name: string, sha256: string) => ({ media_type: "image/png", name, size: 3, sha256 });
  const events: DurableEvent[] = [
    { type: "user", text: "look", attachments: [facts("a.png", "1"), facts("b.png", "2")] },
    turnEnd("", "a"),
    { ...callEnd("a", "an image"), attachments: [facts("c.png", "1"), facts("d.png", "2")] },
  ];
  const [asked, , told] = conversation(events, (sha256) => (sha256 === "1" ? "UE5H" : undefined)).messages;
  expect(asked).toEqual({
    role: "user",
    text: "look\n[Not kept: 'b.png']",
    attachments: [{ mediaType: "image/png", name: "a.png", data: "UE5H" }],
  });
  expect(told).toEqual({
    role: "tool",
    results: [
      {
        id: "a",
        name: "look",
        content: "an image\n[Not kept: 'd.png']",
        error: false,
        attachments: [{ mediaType: "image/png", name: "c.png", data: "UE5H" }],
      },
    ],
  });
});

test("what sub-agents said and did is no part of the conversation, whatever the ids of their calls", () => {
  const nested = { agent_id: "a1" };
  const events = [
    { type: "user", text: "hello" } as const,
    turnEnd("", "a"),
    { type: "user", text: "inner", ...nested } as const,
    { ...turnEnd("inner answer", "a"), ...nested },
    { ...callEnd("a", "inner result"), ...nested },
    callEnd("a", "outer result"),
    turnEnd("done"),
  ];
  expect(
    conversation(events).messages.map((message) =>
      message.role === "tool" ? message.results.map((r) => r.content) : message.text,
    ),
  ).toEqual(["hello", "", ["outer result"], "done"]);
});
