import { afterAll, describe, expect, test } from "bun:test";
import type { Message } from "../../src/core/message.ts";
import type { ModelOptions, ModelRequest } from "../../src/core/model.ts";
import { make } from "../../src/models/openai.ts";
import { testClock } from "../helpers/clock.ts";
import { question, readReply, type Reply } from "../helpers/reply.ts";
import {
  errorEvent,
  startResponsesServer,
  type ResponsesBehaviour,
  type ResponsesReply,
} from "../helpers/responses-server.ts";

const key = "sk-unit-secret-1234567890";
const server = startResponsesServer();
afterAll(() => server.stop());
const host = new URL(server.baseUrl).host;

function model(options: ModelOptions = {}, id = "fake-1", clock = testClock()) {
  const { baseUrl } = server;
  return make({ name: `openai/${id}`, model: id, baseUrl, key, headers: {}, options, fetch, clock });
}

async function reply(...behaviours: ResponsesBehaviour[]): Promise<Reply> {
  server.behave(...behaviours);
  return await readReply(model());
}

/** The turn that an answer becomes, with the results of its calls. */
function turn({ text, calls, opaque }: Reply): Message[] {
  const said: Message = { role: "assistant", text, calls, ...(opaque === undefined ? {} : { opaque }) };
  if (calls.length === 0) return [said, { role: "user", text: "Go on" }];
  const results = calls.map(({ id, name }) => ({ id, name, content: "1", error: false }));
  return [said, { role: "tool", results }];
}

async function inputAfter(...replies: Reply[]): Promise<unknown> {
  const messages: Message[] = [...question.messages, ...replies.flatMap(turn)];
  expect((await readReply(model(), { ...question, messages })).failure).toBeUndefined();
  const body: unknown = server.requests.at(-1)?.body;
  return typeof body === "object" && body !== null && "input" in body ? body.input : undefined;
}

const text = "Grüße, 世界 👋\nand more";
const args = '{"path":"ü/世界/👋","n":[1,2,{"a":"\\n"}]}';
const user = { type: "message", role: "user", content: "Hi" };

describe("the wire", () => {
  for (const lineEnd of ["\n", "\r\n", "\r"] as const) {
    for (const write of [1, 7, undefined]) {
      test(`is read in writes of ${write ?? "any"} bytes with lines that end in ${JSON.stringify(lineEnd)}`, async () => {
        const calls = [{ call_id: "c", name: "file_read", arguments: args }];
        const answer: ResponsesReply = { kind: "answer", text, calls, split: 3, lineEnd, noise: true };
        const said = await reply(write === undefined ? answer : { ...answer, write });
        expect(said).toMatchObject({ text, stop: "tool_calls" });
        expect(said.calls).toEqual([{ id: "c", name: "file_read", arguments: args }]);
        expect(said.usage).toEqual({ input: 10, output: 5, cached: 4, reasoning: 2 });
      });
    }
  }

  test("two megabytes of arguments arrive whole", async () => {
    const long = JSON.stringify({ content: "0123456789abcdef".repeat(131_072) });
    const { calls } = await reply({
      kind: "answer",
      calls: [{ call_id: "c", name: "file_write", arguments: long }],
      split: 4096,
    });
    expect(calls[0]?.arguments === long).toBe(true);
  });

  test("arguments that come only when the call is whole are read", async () => {
    const calls = [{ call_id: "c", name: "file_read", arguments: args }];
    expect((await reply({ kind: "answer", calls, wholeCalls: true })).calls).toEqual([
      { id: "c", name: "file_read", arguments: args },
    ]);
  });

  test("a body that ends after its last event keeps its connection for the next turn", async () => {
    server.behave({ kind: "answer", text, lingerMs: 5 });
    const service = model({}, "fake-1", testClock({ patienceMs: 1 }));
    // It is free a moment after the answer: on a busy machine not before the next turn.
    let turns = 0;
    do {
      expect((await readReply(service)).stop).toBe("end");
      await Bun.sleep(30);
    } while (++turns < 50 && server.connections() === turns);
    expect(server.connections()).toBeLessThan(turns);
  });
});

describe("calls", () => {
  const call = { name: "file_read", arguments: "{}" };

  test("with one id for all, or none, get ids of their own", async () => {
    const calls = [{ call_id: "x", ...call }, { call_id: "x", ...call }, call];
    expect((await reply({ kind: "answer", calls })).calls.map(({ id }) => id)).toEqual(["x", "x_2", "call_1_3"]);
  });

  test("without a name are a failure", async () => {
    const { failure } = await reply({ kind: "answer", calls: [{ call_id: "x", arguments: "{}" }] });
    expect(failure).toMatchObject({ kind: "service", message: `'${host}' called a tool without a name` });
  });

  test("cut by the answer's length are no calls to run", async () => {
    const calls = [{ call_id: "x", name: "file_read", arguments: "{}" }];
    expect((await reply({ kind: "answer", calls, end: { incomplete: "max_output_tokens" } })).stop).toBe("length");
  });
});

describe("reasoning", () => {
  const thought: ResponsesReply = {
    kind: "answer",
    reasoning: { summary: ["Look", "Then say"], encrypted: "gAAAA+/=" },
  };
  const rs = {
    id: "rs_0",
    type: "reasoning",
    summary: [
      { type: "summary_text", text: "Look" },
      { type: "summary_text", text: "Then say" },
    ],
    encrypted_content: "gAAAA+/=",
  };

  test("is told with a blank line between its parts", async () => {
    expect((await reply({ ...thought, text })).reasoning).toBe("Look\n\nThen say");
  });

  test("goes back as it came, before the calls and texts that followed it, turn after turn", async () => {
    const calls = ["a", "b"].map((call_id) => ({ call_id, name: "file_read", arguments: "{}" }));
    const first = await reply({ ...thought, text: "So", calls });
    const second = await reply({ ...thought, text });
    expect(await inputAfter(first, second)).toEqual([
      user,
      rs,
      {
        type: "message",
        role: "assistant",
        status: "completed",
        id: "msg_1",
        content: [{ type: "output_text", text: "So", annotations: [] }],
      },
      { type: "function_call", id: "fc_2", call_id: "a", name: "file_read", arguments: "{}" },
      { type: "function_call", id: "fc_3", call_id: "b", name: "file_read", arguments: "{}" },
      { type: "function_call_output", call_id: "a", output: "1" },
      { type: "function_call_output", call_id: "b", output: "1" },
      rs,
      {
        type: "message",
        role: "assistant",
        status: "completed",
        id: "msg_1",
        content: [{ type: "output_text", text, annotations: [] }],
      },
      { type: "message", role: "user", content: "Go on" },
    ]);
  });

  test("keeps the phases of its messages apart", async () => {
    const said = await reply({ kind: "answer", commentary: "Wait. ", text: "Done" });
    expect(said.text).toBe("Wait. Done");
    expect(await inputAfter(said)).toMatchObject([
      user,
      { phase: "commentary", content: [{ text: "Wait. " }] },
      { phase: "final_answer", content: [{ text: "Done" }] },
      {},
    ]);
  });

  test("of another service, or of a message that was changed, does not go back", async () => {
    const said = await reply({ ...thought, text });
    const plain = [user, { type: "message", role: "assistant", content: text }, {}];
    const elsewhere = JSON.parse(JSON.stringify(said.opaque).replace(host, "elsewhere"));
    expect(await inputAfter({ ...said, opaque: elsewhere })).toMatchObject(plain);
    const changed = [user, { type: "message", role: "assistant", content: `${text}!` }, {}];
    expect(await inputAfter({ ...said, text: `${text}!` })).toMatchObject(changed);
  });

  test("of an answer without any is not kept", async () => {
    expect((await reply({ kind: "answer", text })).opaque).toBeUndefined();
  });

  test("is not asked for where a model has none", async () => {
    for (const [id, include] of [
      ["gpt-4.1-mini", undefined],
      ["gpt-6-sol", ["reasoning.encrypted_content"]],
    ] as const) {
      server.behave({ kind: "answer", text });
      await readReply(model({}, id));
      expect(server.requests[0]?.body).toMatchObject({ model: id, ...(include === undefined ? {} : { include }) });
      expect(JSON.stringify(server.requests[0]?.body).includes("encrypted")).toBe(include !== undefined);
    }
  });
});

describe("the end", () => {
  test("of a refusal is a stop by refusal, with its words", async () => {
    expect(await reply({ kind: "answer", refusal: "I will not" })).toMatchObject({
      text: "I will not",
      stop: "refusal",
    });
  });

  const failures: Array<[string, Omit<ResponsesReply, "kind">, object]> = [
    [
      "that failed by a rate limit is worth a retry",
      { text, end: { failed: { code: "rate_limit_exceeded", message: `Slow down, ${key}.` } } },
      { kind: "service", message: `'${host}' broke off its answer: Slow down, [masked]`, retryable: true },
    ],
    [
      "that failed by the request is not",
      { text, end: { failed: { code: "invalid_prompt", message: "No" } } },
      { kind: "request", message: `'${host}' broke off its answer: No`, retryable: false },
    ],
    [
      "by an error event that names the request is not",
      { text, instead: errorEvent("Too long", "context_length_exceeded") },
      { kind: "request", retryable: false },
    ],
    [
      "by an error event is worth a retry",
      { text, instead: errorEvent("Overloaded", null) },
      { kind: "service", message: `'${host}' broke off its answer: Overloaded`, retryable: true },
    ],
    [
      "for a reason of no known kind is a failure",
      { text, end: { incomplete: "constructor" } },
      { kind: "service", message: `'${host}' gave up with 'constructor'`, retryable: true },
    ],
    [
      "that never came is a failure",
      { text, end: null },
      { kind: "network", message: `'${host}' stopped in the middle of its answer`, retryable: true },
    ],
  ];
  for (const [name, answer, failure] of failures) {
    test(name, async () => {
      expect((await reply({ kind: "answer", ...answer })).failure).toEqual(expect.objectContaining(failure));
    });
  }

  test("without usage is an answer without usage", async () => {
    expect(await reply({ kind: "answer", text, usage: null })).not.toHaveProperty("usage");
  });
});

test("options are sent by the service's names, the extra body last", async () => {
  server.behave({ kind: "answer", text });
  const options: ModelOptions = {
    temperature: 0.2,
    max_tokens: 900,
    effort: "high",
    service_tier: "flex",
    extra_body: { temperature: 0.5, prompt_cache_key: "k" },
  };
  await readReply(model(options));
  expect(server.requests[0]?.body).toMatchObject({
    temperature: 0.5,
    max_output_tokens: 900,
    reasoning: { effort: "high" },
    service_tier: "flex",
    prompt_cache_key: "k",
    store: false,
  });
});

test("ids of another service's calls are cut to what the service takes, and stay apart", async () => {
  const ids = [`call_1${"s".repeat(200)}`, `call_2${"s".repeat(200)}`, `call_1${"s".repeat(200)}_2`];
  const calls = ids.map((id) => ({ id, name: "file_read", arguments: "{}" }));
  const input = await inputAfter({ text: "", reasoning: "", calls, retries: 0, events: [] });
  const sent = Array.isArray(input) ? input.flatMap(({ call_id }) => call_id ?? []) : [];
  expect(sent).toHaveLength(6);
  expect(new Set(sent).size).toBe(3);
  expect(sent.slice(0, 3)).toEqual(sent.slice(3));
  expect(sent.every((id) => id.length <= 64)).toBe(true);
});

test("a call without its result is what the service refuses", async () => {
  const messages: ModelRequest["messages"] = [
    { role: "assistant", text: "", calls: [{ id: "a", name: "file_read", arguments: "{}" }] },
  ];
  const { failure } = await readReply(model(), { ...question, messages });
  expect(failure).toMatchObject({ kind: "request", status: 400, retryable: false });
});
