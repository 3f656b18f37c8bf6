import { afterAll, describe, expect, test } from "bun:test";
import type { Fetch } from "../../src/core/host.ts";
import type { ModelFailure, ModelRequest } from "../../src/core/model.ts";
import { make } from "../../src/models/openai-compatible.ts";
import { testClock } from "../helpers/clock.ts";
import { errorBody, startOpenAIServer, type Answer, type Behaviour, type WireCall } from "../helpers/openai-server.ts";
import { question, readReply, type Reply } from "../helpers/reply.ts";

const key = "sk-unit-secret-1234567890";
const server = startOpenAIServer();
afterAll(() => server.stop());

function model(
  { fetch: send = fetch, ...options }: { fetch?: Fetch; baseUrl?: string; key?: string } = {},
  clock = testClock(),
) {
  const { baseUrl } = server;
  return make({
    name: "openai-compatible/fake-1",
    model: "fake-1",
    baseUrl,
    headers: {},
    options: {},
    fetch: send,
    clock,
    ...options,
  });
}

async function reply(...behaviours: Behaviour[]): Promise<Reply> {
  server.behave(...behaviours);
  return await readReply(model({ key }));
}

const text = "Grüße, 世界 👋\nand more";
const args = '{"path":"ü/世界/👋","n":[1,2,{"a":"\\n"}]}';

describe("the wire", () => {
  for (const lineEnd of ["\n", "\r\n", "\r"] as const) {
    for (const write of [1, 7, undefined]) {
      test(`is read in writes of ${write ?? "any"} bytes with lines that end in ${JSON.stringify(lineEnd)}`, async () => {
        const call: WireCall = { id: "c", index: 0, name: "file_read", arguments: args };
        const answer: Answer = { kind: "answer", text, calls: [call], split: 3, lineEnd, noise: true };
        const { text: said, calls, stop, usage } = await reply(write === undefined ? answer : { ...answer, write });
        expect({ said, stop }).toEqual({ said: text, stop: "tool_calls" });
        expect(calls).toEqual([{ id: "c", name: "file_read", arguments: args }]);
        expect(usage).toEqual({ input: 10, output: 5, cached: 4, reasoning: 2 });
      });
    }
  }

  test("two megabytes of arguments arrive whole", async () => {
    const long = JSON.stringify({ content: "0123456789abcdef".repeat(131_072) });
    const { calls } = await reply({
      kind: "answer",
      calls: [{ id: "c", index: 0, name: "file_write", arguments: long }],
      split: 4096,
    });
    expect(calls[0]?.arguments === long).toBe(true);
  });

  test("an answer without end is given up before it fills the memory", async () => {
    const delta = { reasoning: "again ".repeat(200_000) };
    const event = new TextEncoder().encode(`data: ${JSON.stringify({ choices: [{ delta }] })}\n\n`);
    const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({ pull: (controller) => controller.enqueue(event) });
    let thought = 0;
    let failure: ModelFailure | undefined;
    const headers = { "content-type": "text/event-stream" };
    const stream = model({ fetch: async () => new Response(endless, { headers }) }).stream(
      question,
      new AbortController().signal,
    );
    for await (const said of stream) {
      if (said.type === "reasoning") thought += said.text.length;
      if (said.type === "failure") failure = said.failure;
    }
    expect(thought).toBeLessThan(70_000_000);
    expect(failure).toMatchObject({ kind: "service", retryable: false });
    expect(failure?.message).toEndWith("does not end its answer: more than 64 million characters");
  });

  test("any number of calls with one id is read in linear time", async () => {
    const call = { id: "c", function: { name: "file_read", arguments: "" } };
    const choice = { delta: { tool_calls: Array.from({ length: 20_000 }, () => call) }, finish_reason: "tool_calls" };
    const body = `data: ${JSON.stringify({ choices: [choice] })}\n\n`;
    const headers = { "content-type": "text/event-stream" };
    const { calls } = await readReply(model({ fetch: async () => new Response(body, { headers }) }));
    expect(new Set(calls.map(({ id }) => id)).size).toBe(20_000);
    expect(calls.at(-1)?.id).toBe("c_20000");
  });

  test("a missing [DONE] after a finish reason is an answer", async () => {
    expect(await reply({ kind: "answer", text, done: false })).toMatchObject({ text, stop: "end" });
  });

  test("a missing usage is no usage", async () => {
    expect((await reply({ kind: "answer", text, usage: null })).usage).toBeUndefined();
  });

  test("a usage of nothing, or of less, is no usage", async () => {
    for (const count of [0, -5]) {
      const usage = { input: count, output: count, cached: 0, reasoning: 0 };
      expect((await reply({ kind: "answer", text, usage })).usage).toBeUndefined();
    }
  });

  test("counts that no request has stay numbers that can be kept", async () => {
    const usage = { input: 1e300, output: 1e18, cached: 0, reasoning: 0 };
    const told = (await reply({ kind: "answer", text, usage })).usage;
    expect([told?.input, told?.output].every(Number.isSafeInteger)).toBe(true);
  });

  test("a connection that stays open after the finish reason is an answer", async () => {
    server.behave({ kind: "answer", text, stall: "finish", write: 1_000_000 });
    const clock = testClock();
    const said = await readReply(model({ key }, clock), question, undefined, (event) => {
      // The finish reason, which is not seen from here, came in the same piece.
      if (event.type === "text" && event.text.endsWith("more")) setTimeout(() => clock.pass(), 0);
    });
    expect(said).toMatchObject({ text, stop: "end" });
  });

  test("a body that ends after its last event keeps its connection for the next turn", async () => {
    server.behave({ kind: "answer", text, dripMs: 1, lingerMs: 5 });
    const service = model({ key }, testClock({ patienceMs: 1 }));
    // It is free a moment after the answer: on a busy machine not before the next turn.
    let turns = 0;
    do {
      expect((await readReply(service)).stop).toBe("end");
      await Bun.sleep(30);
    } while (++turns < 50 && server.connections() === turns);
    expect(server.connections()).toBeLessThan(turns);
  });

  test("what comes in one piece is one event", async () => {
    expect((await reply({ kind: "answer", text: "word ".repeat(500), write: 1_000_000 })).events.length).toBeLessThan(
      20,
    );
  });
});

describe("finish reasons", () => {
  const call: WireCall = { id: "c", index: 0, name: "file_read", arguments: "{}" };

  test("'stop' with calls is a stop for calls", async () => {
    expect((await reply({ kind: "answer", calls: [call], finish: "stop" })).stop).toBe("tool_calls");
  });

  test("'length' with calls stays a stop by length", async () => {
    expect((await reply({ kind: "answer", calls: [call], finish: "length" })).stop).toBe("length");
  });

  test("a refusal is a stop by refusal, with its words", async () => {
    expect(await reply({ kind: "answer", refusal: "I will not" })).toMatchObject({
      text: "I will not",
      stop: "refusal",
    });
  });

  for (const [name, answer, message] of [
    ["one of no known kind", { text, finish: "error" }, "gave up with 'error'"],
    ["one of an object's own names", { text, finish: "constructor" }, "gave up with 'constructor'"],
    ["'tool_calls' without calls", { text, finish: "tool_calls" }, "promised tool calls and sent none"],
    ["a call without a name", { calls: [{ id: "c", index: 0, arguments: "{}" }] }, "called a tool without a name"],
    ["none", { text, finish: null }, "stopped in the middle of its answer"],
  ] satisfies Array<[string, Omit<Answer, "kind">, string]>) {
    test(`${name} is a failure`, async () => {
      const { failure } = await reply({ kind: "answer", ...answer });
      expect(failure?.retryable).toBe(true);
      expect(failure?.message).toBe(`'${new URL(server.baseUrl).host}' ${message}`);
    });
  }
});

describe("calls of services that number badly", () => {
  const first = { name: "file_read", arguments: '{"path":"a"}' };
  const second = { name: "file_list", arguments: '{"path":"b"}' };
  const ids = (said: Reply) => said.calls.map((call) => call.id);
  const cases: Array<[string, WireCall[], string[]]> = [
    [
      "without an index",
      [
        { id: "x", ...first },
        { id: "y", ...second },
      ],
      ["x", "y"],
    ],
    [
      "without an id",
      [
        { index: 0, ...first },
        { index: 1, ...second },
      ],
      ["call_1_1", "call_1_2"],
    ],
    ["without either", [first, second], ["call_1_1", "call_1_2"]],
    [
      "with one id for all",
      [
        { id: "x", index: 0, ...first },
        { id: "x", index: 1, ...second },
      ],
      ["x", "x_2"],
    ],
    [
      "with gaps in the index",
      [
        { id: "x", index: 7, ...first },
        { id: "y", index: 3, ...second },
      ],
      ["x", "y"],
    ],
  ];
  for (const [name, calls, expected] of cases) {
    test(`${name} stay apart and get ids of their own`, async () => {
      const said = await reply({ kind: "answer", calls });
      expect(said.calls.map(({ name, arguments: text }) => ({ name, arguments: text }))).toEqual([first, second]);
      expect(ids(said)).toEqual(expected);
    });
  }

  test("with the index 0 for all are told apart by id and name", async () => {
    const said = await reply({
      kind: "answer",
      split: 100,
      calls: [
        { id: "x", index: 0, ...first, arguments: "" },
        { id: "y", index: 0, ...second },
      ],
    });
    expect(said.calls.map((call) => call.id + call.arguments)).toEqual(["x", `y${second.arguments}`]);
  });

  test("an id and a name that come with every fragment count once", async () => {
    const call: WireCall = { id: "x", index: 0, name: "file_read", arguments: "" };
    const said = await reply({
      kind: "answer",
      calls: [
        { ...call, arguments: '{"path":' },
        { ...call, arguments: '"a"}' },
      ],
    });
    expect(said.calls).toEqual([{ id: "x", ...first }]);
    expect(said.events.filter((event) => event.type === "tool_call" && event.name !== undefined).length).toBe(1);
  });

  test("arguments that are an object become text", async () => {
    const said = await reply({
      kind: "answer",
      calls: [{ id: "x", index: 0, name: "file_read", arguments: { path: "a" } }],
    });
    expect(said.calls[0]?.arguments).toBe('{"path":"a"}');
  });

  test("an id of an earlier turn is not used again", async () => {
    server.behave({
      kind: "answer",
      calls: [
        { id: "x", index: 0, ...first },
        { index: 1, ...second },
      ],
    });
    const earlier: ModelRequest = {
      ...question,
      messages: [
        { role: "user", text: "Hi" },
        { role: "assistant", text: "", calls: [{ id: "x", ...first }] },
        { role: "tool", results: [{ id: "x", name: "file_read", content: "1", error: false }] },
      ],
    };
    expect(ids(await readReply(model(), earlier))).toEqual(["x_2", "call_2_2"]);
  });
});

describe("reasoning", () => {
  for (const field of ["reasoning_content", "reasoning"] as const) {
    test(`before calls goes back in '${field}' with their results`, async () => {
      const call = { id: "c", name: "file_read", arguments: "{}" };
      server.behave({ kind: "answer", reasoning: { field, text: "Look first" }, calls: [{ index: 0, ...call }] });
      const said = await readReply(model());
      expect(said.reasoning).toBe("Look first");
      const { opaque = null } = said;
      await readReply(model(), { ...question, messages: [{ role: "assistant", text: "", calls: [call], opaque }] });
      expect(server.requests.at(-1)?.body).toMatchObject({ messages: [{ role: "assistant", [field]: "Look first" }] });
    });
  }

  test("of an end is not kept", async () => {
    const said = await reply({ kind: "answer", text, reasoning: { field: "reasoning", text: "Hm" } });
    expect(said.opaque).toBeUndefined();
  });
});

describe("failures", () => {
  const host = new URL(server.baseUrl).host;
  const cases: Array<[string, Behaviour, object]> = [
    [
      "HTML with status 200",
      { kind: "whole", body: "<!doctype html><p>Hello", type: "text/html; charset=utf-8" },
      { kind: "request", message: `'${host}' answered with HTML: is the base URL right?`, retryable: false },
    ],
    [
      "an error with status 200",
      { kind: "whole", body: errorBody("No such model"), type: "application/json" },
      { kind: "request", message: `'${host}' broke off its answer: No such model`, retryable: false },
    ],
    [
      "a document that is something else",
      { kind: "whole", body: '{"message":"Welcome to the gateway."}', type: "application/json" },
      {
        kind: "service",
        message: `'${host}' answered with a document that is no answer: Welcome to the gateway`,
        retryable: false,
      },
    ],
    [
      "a document that is no JSON",
      { kind: "whole", body: "OK", type: "application/json" },
      { kind: "service", message: `'${host}' answered with a document that is no answer: OK`, retryable: false },
    ],
    [
      "an event that is not JSON",
      { kind: "answer", instead: "data: {oh\n\n" },
      { kind: "service", message: `'${host}' sent an event that is not JSON`, retryable: true },
    ],
    [
      "an event of type error",
      { kind: "answer", instead: 'event: error\ndata: {"message":"Out of order"}\n\n' },
      { kind: "service", message: `'${host}' broke off its answer: Out of order`, retryable: true },
    ],
    [
      "an error inside the stream with a status",
      { kind: "answer", instead: 'data: {"error":{"message":"Too long","code":413}}\n\n' },
      { kind: "request", message: `'${host}' broke off its answer: Too long`, status: 413, retryable: false },
    ],
    [
      "an error inside the stream that names the request",
      { kind: "answer", instead: `data: ${errorBody("Too long")}\n\n` },
      { kind: "request", message: `'${host}' broke off its answer: Too long`, retryable: false },
    ],
    [
      "a message in another form",
      { kind: "status", status: 404, body: '{"detail":[{"msg":"No model"}]}' },
      {
        kind: "request",
        message: `'${host}' refused the request (404): {"detail":[{"msg":"No model"}]}`,
        status: 404,
        retryable: false,
      },
    ],
    [
      "a proxy's page",
      { kind: "status", status: 502, body: "<html><h1>Bad gateway</h1>" },
      { kind: "service", message: `'${host}' failed (502)`, status: 502, retryable: true },
    ],
    [
      "a spent quota",
      { kind: "status", status: 429, body: errorBody("Quota"), headers: { "x-should-retry": "false" } },
      { kind: "service", message: `'${host}' refused the request (429): Quota`, status: 429, retryable: false },
    ],
  ];
  for (const [name, behaviour, failure] of cases) {
    test(`${name} is told as what it is`, async () => {
      expect((await reply(behaviour)).failure).toEqual(expect.objectContaining(failure));
    });
  }

  test("a long message is cut, and never inside the key", async () => {
    const { failure } = await reply({
      kind: "status",
      status: 400,
      body: errorBody(`${"x".repeat(490)}${key}${"y".repeat(600)}`),
    });
    const said = failure?.message.split(": ")[1] ?? "";
    expect([...said].length).toBe(500);
    expect(said).toEndWith("[masked]y…");
  });

  test("an endless message is read to a limit", async () => {
    let read = 0;
    const body = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          read++;
          controller.enqueue(new TextEncoder().encode("no ".repeat(1000)));
        },
      });
    const { failure } = await readReply(model({ fetch: async () => new Response(body(), { status: 500 }) }));
    expect(failure).toMatchObject({ kind: "service", retryable: true });
    expect(read).toBeLessThan(100);
  });

  test("a service that is not there is a network failure that names its host", async () => {
    const { failure } = await readReply(model({ key, baseUrl: "http://127.0.0.1:1/v1" }));
    expect(failure).toMatchObject({ kind: "network", retryable: true });
    expect(failure?.message).toStartWith("Cannot reach '127.0.0.1:1': ");
  });
});

describe("credentials", () => {
  test("go out as a bearer token, and nothing is taken from the environment", async () => {
    const names = ["OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"];
    for (const name of names) process.env[name] = "from-the-environment";
    await reply({ kind: "answer", text });
    for (const name of names) delete process.env[name];
    expect(server.requests[0]?.headers["authorization"]).toBe(`Bearer ${key}`);
    expect(JSON.stringify(server.requests[0]?.headers)).not.toContain("from-the-environment");
  });

  test("are not sent where there are none", async () => {
    server.behave({ kind: "answer", text });
    expect((await readReply(model())).stop).toBe("end");
    expect(server.requests[0]?.headers).not.toHaveProperty("authorization");
  });
});
