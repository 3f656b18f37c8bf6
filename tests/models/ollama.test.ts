import { afterAll, afterEach, describe, expect, spyOn, test } from "bun:test";
import type { Fetch } from "../../src/core/host.ts";
import { isJsonObject } from "../../src/core/json.ts";
import type { ModelOptions, ModelRequest } from "../../src/core/model.ts";
import { make } from "../../src/models/ollama.ts";
import type { InferenceMemory, ServiceConfig } from "../../src/models/service.ts";
import { testClock } from "../helpers/clock.ts";
import { startOllamaServer } from "../helpers/ollama-server.ts";
import { question, readReply } from "../helpers/reply.ts";

const server = startOllamaServer();
afterAll(server.stop);

// The SDK prints what it cannot read; nothing of it may reach our streams.
const printed = (["log", "warn", "error"] as const).map((method) => spyOn(console, method));
afterEach(() => {
  for (const spy of printed) expect(spy).not.toHaveBeenCalled();
});

function model(id: string, options: ModelOptions = {}, changes: Partial<ServiceConfig> = {}) {
  const { baseUrl } = server;
  const name = `ollama/${id}`;
  return make({ name, model: id, baseUrl, headers: {}, options, fetch, clock: testClock(), ...changes });
}

/** A field of the last request. */
function sent(...path: string[]): unknown {
  let value: unknown = server.requests.at(-1)?.body;
  for (const step of path) value = isJsonObject(value) ? value[step] : undefined;
  return value;
}

function asking(text: string, changes: Partial<ModelRequest> = {}): ModelRequest {
  return { ...question, messages: [{ role: "user", text }], ...changes };
}

const tools: ModelRequest["tools"] = [{ name: "file_read", description: "Reads", input: { type: "object" } }];

describe("the context", () => {
  test("is large enough for the prompt and the answer, in steps", async () => {
    server.behave();
    const one = model("fake-1");
    for (const [bytes, context] of [
      [1, 8192],
      [12_000, 8192],
      [13_000, 16_384],
      [80_000, 32_768],
    ] as const) {
      expect((await readReply(one, asking("x".repeat(bytes)))).stop).toBe("end");
      expect([bytes, sent("options", "num_ctx")]).toEqual([bytes, context]);
    }
  });

  test("never becomes smaller in a run: the model would be loaded anew", async () => {
    server.behave();
    const one = model("fake-1");
    await readReply(one, asking("x".repeat(13_000)));
    await readReply(one, asking("x"));
    expect(sent("options", "num_ctx")).toBe(16_384);
  });

  test("leaves room for as many tokens as the answer may have", async () => {
    server.behave();
    await readReply(model("fake-1", { max_tokens: 10_000 }), asking("x"));
    expect(sent("options")).toEqual({ num_ctx: 16_384, num_predict: 10_000 });
  });

  test("counts bytes, not characters, and images", async () => {
    server.behave();
    await readReply(model("fake-1"), asking("漢".repeat(5000)));
    expect(sent("options", "num_ctx")).toBe(16_384);
    const attachments = Array.from({ length: 5 }, () => ({ mediaType: "image/png", data: "UE5H" }));
    await readReply(model("fake-1"), asking("x", { messages: [{ role: "user", text: "x", attachments }] }));
    expect(sent("options", "num_ctx")).toBe(16_384);
  });

  test("is at least what the Modelfile says, and at most what the model has", async () => {
    server.behave();
    await readReply(model("fake-tuned"), asking("x"));
    expect(sent("options", "num_ctx")).toBe(20_000);
    await readReply(model("fake-1-mini"), asking("x"));
    expect(sent("options", "num_ctx")).toBe(4096);
    await readReply(model("fake-old"), asking("x".repeat(200_000)));
    expect(sent("options", "num_ctx")).toBe(131_072);
  });

  test("is the option's where there is one", async () => {
    server.behave();
    await readReply(model("fake-1", { context: 5000 }), asking("x"));
    expect(sent("options", "num_ctx")).toBe(5000);
  });

  test("a prompt that cannot fit is refused before the call", async () => {
    server.behave();
    const prompt = asking("word ".repeat(30_000));
    expect((await readReply(model("fake-1"), prompt)).failure).toEqual({
      kind: "request",
      message: "The prompt has about 37,504 tokens, and the context of 'ollama/fake-1' has 32,768",
      hint: "name a model with a larger context, or send less",
      retryable: false,
      tooLong: true,
    });
    expect((await readReply(model("fake-tuned", { context: 9000 }), prompt)).failure).toMatchObject({
      message: "The prompt has about 37,504 tokens, and the context of 'ollama/fake-tuned' has 9,000",
      hint: "give the model a larger 'context' (at most 131,072)",
    });
    expect(server.requests).toEqual([]);
  });

  test("the server is told to cut nothing", async () => {
    server.behave();
    await readReply(model("fake-1"));
    expect([sent("truncate"), sent("shift")]).toEqual([false, false]);
  });
});

describe("the memory for inference", () => {
  const signal = new AbortController().signal;
  const has = (bytes: number, from: InferenceMemory["from"]) => ({ memory: async () => ({ bytes, from }) });

  /** A server that runs a model which takes so many bytes of a card. */
  function running(bytes: number): Fetch {
    return async (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      return url.endsWith("/api/ps") ? Response.json({ models: [{ size_vram: bytes }] }) : fetch(input, init);
    };
  }

  test("says how long the context may be, and no more is asked for", async () => {
    server.behave();
    const one = model("fake-tuned", {}, has(8.5e9, "driver"));
    expect(await one.size?.(signal)).toEqual({ window: 8192 });
    await readReply(one, asking("x".repeat(20_000)));
    expect(sent("options", "num_ctx")).toBe(8192);
  });

  test("allows no more than the model was made for", async () => {
    expect(await model("fake-1", {}, has(80e9, "user")).size?.(signal)).toEqual({ window: 32_768 });
  });

  test("does not keep the file from asking for more, with a warning", async () => {
    server.behave();
    const one = model("fake-tuned", { context: 50_000 }, has(8.5e9, "driver"));
    expect(await one.size?.(signal)).toMatchObject({
      window: 50_000,
      warning: expect.stringContaining("answer worse"),
    });
    await readReply(one);
    expect(sent("options", "num_ctx")).toBe(50_000);
  });

  test("is what models take that the server runs, where that is more than the machine's own and no driver tells", async () => {
    const busy = { fetch: running(17e9) };
    expect(await model("fake-tuned", {}, { ...has(4e9, "machine"), ...busy }).size?.(signal)).toEqual({
      window: 32_768,
    });
    expect(await model("fake-tuned", {}, { ...has(8e9, "driver"), ...busy }).size?.(signal)).toEqual({ window: 8192 });
    expect(await model("fake-tuned", {}, has(4e9, "machine")).size?.(signal)).toEqual({ window: 4096 });
  });

  test("of another machine nobody knows: the model's own context counts", async () => {
    expect(await model("fake-tuned", {}, { memory: async () => undefined }).size?.(signal)).toEqual({
      window: 131_072,
    });
  });

  test("matters later where the server does not answer: that is no failure yet", async () => {
    expect(await model("fake-1", {}, { baseUrl: "http://127.0.0.1:1" }).size?.(signal)).toEqual({});
  });
});

describe("what a model cannot do", () => {
  test("tools are refused before the call, with the ways out", async () => {
    server.behave();
    const { failure } = await readReply(model("fake-1-mini"), { ...question, tools });
    expect(failure).toEqual({
      kind: "request",
      message: "The model 'ollama/fake-1-mini' cannot call tools",
      hint: "name one that can with '--model' (qwen3, gpt-oss, llama3.1), or leave out the agent's tools",
      retryable: false,
    });
    expect(server.requests).toEqual([]);
  });

  test("images are refused before the call", async () => {
    server.behave();
    const attachments = [{ mediaType: "image/png", data: "UE5H" }];
    const { failure } = await readReply(model("fake-tuned"), {
      ...question,
      messages: [{ role: "user", text: "", attachments }],
    });
    expect(failure).toMatchObject({ kind: "request", message: "The model 'ollama/fake-tuned' cannot see images" });
    expect(server.requests).toEqual([]);
  });

  test("an image that a tool returned is told to a model that sees none", async () => {
    server.behave();
    const call = { id: "a", name: "file_read", arguments: "{}" };
    const attachments = [{ mediaType: "image/png", data: "UE5H", name: "a.png" }];
    const messages: ModelRequest["messages"] = [
      { role: "user", text: "Look" },
      { role: "assistant", text: "", calls: [call] },
      { role: "tool", results: [{ ...call, content: "An image", error: false, attachments }] },
    ];
    await readReply(model("fake-tuned"), { ...question, messages });
    const content = "An image\n[Not shown: 'a.png' (image/png); this model takes text only]";
    const told = { role: "tool", content, tool_name: "file_read", tool_call_id: "a" };
    expect(sent("messages")).toMatchObject([{ content: "Look" }, {}, told]);
    expect(JSON.stringify(server.requests)).not.toContain("UE5H");
  });

  test("an old server that does not say is asked, and says", async () => {
    server.behave();
    const { failure } = await readReply(model("fake-old"), { ...question, tools });
    expect(failure).toMatchObject({ kind: "request", status: 400 });
    expect(failure?.message).toEndWith("does not support tools");
  });

  test("a model that is not there comes with the way to get it", async () => {
    server.behave();
    const { failure } = await readReply(model("fake-2"));
    expect(failure).toMatchObject({ kind: "request", status: 404, hint: "get it with 'ollama pull fake-2'" });
    expect(failure?.message).toEndWith("refused the request (404): model 'fake-2' not found");
  });

  test("a server that is not there comes with the way to start it", async () => {
    const closed = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const baseUrl = `http://127.0.0.1:${closed.port}`;
    await closed.stop(true);
    const one = model("fake-1", {}, { baseUrl });
    const hint = "is 'ollama serve' running? OLLAMA_HOST says where";
    expect((await readReply(one)).failure).toMatchObject({ kind: "network", hint, retryable: true });
    expect(await one.list?.(new AbortController().signal)).toMatchObject({ ok: false, error: { hint } });
  });
});

describe("requests", () => {
  test("the options have Ollama's names, and its own are put beside them", async () => {
    server.behave();
    const options: ModelOptions = {
      temperature: 0,
      max_tokens: 100,
      seed: 7,
      stop: ["END"],
      effort: "max",
      extra_body: { keep_alive: "1h", options: { top_k: 5 } },
    };
    await readReply(model("fake-1", options));
    expect(sent("options")).toEqual({
      num_ctx: 8192,
      temperature: 0,
      num_predict: 100,
      seed: 7,
      stop: ["END"],
      top_k: 5,
    });
    expect([sent("think"), sent("keep_alive")]).toEqual(["high", "1h"]);
  });

  test("effort 'none' turns thinking off", async () => {
    server.behave();
    await readReply(model("fake-1", { effort: "none" }));
    expect(sent("think")).toBe(false);
  });

  test("a schema is sent as format, but not with tools: the model could not call them", async () => {
    server.behave();
    const output = { type: "object" };
    await readReply(model("fake-1"), { ...question, output });
    expect(sent("format")).toEqual(output);
    await readReply(model("fake-1"), { ...question, output, tools });
    expect(sent("format")).toBeUndefined();
  });

  test("images go with the message that shows them", async () => {
    server.behave();
    const picture = { mediaType: "image/png", data: "package.json" };
    const call = { id: "a", name: "file_read", arguments: "{}" };
    const messages: ModelRequest["messages"] = [
      { role: "user", text: "Look", attachments: [picture] },
      { role: "assistant", text: "", calls: [call] },
      { role: "tool", results: [{ ...call, content: "", error: false, attachments: [picture] }] },
    ];
    await readReply(model("fake-1"), { ...question, messages });
    expect(sent("messages")).toMatchObject([{ images: ["package.json"] }, {}, { images: ["package.json"] }]);
  });

  test("a key goes as a bearer token, and without one there is none", async () => {
    server.behave();
    await readReply(model("fake-1", {}, { key: "secret-key-12345", headers: { "x-team": "red" } }));
    expect(server.requests[0]?.headers).toMatchObject({ authorization: "Bearer secret-key-12345", "x-team": "red" });
    await readReply(model("fake-1"));
    expect(server.requests[1]?.headers).not.toHaveProperty("authorization");
  });

  test("what the model can do is asked once in a run", async () => {
    let shown = 0;
    const counting: ServiceConfig["fetch"] = (input, init) => {
      if (String(input).endsWith("/api/show")) shown++;
      return fetch(input, init);
    };
    server.behave();
    const one = model("fake-1", {}, { fetch: counting });
    await readReply(one);
    await readReply(one);
    expect(shown).toBe(1);
  });

  test("an abort while the model is looked up ends the request", async () => {
    const run = new AbortController();
    const never: ServiceConfig["fetch"] = (_input, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener("abort", () => reject(new Error("aborted")));
        run.abort("interrupt");
      });
    const { failure } = await readReply(model("fake-1", {}, { fetch: never }), question, run.signal);
    expect(failure?.message).toBe("The request was cancelled");
  });
});

describe("answers", () => {
  const text = "Grüße, 世界 👋 and more";

  test("are the same however their lines end and their bytes are cut", async () => {
    for (const lineEnd of ["\n", "\r\n", "\n\n"] as const) {
      for (const write of [1, 7, 1000]) {
        server.behave({ kind: "answer", text, lineEnd, write });
        expect(await readReply(model("fake-1"))).toMatchObject({ text, stop: "end", usage: { input: 10, output: 5 } });
      }
    }
  });

  test("may end without a line break, a reason or counts, as those of old servers do", async () => {
    const last = JSON.stringify({ message: { role: "assistant", content: "Hello" }, done: true });
    server.behave({ kind: "whole", body: last, type: "application/x-ndjson" });
    const said = await readReply(model("fake-1"));
    expect(said).toMatchObject({ text: "Hello", stop: "end" });
    expect(said.usage).toBeUndefined();
  });

  test("calls without ids get their own", async () => {
    server.behave({
      kind: "answer",
      calls: [
        { name: "file_read", arguments: { path: "a" } },
        { name: "file_list", arguments: "{}" },
      ],
    });
    const { calls, stop } = await readReply(model("fake-1"));
    expect(stop).toBe("tool_calls");
    expect(calls).toEqual([
      { id: "call_1_1", name: "file_read", arguments: '{"path":"a"}' },
      { id: "call_1_2", name: "file_list", arguments: "{}" },
    ]);
  });

  test("a call in an answer that was cut at its length stops by length", async () => {
    server.behave({ kind: "answer", calls: [{ name: "file_read", arguments: {} }], reason: "length" });
    expect((await readReply(model("fake-1"))).stop).toBe("length");
  });

  test("a model that was only loaded has not answered", async () => {
    server.behave({ kind: "answer", reason: "load" });
    const { failure } = await readReply(model("fake-1"));
    expect(failure).toMatchObject({ kind: "service", retryable: true });
    expect(failure?.message).toEndWith("gave up with 'load'");
  });

  for (const [what, instead, kind, message] of [
    ["a line that is not JSON", "{oops}\n", "service", "sent a line that is not JSON"],
    ["a line that is no object", "[1]\n", "service", "sent a line that is not JSON"],
    ["null", "null\n", "service", "sent a line that is not JSON"],
    ["half a line", '{"message":{"con', "network", "stopped in the middle of its answer"],
    ["nothing", "", "network", "stopped in the middle of its answer"],
    ["an error", '{"error":"llama runner process has terminated"}\n', "service", "llama runner process has terminated"],
  ] as const) {
    test(`${what} in place of the last line is a failure, and what came before is shown`, async () => {
      server.behave({ kind: "answer", text, instead });
      const reply = await readReply(model("fake-1"));
      expect(reply.text).toBe(text);
      expect(reply.failure).toMatchObject({ kind, retryable: true });
      expect(reply.failure?.message).toEndWith(message);
    });
  }

  test("a line without end does not fill the memory", async () => {
    let served = 0;
    const endless: ServiceConfig["fetch"] = async (input, init) => {
      if (!String(input).endsWith("/api/chat")) return fetch(input, init);
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          served += 2 ** 24;
          controller.enqueue(new Uint8Array(2 ** 24).fill(0x20));
        },
      });
      return new Response(body);
    };
    const { failure } = await readReply(model("fake-1", {}, { fetch: endless }));
    expect(failure?.message).toEndWith("sent a line that is not JSON");
    expect(served).toBeLessThan(2 ** 28);
  });

  for (const what of ["what the server knows of a model", "its list of models"]) {
    test(`${what} without end is not kept`, async () => {
      let served = 0;
      const endless: ServiceConfig["fetch"] = async () => {
        const body = new ReadableStream<Uint8Array>({
          pull(controller) {
            served += 2 ** 24;
            // Fails where it is read on and on, which would never end.
            if (served > 2 ** 28) controller.close();
            else controller.enqueue(new Uint8Array(2 ** 24).fill(0x20));
          },
        });
        return new Response(body);
      };
      const made = model("fake-1", {}, { fetch: endless });
      if (what.startsWith("its")) await made.list?.(new AbortController().signal);
      else expect((await readReply(made)).failure?.message).toEndWith("the answer is too long");
      expect(served).toBeLessThan(2 ** 28);
    });
  }
});
