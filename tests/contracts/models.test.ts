import { describe, expect, test } from "bun:test";
import type { Message } from "../../src/core/message.ts";
import type { Model } from "../../src/core/model.ts";
import type { Script } from "../../src/core/script.ts";
import { scripted } from "../../src/models/scripted.ts";
import { testClock } from "../helpers/clock.ts";
import { question, readReply, type Reply } from "../helpers/reply.ts";
import { anthropicRow } from "./anthropic-row.ts";
import { chatRows } from "./chat-rows.ts";
import { localRow } from "./local-row.ts";
import { conversation, key, pictures, shownByTool, type Row, type Situation } from "./model-situations.ts";
import { ollamaRow } from "./ollama-row.ts";
import { responsesRow } from "./responses-row.ts";

function scriptOf(situations: Situation[]): Script | undefined {
  const script: Script = [];
  for (const situation of situations) {
    if (situation.whole || (situation.does !== "text" && situation.does !== "calls")) return undefined;
    if (situation.does === "text" && situation.dripMs !== undefined) return undefined;
    const stop = situation.does === "calls" ? "tool_calls" : (situation.stop ?? "end");
    if (stop === "unknown") return undefined;
    script.push({
      kind: "reply",
      text: [{ text: situation.text }],
      calls: situation.does === "calls" ? situation.calls.map(({ name, arguments: raw }) => ({ name, raw })) : [],
      stop,
      ...(situation.does === "text" && situation.usage !== undefined ? { usage: situation.usage } : {}),
      delayMs: 0,
      dripMs: 0,
    });
  }
  return script;
}

const rows: Row[] = [
  {
    provider: "scripted",
    model(situations, clock) {
      const script = scriptOf(situations);
      return script && scripted(script, "scripted/test.yaml", clock);
    },
  },
  anthropicRow,
  responsesRow,
  ollamaRow,
  localRow,
  ...chatRows,
];

const text = "Grüße, 世界 👋\n  and a long tail of words";

const twenty = Array.from({ length: 20 }, (_, turn): Situation => {
  return { does: "calls", text: "", calls: [{ name: "file_read", arguments: `{"path":"${turn}"}` }], split: 100 };
});

/** Asks until the model wants no more calls; each call's result is its own arguments. */
async function converse(model: Model): Promise<{ said: Reply[]; results: string[] }> {
  const messages: Message[] = [{ role: "user", text: "Read" }];
  const said: Reply[] = [];
  for (;;) {
    const reply = await readReply(model, { ...question, messages });
    said.push(reply);
    if (reply.stop !== "tool_calls") break;
    const { calls, opaque } = reply;
    messages.push({ role: "assistant", text: reply.text, calls, ...(opaque === undefined ? {} : { opaque }) });
    messages.push({
      role: "tool",
      results: calls.map(({ id, name, arguments: content }) => ({ id, name, content, error: false })),
    });
  }
  const results = messages.flatMap((message) => (message.role === "tool" ? message.results : []));
  return { said, results: results.map((result) => result.content) };
}

for (const row of rows) {
  describe(row.provider, () => {
    /** Defines a test where the provider has the situation. */
    function when(
      name: string,
      situations: Situation[],
      check: (model: Model, clock: ReturnType<typeof testClock>) => Promise<void>,
    ) {
      if (row.model(situations, testClock()) === undefined) return;
      test(name, async () => {
        const clock = testClock();
        const model = row.model(situations, clock);
        if (model === undefined) throw new Error("No model");
        await check(model, clock);
      });
    }

    when("a text answer arrives in pieces and whole", [{ does: "text", text }], async (model) => {
      const reply = await readReply(model);
      expect(reply).toMatchObject({ text, calls: [], stop: "end" });
      expect(reply.usage?.input).toBeGreaterThan(0);
    });

    when("an answered request leaves no timer behind", [{ does: "text", text }], async (model, clock) => {
      await readReply(model);
      expect(clock.sleeping()).toBe(0);
    });

    const usage = { input: 1000, output: 70, cached: 900, reasoning: 30, cache_write: 50 };
    when(
      "usage is the service's own, with its cached, cache-write and reasoning tokens",
      [{ does: "text", text, usage }],
      async (model) => {
        expect((await readReply(model)).usage).toEqual(usage);
      },
    );

    when("an answer is limited to the tokens that its request says", [{ does: "text", text }], async (model) => {
      await readReply(model, { ...question, max_tokens: 1234 });
      const [sent] = row.sent?.() ?? [{ max_tokens: 1234 }];
      expect(JSON.stringify(sent)).toMatch(/"(max(_\w+)?_tokens|num_predict)":1234/);
    });

    for (const stop of ["length", "refusal"] as const) {
      when(`a stop by ${stop} is told apart from an end`, [{ does: "text", text, stop }], async (model) => {
        expect((await readReply(model)).stop).toBe(stop);
      });
    }

    when(
      "what a tool returned is shown to the model, or its text says that it was not",
      [{ does: "text", text }],
      async (model) => {
        expect(await readReply(model, shownByTool)).toMatchObject({ text, stop: "end" });
        const sent = JSON.stringify(row.sent?.() ?? "UERG");
        expect(sent).toMatch(
          /UERG|A document.n\[Not shown: 'plan.pdf' .application.pdf.; this model takes images only\]/,
        );
      },
    );

    const calls = [
      { name: "file_read", arguments: '{"path":"ü/世界","deep":{"list":[1,2,3]}}' },
      { name: "file_read", arguments: "{}" },
      { name: "bash_exec", arguments: '{"command":"echo \\"}\\""}' },
    ];
    when(
      "parallel calls keep their order, ids and arguments",
      [{ does: "calls", text: "Let me see", calls }],
      async (model) => {
        const reply = await readReply(model);
        expect(reply).toMatchObject({ text: "Let me see", stop: "tool_calls" });
        expect(reply.calls.map(({ name, arguments: args }) => ({ name, arguments: args }))).toEqual(calls);
        expect(new Set(reply.calls.map((call) => call.id)).size).toBe(3);
      },
    );

    const hundred = Array.from({ length: 100 }, (_, index) => ({
      name: "file_read",
      arguments: `{"path":"${index}"}`,
    }));
    when("a hundred parallel calls stay apart", [{ does: "calls", text: "", calls: hundred }], async (model) => {
      const reply = await readReply(model);
      expect(reply.calls.map((call) => call.arguments)).toEqual(hundred.map((call) => call.arguments));
      expect(new Set(reply.calls.map((call) => call.id)).size).toBe(100);
    });

    const oneId = calls.map(({ name }, index) => ({ name, arguments: `{"path":"${index}"}` }));
    when(
      "calls that the service gave one id stay apart, each with an id of its own",
      [{ does: "calls", text: "", calls: oneId, split: 100, oneId: true }],
      async (model) => {
        const reply = await readReply(model);
        expect(reply.calls.map(({ name, arguments: args }) => ({ name, arguments: args }))).toEqual(oneId);
        expect(new Set(reply.calls.map((call) => call.id)).size).toBe(3);
      },
    );

    const long = JSON.stringify({ content: "0123456789abcde\n".repeat(131_072) });
    when(
      "two megabytes of arguments arrive whole",
      [{ does: "calls", text: "", calls: [{ name: "file_write", arguments: long }], split: 4096 }],
      async (model) => {
        const reply = await readReply(model);
        expect(reply.stop).toBe("tool_calls");
        expect(reply.calls[0]?.arguments === long).toBe(true);
      },
    );

    when("a run of twenty calls ends with the answer", [...twenty, { does: "text", text }], async (model) => {
      const { said, results } = await converse(model);
      expect(said.at(-1)).toMatchObject({ text, stop: "end" });
      expect(results).toEqual(twenty.map((_, turn) => `{"path":"${turn}"}`));
      expect(row.sent?.().length ?? 21).toBe(21);
    });

    when("an aborted request is a failure that nobody retries", [{ does: "text", text }], async (model) => {
      const run = new AbortController();
      const reply = await readReply(model, question, run.signal, () => run.abort("interrupt"));
      expect(reply.failure).toEqual({ kind: "network", message: "The request was cancelled", retryable: false });
      const again = await readReply(model, question, run.signal);
      expect(again.failure?.retryable).toBe(false);
    });

    const thought = { does: "reasoning", reasoning: "First, greet", text } as const;
    when("reasoning is told apart from text", [thought], async (model) => {
      expect(await readReply(model)).toMatchObject({ reasoning: "First, greet", text, stop: "end" });
    });

    const pondered: Situation[] = ["First", "Second"].map((reasoning, turn) => {
      const call = { name: "file_read", arguments: `{"path":"${turn}"}` };
      return { does: "calls", reasoning, text: "Hm", calls: [call, call] };
    });
    when(
      "what the model thought before its calls goes back unchanged, turn by turn",
      [...pondered, { does: "text", text }],
      async (model) => {
        const { said } = await converse(model);
        expect(said.map((reply) => reply.stop)).toEqual(["tool_calls", "tool_calls", "end"]);
        const sent = JSON.stringify(row.sent?.()[2]);
        for (const reasoning of ["First", "Second"]) {
          const wanted = row.goesBack?.(reasoning);
          if (wanted !== undefined) expect(sent).toContain(wanted);
        }
      },
    );

    describe("one document instead of a stream", () => {
      const whole = true as const;
      const plain = { input: 1000, output: 70, cached: 0, reasoning: 0 };
      for (const [what, counts] of [
        ["usage", plain],
        ["cached and reasoning tokens", usage],
      ] as const) {
        when(`has text and ${what}`, [{ does: "text", text, usage: counts, whole }], async (model) => {
          expect(await readReply(model)).toMatchObject({ text, calls: [], usage: counts, stop: "end" });
        });
      }

      for (const stop of ["length", "refusal"] as const) {
        when(`says that it stopped by ${stop}`, [{ does: "text", text, stop, whole }], async (model) => {
          expect(await readReply(model)).toMatchObject({ text, stop });
        });
      }

      const same: Situation = { does: "calls", text: "Let me see", calls: oneId, oneId: true, whole };
      when("has calls in their order, each with an id of its own", [same], async (model) => {
        const reply = await readReply(model);
        expect(reply).toMatchObject({ text: "Let me see", stop: "tool_calls" });
        expect(reply.calls.map(({ name, arguments: args }) => ({ name, arguments: args }))).toEqual(oneId);
        expect(new Set(reply.calls.map((call) => call.id)).size).toBe(3);
      });

      when("tells reasoning apart from text", [{ ...thought, whole }], async (model) => {
        expect(await readReply(model)).toMatchObject({ reasoning: "First, greet", text, stop: "end" });
      });

      when(
        "has what goes back unchanged",
        [...pondered.map((situation) => ({ ...situation, whole })), { does: "text", text, whole }],
        async (model) => {
          const { said } = await converse(model);
          expect(said.map((reply) => reply.stop)).toEqual(["tool_calls", "tool_calls", "end"]);
          expect(said.slice(0, 2).map(({ reasoning }) => reasoning)).toEqual(["First", "Second"]);
          const sent = JSON.stringify(row.sent?.()[2]);
          for (const reasoning of ["First", "Second"]) expect(sent).toContain(row.goesBack?.(reasoning) ?? "");
        },
      );

      for (const by of ["end", "reset"] as const) {
        when(
          `that is cut by ${by} is not an answer`,
          [{ does: "break", at: "event", by, text, whole }],
          async (model) => {
            const { failure, stop } = await readReply(model);
            expect(failure).toMatchObject({ kind: "network", retryable: true });
            expect(stop).toBeUndefined();
          },
        );
      }

      when(
        "leaves no timer, and its connection to the next request",
        [{ does: "text", text, whole }],
        async (model, clock) => {
          for (let turn = 0; turn < 3; turn++) expect((await readReply(model)).stop).toBe("end");
          expect(clock.sleeping()).toBe(0);
          expect(row.connections?.()).toBe(1);
        },
      );
    });

    const refusals = [
      [400, "request", false],
      [401, "credentials", false],
      [403, "credentials", false],
      [404, "request", false],
      [408, "service", true],
      [409, "service", true],
      [422, "request", false],
      [429, "service", true],
      [500, "service", true],
      [503, "service", true],
      [529, "service", true],
    ] as const;
    for (const [status, kind, retryable] of refusals) {
      const situation: Situation = { does: "refuse", status, message: `Bad \u001b[31mthing\n with ${key}.` };
      when(`status ${status} is a failure of kind ${kind}`, [situation], async (model) => {
        const { failure } = await readReply(model);
        expect(failure).toMatchObject({ kind, status, retryable });
        expect(failure?.message).toEndWith(`(${status}): Bad [31mthing with [masked]`);
      });
    }

    const waits: Array<[string, Record<string, string>, number | undefined]> = [
      ["in seconds", { "retry-after": "7" }, 7000],
      ["as an HTTP date", { "retry-after": "Thu, 01 Jan 2026 00:00:09 GMT" }, 9000],
      ["in milliseconds", { "retry-after-ms": "1500.5", "retry-after": "9" }, 1501],
      ["in the past", { "retry-after": "Wed, 31 Dec 2025 00:00:00 GMT" }, 0],
      ["that is no time", { "retry-after": "-5" }, undefined],
    ];
    for (const [form, headers, expected] of waits) {
      when(
        `Retry-After ${form} is read`,
        [{ does: "refuse", status: 429, message: "Slow down", headers }],
        async (model) => {
          const { failure } = await readReply(model);
          expect(failure?.retryAfterMs).toBe(expected);
        },
      );
    }

    when(
      "an error inside the stream is a failure",
      [{ does: "fail-inside", message: `Broken ${key}` }],
      async (model) => {
        const { failure, stop } = await readReply(model);
        expect(failure).toMatchObject({ kind: "service", retryable: true });
        expect(failure?.message).toEndWith("Broken [masked]");
        expect(stop).toBeUndefined();
      },
    );

    for (const at of ["event", "character", "finish"] as const) {
      for (const by of ["end", "reset"] as const) {
        when(
          `a stream cut at the ${at} by ${by} is not an answer`,
          [{ does: "break", at, by, text }],
          async (model) => {
            const { failure, stop } = await readReply(model);
            expect(failure).toMatchObject({ kind: "network", retryable: true });
            expect(stop).toBeUndefined();
          },
        );
      }
    }

    when(
      "half a call is never complete",
      [{ does: "break-call", call: { name: "file_read", arguments: "{}" } }],
      async (model) => {
        expect(await readReply(model)).toMatchObject({ failure: { kind: "network", retryable: true } });
      },
    );

    when("a stop for an unknown reason is no answer", [{ does: "text", text, stop: "unknown" }], async (model) => {
      const { failure, stop } = await readReply(model);
      expect(failure).toMatchObject({ kind: "service", retryable: true });
      expect(failure?.message).toEndWith("gave up with 'odd'");
      expect(stop).toBeUndefined();
    });

    when("a page instead of an answer is told as what it is", [{ does: "page", body: "<p>Hi" }], async (model) => {
      const { failure } = await readReply(model);
      expect(failure).toMatchObject({ kind: "request", retryable: false });
      expect(failure?.message).toEndWith("answered with HTML: is the base URL right?");
    });

    const slow = "word ".repeat(40);
    when("a slow answer is not a silent one", [{ does: "text", text: slow, dripMs: 1 }], async (model, clock) => {
      const began = clock.now();
      const reply = await readReply(model, question, undefined, () => clock.pass(10_000));
      expect(reply).toMatchObject({ text: slow, stop: "end" });
      expect(clock.now() - began).toBeGreaterThan(120_000);
    });

    when("a service that never begins is given up", [{ does: "stall", where: "start", text }], async (model, clock) => {
      const reply = readReply(model);
      while (row.sent?.().length === 0) await Bun.sleep(1);
      clock.pass();
      expect((await reply).failure).toMatchObject({ kind: "network", retryable: true });
      expect((await reply).failure?.message).toEndWith("said nothing for 120 s");
    });

    when(
      "a service that falls silent is given up",
      [{ does: "stall", where: "middle", text }],
      async (model, clock) => {
        const reply = await readReply(model, question, undefined, () => clock.pass());
        expect(reply.text).not.toBe("");
        expect(reply.failure?.message).toEndWith("said nothing for 120 s");
      },
    );

    if (row.sent !== undefined) {
      const ends = Array.from({ length: 4 }, (): Situation => ({ does: "text", text }));
      when("the turns of a run share one connection", ends, async (model) => {
        for (const _ of ends) expect((await readReply(model)).stop).toBe("end");
        expect(row.connections?.()).toBe(1);
      });

      when("a conversation is sent as the service wants it", [{ does: "text", text }], async (model) => {
        await readReply(model, conversation);
        expect(row.sent?.()).toEqual([row.conversation]);
      });

      when("images and PDFs are sent as the service wants them", [{ does: "text", text }], async (model) => {
        if (row.pictures !== undefined) {
          await readReply(model, pictures);
          expect(row.sent?.()).toEqual([row.pictures]);
        } else {
          const { failure } = await readReply(model, pictures);
          expect(failure).toMatchObject({ kind: "request", retryable: false });
          expect(failure?.message).toEndWith("'plan.pdf' (application/pdf): it takes images only");
          expect(row.sent?.()).toEqual([]);
        }
      });

      when("a service says which models it has", [{ does: "text", text }], async (model) => {
        const listed = await model.list?.(new AbortController().signal);
        expect(listed).toEqual({ ok: true, value: ["fake-1", "fake-1-mini"] });
      });
    }
  });
}
