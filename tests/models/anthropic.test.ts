import { afterAll, describe, expect, test } from "bun:test";
import type { Clock } from "../../src/core/host.ts";
import { isJsonObject, type Json, type JsonSchema } from "../../src/core/json.ts";
import type { Attachment, Message } from "../../src/core/message.ts";
import type { ModelOptions, ModelRequest } from "../../src/core/model.ts";
import { make } from "../../src/models/anthropic.ts";
import { listField } from "../../src/models/fields.ts";
import {
  claudeErrorEvent,
  signatureOf,
  startAnthropicServer,
  type ClaudeBehaviour,
  type ClaudeBlock,
  type ClaudeReply,
} from "../helpers/anthropic-server.ts";
import { testClock } from "../helpers/clock.ts";
import { question, readReply, type Reply } from "../helpers/reply.ts";

const key = "sk-ant-unit-secret-1234567890";
const server = startAnthropicServer();
afterAll(() => server.stop());
const host = new URL(server.baseUrl).host;

type Choice = { model?: string; options?: ModelOptions; headers?: Record<string, string>; key?: string; clock?: Clock };

function claude({
  model = "claude-x",
  options = {},
  headers = {},
  key: given = key,
  clock = testClock(),
}: Choice = {}) {
  const credentials = given === "" ? {} : { key: given };
  const place = { baseUrl: server.baseUrl, headers, ...credentials };
  return make({ name: `anthropic/${model}`, model, options, fetch, clock, ...place });
}

async function reply(...behaviours: ClaudeBehaviour[]): Promise<Reply> {
  server.behave(...behaviours);
  return await readReply(claude());
}

/** What is sent for a request. */
async function sent(request: Partial<ModelRequest>, choice: Choice = {}): Promise<unknown> {
  server.behave();
  const { failure } = await readReply(claude(choice), { ...question, ...request });
  if (failure !== undefined) throw new Error(failure.message);
  return server.requests[0]?.body;
}

const hi: ClaudeBlock = { type: "text", text: "Grüße, 世界 👋\nand more" };
const call: ClaudeBlock = { type: "tool_use", id: "toolu_1", name: "file_read", input: '{"path":"ü/世界","n":[1,{}]}' };

describe("the wire", () => {
  for (const lineEnd of ["\n", "\r\n", "\r"] as const) {
    for (const write of [1, 7, undefined]) {
      test(`is read in writes of ${write ?? "any"} bytes with lines that end in ${JSON.stringify(lineEnd)}`, async () => {
        const answer: ClaudeReply = { kind: "answer", content: [hi, call], split: 3, lineEnd, noise: true };
        const said = await reply(write === undefined ? answer : { ...answer, write });
        expect(said).toMatchObject({ text: hi.text, stop: "tool_calls" });
        expect(said.calls).toEqual([{ id: call.id, name: call.name, arguments: call.input }]);
        expect(said.usage).toEqual({ input: 10, output: 5, cached: 4, reasoning: 2 });
      });
    }
  }

  test("a call's input that comes at once is its arguments", async () => {
    const { calls } = await reply({ kind: "answer", content: [call], wholeInput: true });
    expect(calls.map((one) => one.arguments)).toEqual([call.input]);
  });

  test("what is written to the cache for an hour is told apart", async () => {
    const usage = { input: 100, output: 5, cached: 40, reasoning: 0, cache_write: 50, cache_write_1h: 20 };
    expect((await reply({ kind: "answer", content: [hi], usage })).usage).toEqual(usage);
  });

  test("of an answer that was cut only what it read is counted", async () => {
    const { events, usage } = await reply({ kind: "answer", content: [hi], cut: { at: "finish", by: "end" } });
    expect(events).toContainEqual({ type: "input", usage: expect.objectContaining({ input: 10, cached: 4 }) });
    expect(usage).toBeUndefined();
  });

  test("a missing usage is no usage", async () => {
    expect((await reply({ kind: "answer", content: [hi], usage: null })).usage).toBeUndefined();
  });

  test("a connection that falls silent after the stop reason is an answer", async () => {
    server.behave({ kind: "answer", content: [hi], stall: "finish", write: 1_000_000 });
    const clock = testClock();
    const said = await readReply(claude({ clock }), question, undefined, (event) => {
      // The stop reason, which is not seen from here, came in the same piece.
      if (event.type === "text" && event.text.endsWith("more")) setTimeout(() => clock.pass(), 0);
    });
    expect(said).toMatchObject({ text: hi.text, stop: "end" });
  });

  test("what the service does with tools of its own is left out", async () => {
    const search: ClaudeBlock = {
      type: "server_tool_use",
      id: "srvtoolu_1",
      name: "web_search",
      input: '{"query":"x"}',
    };
    expect(await reply({ kind: "answer", content: [search, hi] })).toMatchObject({
      text: hi.text,
      calls: [],
      stop: "end",
    });
  });
});

describe("stop reasons", () => {
  for (const [stop, expected] of [
    ["end_turn", "end"],
    ["stop_sequence", "end"],
    ["max_tokens", "length"],
    ["model_context_window_exceeded", "length"],
    ["refusal", "refusal"],
  ] as const) {
    test(`'${stop}' is a stop by ${expected}`, async () => {
      expect((await reply({ kind: "answer", content: [hi], stop })).stop).toBe(expected);
    });
  }

  test("'end_turn' with calls is a stop for calls, and 'max_tokens' with calls is none", async () => {
    expect((await reply({ kind: "answer", content: [call], stop: "end_turn" })).stop).toBe("tool_calls");
    expect((await reply({ kind: "answer", content: [call], stop: "max_tokens" })).stop).toBe("length");
  });

  test("a refusal without words has the service's", async () => {
    const refusal: ClaudeReply = { kind: "answer", content: [], stop: "refusal", explanation: "Not this" };
    expect(await reply(refusal)).toMatchObject({ text: "Not this", stop: "refusal" });
  });

  for (const [stop, message, retryable] of [
    ["tool_use", "promised tool calls and sent none", true],
    ["pause_turn", "paused its answer for a tool of its own", false],
    ["constructor", "gave up with 'constructor'", true],
    [null, "stopped in the middle of its answer", true],
  ] as const) {
    test(`${stop === null ? "none" : `'${stop}' with text alone`} is a failure`, async () => {
      const { failure } = await reply({ kind: "answer", content: [hi], stop });
      expect(failure).toMatchObject({ message: `'${host}' ${message}`, retryable });
    });
  }
});

describe("an error inside the stream", () => {
  for (const [type, kind, retryable] of [
    ["overloaded_error", "service", true],
    ["api_error", "service", true],
    ["rate_limit_error", "service", true],
    ["timeout_error", "service", true],
    ["invalid_request_error", "request", false],
    ["not_found_error", "request", false],
    ["authentication_error", "credentials", false],
    ["permission_error", "credentials", false],
    ["billing_error", "service", false],
  ] as const) {
    test(`that is an ${type} is a failure of kind ${kind}`, async () => {
      const { failure } = await reply({ kind: "answer", content: [hi], instead: claudeErrorEvent("Sorry", type) });
      expect(failure).toEqual({ kind, message: `'${host}' broke off its answer: Sorry`, retryable });
    });
  }
});

describe("thinking", () => {
  const think = (thinking: string): ClaudeBlock => ({ type: "thinking", thinking });
  const redacted: ClaudeBlock = { type: "redacted_thinking", data: "EmwKAhgB" };
  const answer: ClaudeBlock[] = [think("Hm"), redacted, { type: "text", text: "So" }, think(""), call, think("Oh")];

  /** The conversation in which the service said `answer`. */
  async function conversation(): Promise<Message[]> {
    const { text, calls, opaque = null } = await reply({ kind: "answer", content: answer });
    const results = calls.map(({ id, name }) => ({ id, name, content: "1", error: false }));
    return [
      { role: "user", text: "Hi" },
      { role: "assistant", text, calls, opaque },
      { role: "tool", results },
    ];
  }

  const wireCall = { type: "tool_use", id: "toolu_1", name: "file_read", input: { path: "ü/世界", n: [1, {}] } };

  test("goes back signed, redacted and in its place", async () => {
    const signed = (thinking: string) => ({ type: "thinking", thinking, signature: signatureOf(thinking) });
    const content = [signed("Hm"), redacted, { type: "text", text: "So" }, signed(""), wireCall, signed("Oh")];
    expect(await sent({ messages: await conversation() })).toMatchObject({ messages: [{}, { content }, {}] });
  });

  test("does not go to another model, nor with another text", async () => {
    const content = [{ type: "text", text: "So" }, wireCall];
    const messages = await conversation();
    expect(await sent({ messages }, { model: "claude-y" })).toMatchObject({ messages: [{}, { content }, {}] });
    const edited = messages.map((message) => (message.role === "assistant" ? { ...message, text: "Other" } : message));
    expect(await sent({ messages: edited })).toMatchObject({
      messages: [{}, { content: [{ type: "text", text: "Other" }, wireCall] }, {}],
    });
  });

  test("with the signature of another is refused", async () => {
    const forged = {
      provider: `anthropic/${host}/claude-x`,
      blocks: [{ type: "thinking", thinking: "x", signature: "y" }],
    };
    const messages: Message[] = [
      { role: "user", text: "Hi" },
      { role: "assistant", text: "", calls: [], opaque: forged },
      { role: "user", text: "Go on" },
    ];
    await expect(sent({ messages })).rejects.toThrow("Invalid `signature`");
  });
});

describe("a conversation", () => {
  test("with what the service refuses is sent without it", async () => {
    const messages: Message[] = [
      { role: "user", text: "Hi" },
      { role: "assistant", text: " \n", calls: [] },
      { role: "user", text: "Go on" },
      { role: "assistant", text: " ", calls: [{ id: "functions.bash:0", name: "bash_exec", arguments: "[1]" }] },
      { role: "tool", results: [{ id: "functions.bash:0", name: "bash_exec", content: " ", error: true }] },
    ];
    expect(await sent({ messages })).toMatchObject({
      messages: [
        { role: "user", content: "Hi" },
        { role: "user", content: [{ type: "text", text: "Go on" }] },
        { role: "assistant", content: [{ type: "tool_use", id: "functions_bash_0", name: "bash_exec", input: {} }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "functions_bash_0", is_error: true }] },
      ],
    });
  });

  test("with an image that the service does not take is not sent", async () => {
    server.behave();
    const attachments: Attachment[] = [{ mediaType: "image/svg+xml", data: "PHN2Zy8+", name: "a.svg" }];
    const said = await readReply(claude(), { ...question, messages: [{ role: "user", text: "", attachments }] });
    expect(said.failure).toEqual({
      kind: "request",
      message: `Cannot show '${host}' 'a.svg' (image/svg+xml): it takes images of type image/jpeg, image/png, image/gif, image/webp and PDFs`,
      retryable: false,
    });
    expect(server.requests).toEqual([]);
  });
});

describe("options", () => {
  const adaptive = { type: "adaptive", display: "summarized" };
  const budget = (budget_tokens: number) => ({ type: "enabled", budget_tokens });
  const cases: Array<[string, ModelOptions, object]> = [
    ["none", {}, {}],
    ["a longest answer", { max_tokens: 100 }, { max_tokens: 100 }],
    ["stop and tier", { stop: ["X"], service_tier: "auto" }, { stop_sequences: ["X"], service_tier: "auto" }],
    ["a budget", { thinking: 20_000 }, { thinking: budget(20_000), max_tokens: 40_000 }],
    ["an effort", { effort: "max" }, { thinking: adaptive, output_config: { effort: "max" } }],
    ["the least effort", { effort: "minimal" }, { thinking: adaptive, output_config: { effort: "low" } }],
    ["no effort", { effort: "none" }, { thinking: { type: "disabled" } }],
    [
      "what else is wanted",
      { max_tokens: 7, extra_body: { max_tokens: 9, speed: "fast" } },
      { max_tokens: 9, speed: "fast" },
    ],
  ];
  for (const [name, options, expected] of cases) {
    test(`of ${name} are sent as the service wants them`, async () => {
      const messages = [{ role: "user", content: "Hi" }];
      const always = { model: "claude-x", max_tokens: 32_000, messages, stream: true };
      expect(await sent({}, { options })).toEqual({ ...always, ...expected });
    });
  }

  for (const [model, options, thinking] of [
    ["claude-sonnet-4-5-20250929", { effort: "high" }, budget(16_000)],
    ["claude-haiku-4-5", { effort: "high", max_tokens: 4000 }, budget(2000)],
    ["claude-opus-4-1", { effort: "low", max_tokens: 1000 }, { type: "disabled" }],
  ] satisfies Array<[string, ModelOptions, object]>) {
    test(`of an effort become a budget that leaves room for the answer with '${model}'`, async () => {
      const body = await sent({}, { model, options });
      expect(body).toMatchObject({ thinking });
      expect(body).not.toHaveProperty("output_config");
    });
  }
});

describe("an answer's schema", () => {
  const closed = (properties: Record<string, JsonSchema>, required = Object.keys(properties)): JsonSchema => {
    return { type: "object", properties, required, additionalProperties: false };
  };
  const names = Array.from({ length: 25 }, (_, index) => `p${index}`);
  const many = Object.fromEntries(names.map((name): [string, JsonSchema] => [name, { type: "string" }]));
  const union: JsonSchema = { type: ["string", "null"] };

  for (const [name, schema] of [
    ["that names all properties", closed({ a: { type: "string", format: "date" }, b: { enum: ["x", 1, null] } })],
    ["of lists and alternatives", closed({ a: { type: "array", minItems: 1, items: { anyOf: [union, closed({})] } } })],
    ["of many required properties", closed(many)],
  ] satisfies Array<[string, JsonSchema]>) {
    test(`${name} is the service's to hold the model to`, async () => {
      const body = await sent({ output: schema });
      expect(body).toMatchObject({ output_config: { format: { type: "json_schema", schema } } });
      expect(body).not.toHaveProperty("system");
    });
  }

  for (const [name, schema] of [
    ["that allows more than it names", { type: "object", properties: { a: { type: "object" } } }],
    ["with such an object inside", closed({ a: { type: "array", items: { type: "object" } } })],
    ["with a reference", closed({ a: { $ref: "#/$defs/x" } })],
    ["of many properties that may be left out", closed(many, [])],
    ["of many alternatives", closed(Object.fromEntries(names.map((name) => [name, union])))],
  ] satisfies Array<[string, JsonSchema]>) {
    test(`${name} is told to the model`, async () => {
      const body = await sent({ instructions: "Be brief", output: schema });
      const text = `Be brief\n\nYour final answer must be JSON that fits this JSON Schema, with nothing before or after it:\n${JSON.stringify(schema)}`;
      expect(body).toMatchObject({ system: [{ type: "text", text }] });
      expect(body).not.toHaveProperty("output_config");
    });
  }

  test("whose bounds a model cannot be held to is told whole, and the model is held to the rest", async () => {
    const bounded = (a: JsonSchema, b: JsonSchema) =>
      closed({ a: { type: "array", items: closed({ pattern: a }) }, b });
    const schema = bounded({ type: "string", pattern: "^x", maxLength: 3 }, { type: "integer", minimum: 1 });
    const rest = bounded({ type: "string" }, { type: "integer" });
    const body = await sent({ output: schema });
    expect(body).toMatchObject({ output_config: { format: { type: "json_schema", schema: rest } } });
    expect(JSON.stringify(body)).toContain(JSON.stringify(JSON.stringify(schema)).slice(1, -1));
  });
});

describe("what the service is told to keep", () => {
  const tools = ["first", "second"].map((name) => ({ name, description: name, input: { type: "object" } }));
  const turn = (index: number): Message[] => [
    {
      role: "assistant",
      text: "",
      calls: [{ id: `c${index}`, name: "first", arguments: "{}" }],
    },
    { role: "tool", results: [{ id: `c${index}`, name: "first", content: `result ${index}`, error: false }] },
  ];
  const marked = (body: unknown) => JSON.stringify(body).split('"cache_control":{"type":"ephemeral"}').length - 1;
  const field = (body: unknown, name: string) => (isJsonObject(body) ? body[name] : undefined);
  const list = (body: unknown, name: string) => listField(field(body, name));
  const plain = (value: unknown) => JSON.stringify(value).replaceAll(',"cache_control":{"type":"ephemeral"}', "");

  test("ends with the tools, the instructions and the last two turns", async () => {
    const messages: Message[] = [{ role: "user", text: "Hi" }, ...turn(1), ...turn(2), ...turn(3)];
    const body = await sent({ instructions: "Be brief", tools, messages });
    const cache_control = { type: "ephemeral" };
    expect(body).toMatchObject({
      system: [{ type: "text", text: "Be brief", cache_control }],
      tools: [{ name: "first" }, { name: "second", cache_control }],
    });
    const sentMessages = list(body, "messages").map((message) => JSON.stringify(message).includes("cache_control"));
    expect(sentMessages).toEqual([false, false, false, false, true, false, true]);
    expect(marked(body)).toBe(4);
  });

  test("is no question that nobody will read back", async () => {
    const body = await sent({ instructions: "Be brief", messages: [{ role: "user", text: "Hi" }] });
    expect(body).toMatchObject({ messages: [{ role: "user", content: "Hi" }] });
    expect(marked(body)).toBe(1);
  });

  test("is what the file marks itself, where it does: a request may have four marks", async () => {
    const messages: Message[] = [{ role: "user", text: "Hi" }, ...turn(1)];
    const system = [{ type: "text", text: "Ours", cache_control: { type: "ephemeral" } }];
    const body = await sent({ instructions: "Be brief", tools, messages }, { options: { extra_body: { system } } });
    expect(body).toMatchObject({ system });
    expect(marked(body)).toBe(1);
  });

  test("is no block of blanks, which the service refuses", async () => {
    expect(await sent({ instructions: " \n" })).not.toHaveProperty("system");
  });

  test("is the same in each turn, but for the marks", async () => {
    let messages: Message[] = [{ role: "user", text: "Hi" }];
    let before: unknown;
    for (let index = 1; index <= 5; index++) {
      const body = await sent({ instructions: "Be brief", tools, messages });
      const now = list(body, "messages");
      if (before !== undefined) {
        const earlier = list(before, "messages");
        const blocks = (all: Json[]) =>
          all.map((message) => plain(message).replace('"content":"Hi"', '"content":[{"type":"text","text":"Hi"}]'));
        expect(blocks(now.slice(0, earlier.length))).toEqual(blocks(earlier));
        expect([field(body, "tools"), field(body, "system")]).toEqual([
          field(before, "tools"),
          field(before, "system"),
        ]);
      }
      before = body;
      messages = [...messages, ...turn(index)];
    }
  });
});

describe("credentials", () => {
  const headers = async (choice: Choice): Promise<Record<string, string>> => {
    await sent({}, choice);
    return server.requests[0]?.headers ?? {};
  };

  test("go out as the SDK sends them, and nothing is taken from the environment", async () => {
    const variables = { ANTHROPIC_AUTH_TOKEN: "from-the-environment", ANTHROPIC_PROFILE: "from-the-environment" };
    Object.assign(process.env, variables);
    const said = await headers({ headers: { "x-team": "red" } });
    for (const name of Object.keys(variables)) delete process.env[name];
    expect(said).toMatchObject({ authorization: `Bearer ${key}`, "x-team": "red" });
    expect(said["anthropic-version"]).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(JSON.stringify(said)).not.toContain("from-the-environment");
  });

  test("are not sent where there are none, and a token stands in for a key", async () => {
    process.env["ANTHROPIC_API_KEY"] = "from-the-environment";
    const none = await headers({ key: "" });
    const token = await headers({ key: "", headers: { authorization: "Bearer token" } });
    delete process.env["ANTHROPIC_API_KEY"];
    expect(none).not.toHaveProperty("authorization");
    expect(none).not.toHaveProperty("x-api-key");
    expect(token["authorization"]).toBe("Bearer token");
  });

  test("a token that the service repeats without 'Bearer' is not shown", async () => {
    const token = "tok-unit-secret-1234567890";
    const message = `Unknown token ${token}`;
    server.behave({ kind: "status", status: 401, body: JSON.stringify({ type: "error", error: { message } }) });
    const { failure } = await readReply(claude({ key: "", headers: { authorization: `Bearer ${token}` } }));
    expect(failure?.message).toEndWith("Unknown token [masked]");
  });
});
