import { expect, test } from "bun:test";
import type { Message } from "../../src/core/message.ts";
import type { ModelRequest } from "../../src/core/model.ts";
import type { ScriptStep } from "../../src/core/script.ts";
import { scripted } from "../../src/models/scripted.ts";
import { testClock } from "../helpers/clock.ts";
import { question, readReply } from "../helpers/reply.ts";

type ReplyStep = Extract<ScriptStep, { kind: "reply" }>;

function step(more: Partial<ReplyStep> = {}): ScriptStep {
  return { kind: "reply", text: [], calls: [], stop: "end", delayMs: 0, dripMs: 0, ...more };
}

function asking(...messages: Message[]): ModelRequest {
  return { ...question, messages };
}

const name = "scripted/test.yaml";

test("steps go on from request to request, and one too many is a failure that counts them", async () => {
  const model = scripted([step({ text: [{ text: "One" }] }), step({ text: [{ text: "Two" }] })], name, testClock());
  expect((await readReply(model)).text).toBe("One");
  expect((await readReply(model)).text).toBe("Two");
  expect((await readReply(model)).failure).toEqual({
    kind: "request",
    message: "The script has 2 steps, and this is request 3",
    retryable: false,
  });
});

test("an answer quotes the prompt and this run's results, in text and in arguments", async () => {
  const results = (content: string): Message => ({
    role: "tool",
    results: [
      { id: "1", name: "file_read", content: `${content} one`, error: false },
      { id: "2", name: "file_read", content: `${content} two`, error: false },
    ],
  });
  const quoting = step({
    text: [
      { path: ["prompt"] },
      { text: ": " },
      { path: ["results", "0"] },
      { text: ", " },
      { path: ["results", "last"] },
    ],
    calls: [
      {
        name: "file_write",
        arguments: {
          kind: "map",
          entries: [
            ["path", { kind: "text", template: [{ path: ["results", "1"] }] }],
            ["mode", { kind: "list", items: [{ kind: "value", value: 7 }] }],
          ],
        },
      },
    ],
    stop: "tool_calls",
  });
  const model = scripted([step(), quoting], name, testClock());
  const earlier: Message[] = [{ role: "user", text: "Old" }, results("earlier"), { role: "user", text: "${{ new }}" }];
  await readReply(model, asking(...earlier));
  const reply = await readReply(model, asking(...earlier, results("now")));
  expect(reply.text).toBe("${{ new }}: now one, now two");
  expect(reply.calls).toEqual([{ id: "call_2_1", name: "file_write", arguments: '{"path":"now two","mode":[7]}' }]);
});

test("a result that is not there is a failure that names the step", async () => {
  const model = scripted([step({ text: [{ path: ["results", "last"] }] })], name, testClock());
  expect((await readReply(model)).failure).toMatchObject({
    kind: "request",
    message: "Cannot fill '${{ results.last }}': no such value (step 1 of the script)",
  });
});

test("raw arguments are sent as they are", async () => {
  const model = scripted(
    [step({ calls: [{ name: "file_read", raw: '{"path":' }], stop: "tool_calls" })],
    name,
    testClock(),
  );
  expect((await readReply(model)).calls[0]?.arguments).toBe('{"path":');
});

test("a reply comes word by word, with its pauses", async () => {
  const clock = testClock();
  const model = scripted([step({ text: [{ text: " One  two\nthree " }], delayMs: 300, dripMs: 20 })], name, clock);
  const reply = await readReply(model);
  const pieces = reply.events.flatMap((event) => (event.type === "text" ? [event.text] : []));
  expect(pieces).toEqual([" One  ", "two\n", "three "]);
  expect(clock.sleeps).toEqual([300, 20, 20]);
});

test("an abort ends a reply at once", async () => {
  const run = new AbortController();
  const model = scripted([step({ text: [{ text: "One two three" }], dripMs: 20 })], name, testClock());
  const reply = await readReply(model, question, run.signal, () => run.abort());
  expect(reply).toMatchObject({ text: "One ", failure: { retryable: false } });
});

test("a failing step fails as it says", async () => {
  const failure = { kind: "service", message: "Overloaded", status: 529, retryable: true, retryAfterMs: 5 } as const;
  const model = scripted([{ kind: "failure", failure, delayMs: 0 }], name, testClock());
  expect((await readReply(model)).failure).toEqual(failure);
});

test("usage is the step's, else an estimate that is the same each time", async () => {
  const usage = { input: 9, output: 8, cached: 7, reasoning: 6 };
  const said = step({ text: [{ text: "12345678" }] });
  const model = scripted([step({ usage }), said, said], name, testClock());
  expect((await readReply(model)).usage).toEqual(usage);
  const estimated = (await readReply(model)).usage;
  expect(estimated).toMatchObject({ output: 2, cached: 0, reasoning: 0 });
  expect((await readReply(model)).usage).toEqual(estimated);
});
