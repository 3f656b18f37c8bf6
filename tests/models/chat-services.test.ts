import { afterAll, describe, expect, test } from "bun:test";
import type { Fetch } from "../../src/core/host.ts";
import type { Message } from "../../src/core/message.ts";
import type { ModelOptions } from "../../src/core/model.ts";
import { make } from "../../src/models/openai-compatible.ts";
import { testClock } from "../helpers/clock.ts";
import { startOpenAIServer, type Answer, type Behaviour, type WireCall } from "../helpers/openai-server.ts";
import { question, readReply, type Reply } from "../helpers/reply.ts";

// What the services that speak Chat Completions do in their own way.

const server = startOpenAIServer();
afterAll(() => server.stop());
const host = new URL(server.baseUrl).host;
const text = "Grüße, 世界 👋\nand more";

type Setting = { provider?: string; options?: ModelOptions; baseUrl?: string; fetch?: Fetch };

function model({ provider = "gemini", options = {}, ...reach }: Setting = {}) {
  const name = `${provider}/fake-1`;
  const setting = { name, model: "fake-1", key: "sk-12345678", headers: {}, options, clock: testClock() };
  return make({ ...setting, baseUrl: server.baseUrl, fetch, ...reach });
}

async function reply(behaviour: Behaviour): Promise<Reply> {
  server.behave(behaviour);
  return await readReply(model());
}

describe("Gemini's signatures of thought", () => {
  const signed = (signature: string) => ({ extra_content: { google: { thought_signature: signature } } });
  const call = { name: "file_read", arguments: '{"path":"a"}' };

  async function callsAfter({ calls, opaque = null }: Reply, provider = "gemini"): Promise<unknown> {
    const results = calls.map(({ id, name }) => ({ id, name, content: "1", error: false }));
    const said: Message = { role: "assistant", text: "", calls, opaque };
    const messages: Message[] = [...question.messages, said, { role: "tool", results }];
    expect((await readReply(model({ provider }), { ...question, messages })).failure).toBeUndefined();
    return server.requests.at(-1)?.body;
  }

  test("go back on the calls that they came with, also when they came after them", async () => {
    const wire: WireCall[] = [
      { id: "a", ...call, ...signed("QUFB+/=") },
      { id: "b", ...call },
      { id: "c", ...call },
      { arguments: "", ...signed("Q0ND") },
    ];
    const said = await reply({ kind: "answer", calls: wire, finish: "stop" });
    expect(said.calls.map(({ id, arguments: args }) => id + args)).toEqual(
      ["a", "b", "c"].map((id) => id + call.arguments),
    );
    const wired = (id: string) => ({ id, type: "function", function: call });
    expect(await callsAfter(said)).toMatchObject({
      messages: [
        {},
        { tool_calls: [{ ...wired("a"), ...signed("QUFB+/=") }, wired("b"), { ...wired("c"), ...signed("Q0ND") }] },
        {},
        {},
        {},
      ],
    });
  });

  test("of its own calls without one are not made up", async () => {
    const reasoning = { field: "reasoning", text: "Hm" } as const;
    const said = await reply({ kind: "answer", reasoning, calls: [{ id: "a", ...call }] });
    expect(JSON.stringify(await callsAfter(said))).not.toContain("extra_content");
  });

  test("go to no other service", async () => {
    const said = await reply({ kind: "answer", calls: [{ id: "a", ...call, ...signed("QUFB") }] });
    expect(JSON.stringify(await callsAfter(said, "openai-compatible"))).not.toContain("extra_content");
  });

  test("are replaced on the first call of what another service wrote", async () => {
    const opaque = { provider: "openai-compatible/elsewhere", calls: [{ google: { thought_signature: "bm8=" } }] };
    const calls = ["a", "b"].map((id) => ({ id, ...call }));
    const body = JSON.stringify(await callsAfter({ text: "", reasoning: "", calls, opaque, retries: 0, events: [] }));
    expect(body.match(/skip_thought_signature_validator/g)).toHaveLength(1);
    expect(body).not.toContain("bm8=");
  });
});

describe("Google's answers", () => {
  test("think in the content, between tags, which are no text", async () => {
    for (const split of [1000, undefined]) {
      const answer: Answer = { kind: "answer", text, reasoning: { field: "content", text: "First, greet" } };
      const said = await reply(split === undefined ? answer : { ...answer, split });
      expect(said).toMatchObject({ reasoning: "First, greet", text, stop: "end" });
    }
  });

  test("say tags without thinking as they are", async () => {
    expect((await reply({ kind: "answer", text: "</thought> is a tag" })).text).toBe("</thought> is a tag");
  });

  test("count what was thought in the total only", async () => {
    const usage = { input: 1000, output: 70, cached: 900, reasoning: 30 };
    expect((await reply({ kind: "answer", text, usage, apart: true })).usage).toEqual(usage);
  });

  test("that a filter ended are refusals", async () => {
    expect((await reply({ kind: "answer", text, finish: "content_filter: SAFETY" })).stop).toBe("refusal");
  });

  test("with a malformed call are worth a retry", async () => {
    const said = await reply({ kind: "answer", finish: "function_call_filter: MALFORMED_FUNCTION_CALL" });
    expect(said.failure).toMatchObject({ kind: "service", retryable: true });
    expect(said.failure?.message).toStartWith(`'${host}' gave up with 'function_call_filter: MALFORMED`);
  });
});

describe("Google's refusals", () => {
  const refusal = (status: number, error: object): Behaviour => {
    return { kind: "status", status, body: JSON.stringify([{ error: { code: status, ...error } }]) };
  };

  test("of a key that it does not know speak of credentials", async () => {
    const details = [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }];
    const { failure } = await reply(refusal(400, { message: "API key not valid.", details }));
    const message = `'${host}' refused the credentials (400): API key not valid`;
    expect(failure).toEqual({ kind: "credentials", message, status: 400, retryable: false });
  });

  test("say in the body how long to wait", async () => {
    const details = [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "27.5s" }];
    const { failure } = await reply(refusal(429, { message: "Quota", details }));
    expect(failure).toMatchObject({ kind: "service", retryable: true, retryAfterMs: 27_500 });
  });
});

test("an account without money is not asked again", async () => {
  const error = { message: "You exceeded your current quota", type: "insufficient_quota", code: "insufficient_quota" };
  const body = JSON.stringify({ error });
  expect((await reply({ kind: "status", status: 429, body })).failure).toMatchObject({ status: 429, retryable: false });
  const instead = `data: ${body}\n\n`;
  expect((await reply({ kind: "answer", text, instead })).failure).toMatchObject({ kind: "service", retryable: false });
});

describe("options", () => {
  const options: ModelOptions = {
    temperature: 0,
    max_tokens: 900,
    effort: "max",
    seed: 7,
    stop: ["END"],
    service_tier: "flex",
    extra_body: { seed: 8, top_k: 3 },
  };
  const sent = { temperature: 0, seed: 8, stop: ["END"], service_tier: "flex", top_k: 3 };
  for (const [provider, own] of [
    ["openai-compatible", { max_tokens: 900, reasoning_effort: "max" }],
    ["gemini", { max_tokens: 900, reasoning_effort: "high" }],
    ["huggingface", { max_tokens: 900, reasoning_effort: "xhigh" }],
  ] as const) {
    test(`are sent to ${provider} by its names, the extra body last`, async () => {
      server.behave({ kind: "answer", text });
      await readReply(model({ provider, options }));
      expect(server.requests[0]?.body).toEqual({
        model: "fake-1",
        stream: true,
        stream_options: { include_usage: true },
        messages: [{ role: "user", content: "Hi" }],
        ...sent,
        ...own,
      });
    });
  }

  test("are sent to OpenAI itself by the newer name of the limit", async () => {
    const bodies: unknown[] = [];
    const keep: Fetch = async (_, init) => {
      bodies.push(JSON.parse(String(init?.body)));
      return new Response("", { status: 500 });
    };
    const baseUrl = "https://api.openai.com/v1";
    await readReply(model({ provider: "openai-compatible", options: { max_tokens: 900 }, baseUrl, fetch: keep }));
    expect(bodies).toMatchObject([{ max_completion_tokens: 900 }]);
    expect(bodies[0]).not.toHaveProperty("max_tokens");
  });
});

describe("the list of models", () => {
  const listed = async (provider: string, body: string) => {
    const answer: Fetch = async () => new Response(body, { headers: { "content-type": "application/json" } });
    return await model({ provider, fetch: answer }).list?.(new AbortController().signal);
  };

  test("of Gemini has the names that its requests take", async () => {
    const body = '{"object":"list","data":[{"id":"models/gemini-3.8-flash"},{"id":"tuned"}]}';
    expect(await listed("gemini", body)).toEqual({ ok: true, value: ["gemini-3.8-flash", "tuned"] });
    expect(await listed("huggingface", body)).toEqual({ ok: true, value: ["models/gemini-3.8-flash", "tuned"] });
  });

  test("that is refused is a failure", async () => {
    const refuse: Fetch = async () => new Response('{"error":"No"}', { status: 401 });
    const list = await model({ fetch: refuse }).list?.(new AbortController().signal);
    const message = `'${host}' refused the credentials (401): No`;
    expect(list).toEqual({ ok: false, error: { kind: "credentials", message, status: 401, retryable: false } });
  });

  for (const body of ["[]", '{"models":[]}', "null", '{"data":{}}', '{"data":[null,{"id":7},{"name":"x"}]}']) {
    test(`that is '${body}' names no models`, async () => {
      expect(await listed("openai-compatible", body)).toEqual({ ok: true, value: [] });
    });
  }
});
