import { describe, expect, test } from "bun:test";
import { isDurable, type Event } from "../../src/core/event.ts";
import type { Clock, Host } from "../../src/core/host.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { makeMask } from "../../src/core/mask.ts";
import type { Attachment, AttachmentFacts, ToolCall } from "../../src/core/message.ts";
import type { Model, ModelEvent, ModelRequest } from "../../src/core/model.ts";
import type { Denial } from "../../src/core/permission.ts";
import type { Effects, Tool } from "../../src/core/tool.ts";
import { defaultContext } from "../../src/core/plan.ts";
import { conversation } from "../../src/loop/history.ts";
import { run, type RunOptions } from "../../src/loop/run.ts";

const usage = { input: 10, output: 5, cached: 0, reasoning: 0 };
const denial: Denial = { kind: "read", target: "/x", reason: "not granted", flag: "--allow-read=/x" };

/** A clock that moves one millisecond each time it is read. */
function steppingClock(): Clock {
  let now = 0;
  return { now: () => now++, sleep: async () => undefined, random: () => 0.5, id: () => "id" };
}

const noHost: Host = {
  cwd: "/",
  get fs(): never {
    throw new Error("no files in this test");
  },
  get process(): never {
    throw new Error("no processes in this test");
  },
  get net(): never {
    throw new Error("no network in this test");
  },
  get env(): never {
    throw new Error("no environment in this test");
  },
  get secrets(): never {
    throw new Error("no secrets in this test");
  },
  get oauth(): never {
    throw new Error("no sign-ins in this test");
  },
};

/** A model that plays one list of events per request and remembers what it was asked. */
function playing(...answers: ModelEvent[][]): Model & { requests: ModelRequest[] } {
  const requests: ModelRequest[] = [];
  return {
    name: "test/model",
    requests,
    async *stream(request) {
      const { budget: _budget, ...told } = request;
      requests.push(structuredClone(told));
      yield* answers[requests.length - 1] ?? [];
    },
  };
}

function says(text: string): ModelEvent[] {
  return [
    { type: "text", text },
    { type: "usage", usage },
    { type: "stop", reason: "end" },
  ];
}

function calls(...wanted: Array<[string, string]>): ModelEvent[] {
  const fragments = wanted.map(([name, args], index): ModelEvent => {
    return { type: "tool_call", index, id: `c${index}`, name, arguments: args };
  });
  return [...fragments, { type: "usage", usage }, { type: "stop", reason: "tool_calls" }];
}

function tool(name: string, effects: Effects, act: (input: JsonObject) => Promise<string> | string): Tool {
  return {
    name,
    description: name,
    input: { type: "object", properties: { n: { type: "integer" } }, additionalProperties: false },
    needs: [],
    effects: () => effects,
    run: async (input) => ({ content: await act(input) }),
  };
}

function factsOf({ mediaType, name, data }: Attachment): AttachmentFacts {
  return { media_type: mediaType, ...(name === undefined ? {} : { name }), size: data.length, sha256: `of ${data}` };
}

async function play(model: Model, changes: Partial<RunOptions> = {}) {
  const events: Event[] = [];
  const result = await run({
    runId: "r1",
    agent: "test",
    hash: "h",
    model,
    tools: [],
    instructions: "be brief",
    context: { spec: defaultContext, gauge: { count: async (text) => text.length, attachment: () => 0, ratio: 1 } },
    prompt: "hello",
    checks: [],
    denied: "fail",
    limits: { turns: 50, tool_calls: 200, time: 600_000 },
    host: () => noHost,
    check: async () => ({ ok: true, detail: "" }),
    attachments: [],
    keep: async (attachments) => attachments.map(factsOf),
    keepText: async (text) => ({ size: text.length, sha256: `of ${text}` }),
    emit: async (event) => void events.push(event),
    clock: steppingClock(),
    signal: new AbortController().signal,
    mask: makeMask([]),
    explainJson: async (text) => `'${text}' is cut`,
    // A doubt is taken away; an ellipsis is where a string was cut.
    repairJson: async (text) =>
      text.endsWith("?") || text.endsWith("…")
        ? { text: text.slice(0, -1), repairs: ["a doubt"], cut: text.endsWith("…") }
        : undefined,
    ...changes,
  });
  return { result, events };
}

describe("how a run ends", () => {
  test("the text of the turn that ends the run is the answer", async () => {
    const model = playing([{ type: "text", text: "Let me see. " }, ...calls(["look", "{}"])], says("It is red"));
    const { result } = await play(model, { tools: [tool("look", "read", () => "red")] });
    expect(result).toMatchObject({ outcome: "done", exit_code: 0, answer: "It is red", error: null });
    expect(result.usage["test/model"]).toMatchObject({ requests: 2, input: 20, output: 10 });
  });

  test("a stream that ends without its stop reason is not an answer", async () => {
    const { result } = await play(playing([{ type: "text", text: "half an ans" }]));
    expect(result).toMatchObject({ outcome: "service", exit_code: 1, answer: null });
  });

  test("an answer that was cut at its length is no answer", async () => {
    const { result } = await play(
      playing([
        { type: "text", text: "long" },
        { type: "stop", reason: "length" },
      ]),
    );
    expect(result).toMatchObject({ outcome: "limit", exit_code: 4, answer: null });
  });

  test("a call in an answer that was cut at its length is not run", async () => {
    let ran = false;
    const model = playing([
      { type: "tool_call", index: 0, id: "a", name: "look", arguments: "{}" },
      { type: "stop", reason: "length" },
    ]);
    await play(model, { tools: [tool("look", "read", () => ((ran = true), "x"))] });
    expect(ran).toBe(false);
  });

  test("a refusal of the model is an unfit answer", async () => {
    const { result } = await play(
      playing([
        { type: "text", text: "I cannot" },
        { type: "stop", reason: "refusal" },
      ]),
    );
    expect(result).toMatchObject({ outcome: "unfit", exit_code: 5 });
  });

  test.each([
    ["service", "service", 1],
    ["network", "service", 1],
    ["credentials", "credentials", 7],
    ["request", "usage", 2],
  ] as const)("a %s failure of the model ends the run as %s", async (kind, outcome, code) => {
    const failure = { kind, message: "no", retryable: false };
    const { result } = await play(playing([{ type: "failure", failure }]));
    expect(result).toMatchObject({ outcome, exit_code: code, error: { message: "no" } });
  });

  test("an interruption ends the run by its own name, also while a tool runs", async () => {
    const controller = new AbortController();
    const model = playing(calls(["look", "{}"]), says("never"));
    const look = tool("look", "read", () => {
      controller.abort("interrupt");
      return "x";
    });
    const { result } = await play(model, { tools: [look], signal: controller.signal });
    expect(result).toMatchObject({ outcome: "interrupt", exit_code: 130, answer: null });
    expect(model.requests).toHaveLength(1);
  });

  test("what a retried request had said before is void", async () => {
    const failure = { kind: "network", message: "cut", retryable: true } as const;
    const model = playing([
      { type: "text", text: "first try" },
      { type: "retry", attempt: 1, of: 3, waitMs: 5, failure },
      ...says("second try"),
    ]);
    const { result, events } = await play(model);
    expect(result.answer).toBe("second try");
    expect(events).toContainEqual({ type: "retry", turn: 1, attempt: 1, of: 3, wait_ms: 5, reason: "cut" });
  });
});

describe("a cascade", () => {
  const cut: ModelEvent[] = [
    { type: "text", text: "half an ans" },
    { type: "usage", usage },
    { type: "stop", reason: "length" },
  ];
  const refused: ModelEvent[] = [
    { type: "text", text: "I cannot" },
    { type: "stop", reason: "refusal" },
  ];

  test.each([
    ["was cut at its length", cut, "The answer was cut at its longest output length"],
    ["is a refusal", refused, "The model refused to answer"],
    ["is empty", says(" \n"), "The model answered nothing"],
  ])("an answer that %s is no answer: the stronger model is asked the same", async (_what, answer, reason) => {
    const strong = { ...playing(says("done")), name: "test/strong" };
    const simple = playing(calls(["look", "{}"]), answer);
    const { result, events } = await play(
      { ...simple, stronger: strong },
      { tools: [tool("look", "read", () => "x")] },
    );
    expect(result).toMatchObject({ outcome: "done", answer: "done", model: "test/strong" });
    expect(strong.requests[0]?.messages).toEqual(simple.requests[1]?.messages ?? []);
    expect(events).toContainEqual({ type: "escalate", turn: 2, from: "test/model", to: "test/strong", reason });
    // A session that goes on has what the model was told.
    expect(conversation(events.filter(isDurable)).messages.map(({ role }) => role)).toEqual([
      "user",
      "assistant",
      "tool",
      "assistant",
    ]);
  });

  test("what was shown as it came is not said anew", async () => {
    const strong = playing(says("done"));
    const { result } = await play({ ...playing(cut), stronger: strong }, { streamed: true });
    expect(result).toMatchObject({ outcome: "limit", partial: "half an ans" });
    expect(strong.requests).toHaveLength(0);
  });

  test("an answer that the budget has cut ends the run", async () => {
    const strong = playing(says("done"));
    const model = playing([
      { type: "text", text: "half" },
      { type: "limit", limit: "cost" },
    ]);
    const { result } = await play({ ...model, stronger: strong });
    expect(result).toMatchObject({ outcome: "limit", partial: "half" });
    expect(strong.requests).toHaveLength(0);
  });
});

describe("limits", () => {
  test("the limit of turns ends the run before the next request", async () => {
    const model = playing(calls(["look", '{"n":1}']), calls(["look", '{"n":2}']), says("never"));
    const limits = { turns: 2, tool_calls: 9, time: 1 };
    const { result, events } = await play(model, { tools: [tool("look", "read", () => "x")], limits });
    expect(result).toMatchObject({
      outcome: "limit",
      exit_code: 4,
      error: { message: "The limit of 2 turns was reached" },
    });
    expect(model.requests).toHaveLength(2);
    expect(events).toContainEqual({ type: "limit", limit: "turns", value: 2, max: 2 });
  });

  test("calls beyond the limit of tool calls are not run", async () => {
    let ran = 0;
    const model = playing(calls(["look", '{"n":1}'], ["look", '{"n":2}'], ["look", '{"n":3}']));
    const limits = { turns: 9, tool_calls: 2, time: 1 };
    const { result } = await play(model, { tools: [tool("look", "read", () => `${ran++}`)], limits });
    expect(result.outcome).toBe("limit");
    expect(ran).toBe(0);
  });

  test("an answer that came is kept, though it went over the limit of tokens", async () => {
    const limits = { turns: 9, tool_calls: 9, time: 1, tokens: 3 };
    expect((await play(playing(says("there")), { limits })).result.outcome).toBe("done");
    const model = playing(calls(["look", "{}"]), says("never"));
    const { result } = await play(model, { tools: [tool("look", "read", () => "x")], limits });
    expect(result).toMatchObject({ outcome: "limit", error: { message: "The limit of 3 tokens was reached" } });
  });

  test("the same failing call three times in a row ends the run", async () => {
    const model = playing(calls(["no", "{}"]), calls(["no", "{}"]), calls(["no", "{}"]), says("never"));
    expect((await play(model)).result).toMatchObject({ outcome: "limit", exit_code: 4 });
    expect(model.requests).toHaveLength(3);
  });

  test("a tool that is called wrongly in three turns in a row ends the run, which names model, tool and ways out", async () => {
    const wrong = ['{"n":"a"}', '{"n":', '{"m":1}', '{"n":2}'].map((args) => calls(["look", args]));
    const model = playing(...wrong);
    const { result, events } = await play(model, { tools: [tool("look", "read", () => "x")] });
    expect(result).toMatchObject({
      outcome: "limit",
      exit_code: 4,
      error: {
        message:
          "'test/model' called 'look' three times in a row with wrong arguments: " +
          "the arguments do not fit 'look': unknown property 'm': did you mean 'n'?",
        hint: "name a model that is better at calling tools with '--model', or offer it fewer tools",
      },
    });
    expect(model.requests).toHaveLength(3);
    expect(events).toContainEqual({ type: "limit", limit: "same_failure", value: 3, max: 3 });
  });

  test("wrong calls of one turn count once: the model had not read the first complaint yet", async () => {
    const wrong: [string, string] = ["look", "{"];
    const model = playing(calls(wrong, wrong, wrong), calls(wrong, wrong), says("done"));
    const { result } = await play(model, { tools: [tool("look", "read", () => "x")] });
    expect(result.outcome).toBe("done");
  });

  test("a right call of the tool breaks the row of wrong ones", async () => {
    const wrong = calls(["look", "{"]);
    const model = playing(wrong, wrong, calls(["look", "{}"]), wrong, wrong, says("done"));
    const { result } = await play(model, { tools: [tool("look", "read", () => "x")] });
    expect(result.outcome).toBe("done");
  });

  test("a call that works breaks the row of failing ones", async () => {
    const fail = calls(["no", "{}"]);
    const model = playing(fail, fail, calls(["look", "{}"]), fail, fail, says("done"));
    const { result } = await play(model, { tools: [tool("look", "read", () => "x")] });
    expect(result.outcome).toBe("done");
  });
});

describe("denials", () => {
  const refused: Pick<RunOptions, "tools" | "host"> = {
    tools: [
      {
        ...tool("look", "read", () => ""),
        run: async ({ n }, { host }) => ({ content: `${host.cwd}${String(n)}`, error: true }),
      },
    ],
    host: (_call, denied) => {
      denied(denial);
      return noHost;
    },
  };

  test("a refused call ends in exit code 3, and the answer is kept", async () => {
    const { result } = await play(playing(calls(["look", "{}"]), says("I could not look")), refused);
    expect(result).toMatchObject({ outcome: "denied", exit_code: 3, answer: "I could not look", denied: [denial] });
  });

  test("with 'denied: report' a refused call is only reported", async () => {
    const { result } = await play(playing(calls(["look", "{}"]), says("ok")), { ...refused, denied: "report" });
    expect(result).toMatchObject({ outcome: "done", exit_code: 0, denied: [denial] });
  });

  test("the third identical denial in a row ends the run", async () => {
    const model = playing(...[1, 2, 3, 4].map((n) => calls(["look", `{"n":${n}}`])));
    const { result } = await play(model, { ...refused, denied: "report" });
    expect(result).toMatchObject({ outcome: "denied", exit_code: 3, answer: null });
    expect(model.requests).toHaveLength(3);
  });

  test("an answer that does not fit ranks before a denial", async () => {
    const model = playing(calls(["look", "{}"]), says("x"), says("y"));
    const { result } = await play(model, { ...refused, output: { type: "object" } });
    expect(result.outcome).toBe("unfit");
  });
});

describe("output schema and checks", () => {
  const output = { type: "object", required: ["n"], properties: { n: { type: "integer" } } };

  test("an answer that fits becomes its JSON value, also from one Markdown fence", async () => {
    expect((await play(playing(says(' {"n": 1} ')), { output })).result).toMatchObject({
      outcome: "done",
      answer: { n: 1 },
    });
    expect((await play(playing(says('```json\n{"n": 2}\n```')), { output })).result.answer).toEqual({ n: 2 });
  });

  test("an answer that does not fit is repaired once, with the exact complaint", async () => {
    const model = playing(says('{"n": "one"}'), says('{"n": 1}'));
    const { result, events } = await play(model, { output });
    expect(result).toMatchObject({ outcome: "done", answer: { n: 1 } });
    const asked = events.find((event) => event.type === "user" && event.reason === "repair");
    expect(asked).toMatchObject({ text: expect.stringContaining("'n' must be an integer") });
    expect(model.requests[1]?.messages.at(-1)).toMatchObject({ role: "user" });
  });

  test("an answer that does not fit twice fails the run", async () => {
    const model = playing(says("no"), says("{"), says('{"n": 1}'));
    const { result } = await play(model, { output });
    expect(result).toMatchObject({
      outcome: "unfit",
      exit_code: 5,
      error: { message: "The answer does not fit its schema: it is not JSON: '{' is cut" },
    });
    expect(model.requests).toHaveLength(2);
  });

  test("every check is run with the answer, and one that fails decides", async () => {
    const seen: string[] = [];
    const { result, events } = await play(playing(says('{"n": 1}')), {
      output,
      checks: [{ run: ["a"] }, { run: ["b"] }],
      check: async ({ run: argv }, answer) => {
        seen.push(`${argv.join(" ")} ${answer}`);
        return { ok: argv[0] === "b", detail: "exit code 1" };
      },
    });
    expect(seen).toEqual(['a {"n":1}', 'b {"n":1}']);
    expect(result).toMatchObject({ outcome: "unfit", error: { message: "The check 'a' failed: exit code 1" } });
    expect(events.filter(({ type }) => type === "check")).toHaveLength(2);
  });

  test("a check that is a script is named by its first line", async () => {
    const { result } = await play(playing(says('{"n": 1}')), {
      output,
      checks: [{ run: ["sh", "-c", "# the answer is right\nexit 1"] }],
      check: async () => ({ ok: false, detail: "exit code 1" }),
    });
    const message = "The check 'sh -c # the answer is right …' failed: exit code 1";
    expect(result).toMatchObject({ outcome: "unfit", error: { message } });
  });
});

describe("tool calls", () => {
  /** Notes when calls begin and end, so that the order can be read. */
  function recorder(): { log: string[]; make(name: string, effects: Effects): Tool } {
    const log: string[] = [];
    return {
      log,
      make: (name, effects) =>
        tool(name, effects, async () => {
          log.push(`${name}+`);
          await Promise.resolve();
          await Promise.resolve();
          log.push(`${name}-`);
          return name;
        }),
    };
  }

  test("reads run together; a write waits for all before it and holds all after it", async () => {
    const { log, make } = recorder();
    const model = playing(calls(["a", "{}"], ["b", "{}"], ["w", "{}"], ["c", "{}"], ["d", "{}"]), says("done"));
    const tools = [make("a", "read"), make("b", "none"), make("w", "write"), make("c", "read"), make("d", "read")];
    await play(model, { tools });
    expect(log).toEqual(["a+", "b+", "a-", "b-", "w+", "w-", "c+", "d+", "c-", "d-"]);
    const last = model.requests[1]?.messages.at(-1);
    expect(last?.role === "tool" ? last.results.map(({ name }) => name) : []).toEqual(["a", "b", "w", "c", "d"]);
  });

  test("two external calls never overlap", async () => {
    const { log, make } = recorder();
    const model = playing(calls(["x", "{}"], ["y", "{}"]), says("done"));
    await play(model, { tools: [make("x", "external"), make("y", "external")] });
    expect(log).toEqual(["x+", "x-", "y+", "y-"]);
  });

  test("the start of a call with effects is on disk before it runs", async () => {
    const order: string[] = [];
    const model = playing(calls(["w", "{}"]), says("done"));
    await play(model, {
      tools: [tool("w", "write", () => (order.push("act"), "ok"))],
      emit: async (event, durability) => {
        if (event.type.startsWith("call_")) order.push(`${event.type} ${durability ?? "later"}`);
      },
    });
    expect(order).toEqual(["call_start flush", "act", "call_end flush"]);
  });

  const told = async (call: [string, string], tools: Tool[] = []) => {
    const model = playing(calls(call), says("done"));
    await play(model, { tools });
    const last = model.requests[1]?.messages.at(-1);
    return last?.role === "tool" ? last.results[0] : undefined;
  };

  test("an unknown tool, wrong arguments and broken JSON are results that the model reads", async () => {
    const look = tool("file_read", "read", () => "x");
    expect(await told(["read_file", "{}"], [look])).toMatchObject({
      error: true,
      content: "There is no tool 'read_file'. Did you mean 'file_read'?",
    });
    expect((await told(["file_read", '{"n": "x"}'], [look]))?.content).toContain("'n' must be an integer");
    expect((await told(["file_read", '{"n":'], [look]))?.content).toBe(`The arguments are not JSON: '{"n":' is cut`);
    expect((await told(["file_read", "[]"], [look]))?.content).toBe("The arguments must be a JSON object");
  });

  test("arguments that are almost JSON run as they were repaired, and the repair is told", async () => {
    const seen: JsonObject[] = [];
    const look = tool("look", "read", (input) => (seen.push(input), "x"));
    const model = playing(calls(["look", '{"n":1}?'], ["look", '{"n":2}']), says("done"));
    const { events } = await play(model, { tools: [look] });
    expect(seen).toEqual([{ n: 1 }, { n: 2 }]);
    const starts = events.filter((event) => event.type === "call_start");
    expect(starts.map((event) => [event.call.arguments, event.repaired])).toEqual([
      ['{"n":1}', ["a doubt"]],
      ['{"n":2}', undefined],
    ]);
    const said = events.find((event) => event.type === "turn_end");
    expect(said?.message.calls[0]?.arguments).toBe('{"n":1}?');
    expect(model.requests[1]?.messages[1]).toMatchObject({
      calls: [{ arguments: '{"n":1}' }, { arguments: '{"n":2}' }],
    });
  });

  test("a repair that does not fit the tool is none: the model reads what was wrong with what it wrote", async () => {
    const model = playing(calls(["look", '{"m":1}?']), says("done"));
    const { events } = await play(model, { tools: [tool("look", "read", () => "x")] });
    expect(events).toContainEqual(
      expect.objectContaining({
        type: "call_end",
        error: true,
        content: `The arguments are not JSON: '{"m":1}?' is cut`,
      }),
    );
    expect(events.find((event) => event.type === "call_start")).not.toHaveProperty("repaired");
  });

  test("half a string is good enough to look, and not to write", async () => {
    const ran: string[] = [];
    const tools = (["read", "write", "external"] as const).map((effects) =>
      tool(effects, effects, () => `${ran.push(effects)}`),
    );
    await play(playing(calls(["read", "{}…"], ["write", "{}…"], ["external", "{}…"]), says("done")), { tools });
    expect(ran).toEqual(["read"]);
  });

  test("a tool without parameters may be called with no text", async () => {
    expect(await told(["look", ""], [tool("look", "read", () => "seen")])).toMatchObject({
      error: false,
      content: "seen",
    });
  });

  test("a tool that throws is a failure the model reads, not the end of the loop", async () => {
    const broken = tool("look", "read", () => {
      throw new Error("out of luck");
    });
    expect(await told(["look", "{}"], [broken])).toMatchObject({ error: true, content: "'look' failed: out of luck" });
  });

  test("secrets in what a tool returns reach neither model nor journal", async () => {
    const model = playing(calls(["look", "{}"]), says("done"));
    const { events } = await play(model, {
      tools: [tool("look", "read", () => "key=sk-12345678!")],
      mask: makeMask(["sk-12345678"]),
    });
    expect(JSON.stringify(events) + JSON.stringify(model.requests)).not.toContain("sk-12345678");
    expect(JSON.stringify(events)).toContain("key=[masked]!");
  });
});

test("passing and durable events are told apart", async () => {
  const { events } = await play(playing(says("x")));
  const durable = events.filter((event) => isDurable(event)).map(({ type }) => type);
  expect(durable).toEqual(["run_start", "user", "turn_start", "turn_end", "run_end"]);
  expect(events.length).toBeGreaterThan(durable.length);
});

test("a call keeps the order of its fragments", async () => {
  const model = playing(
    [
      { type: "tool_call", index: 1, id: "b", name: "look", arguments: '{"n"' },
      { type: "tool_call", index: 0, id: "a", name: "look", arguments: '{"n":1}' },
      { type: "tool_call", index: 1, arguments: ":2}" },
      { type: "stop", reason: "tool_calls" },
    ],
    says("done"),
  );
  const { events } = await play(model, { tools: [tool("look", "read", ({ n }) => String(n))] });
  const wanted: ToolCall[] = [
    { id: "a", name: "look", arguments: '{"n":1}' },
    { id: "b", name: "look", arguments: '{"n":2}' },
  ];
  expect(events.find((event) => event.type === "turn_end")).toMatchObject({ message: { calls: wanted } });
});

describe("attachments", () => {
  const image = (size: number): Attachment => ({
    mediaType: "image/png",
    name: "a.png",
    data: Buffer.alloc(size).toString("base64"),
  });
  const showing = (...sizes: number[]): Tool => ({
    ...tool("look", "read", () => "an image"),
    run: async () => ({ content: "an image", attachments: sizes.map(image) }),
  });

  test("of the prompt and of results reach the model, and events tell of them without their bytes", async () => {
    const model = playing(calls(["look", "{}"]), says("red"));
    const { result, events } = await play(model, { tools: [showing(3)], attachments: [image(6)] });
    expect(result.outcome).toBe("done");
    expect(model.requests[1]?.messages).toMatchObject([
      { role: "user", attachments: [image(6)] },
      { role: "assistant" },
      { role: "tool", results: [{ content: "an image", attachments: [image(3)] }] },
    ]);
    const told = events.filter(({ type }) => type === "user" || type === "call_end");
    expect(told).toMatchObject([
      { attachments: [{ media_type: "image/png", name: "a.png", size: 8, sha256: "of AAAAAAAA" }] },
      { attachments: [{ media_type: "image/png", name: "a.png", size: 4, sha256: "of AAAA" }] },
    ]);
    expect(JSON.stringify(told)).not.toContain("data");
  });

  test("are kept before the event that tells of them", async () => {
    const order: string[] = [];
    await play(playing(calls(["look", "{}"]), says("red")), {
      tools: [showing(3)],
      keep: async (attachments) => {
        order.push("keep");
        return attachments.map(factsOf);
      },
      emit: async ({ type }) => void order.push(type),
    });
    expect(order.slice(order.indexOf("call_start"))).toEqual([
      "call_start",
      "keep",
      "call_end",
      "turn_start",
      "text",
      "turn_end",
      "run_end",
    ]);
  });

  test("that do not fit into the conversation any more are left out, and the text says so", async () => {
    const model = playing(calls(["look", "{}"], ["look", "{}"]), says("red"));
    await play(model, { tools: [showing(9_000_000)], attachments: [image(9_000_000)] });
    const [, , told] = model.requests[1]?.messages ?? [];
    const results = told?.role === "tool" ? told.results : [];
    expect(results.map(({ attachments = [] }) => attachments.length)).toEqual([1, 0]);
    expect(results[1]).toMatchObject({
      content: "an image\n[Not shown: all images and PDFs of a conversation may have 20 MB together]",
      error: true,
    });
  });
});

describe("a result that was cut", () => {
  const cut = {
    ...tool("look", "read", () => ""),
    run: async () => ({ content: "start … end", whole: "start, the long-secret, end" }),
  };
  const mask = makeMask(["long-secret"]);

  test("is kept whole without its secrets before the event that tells of it, and the model gets the cut one", async () => {
    const order: string[] = [];
    const model = playing(calls(["look", "{}"]), says("seen"));
    const { result } = await play(model, {
      tools: [cut],
      mask,
      keepText: async (text) => {
        order.push(text);
        return { size: 7, sha256: "abc" };
      },
      emit: async (event) => {
        if (event.type === "call_end") order.push(JSON.stringify(event.whole));
      },
    });
    expect(result.outcome).toBe("done");
    expect(order).toEqual(["start, the [masked], end", '{"size":7,"sha256":"abc"}']);
    expect(JSON.stringify(model.requests[1])).toContain("start … end");
    expect(JSON.stringify(model.requests[1])).not.toContain("the [masked]");
  });

  test("that could not be kept has an event without a whole", async () => {
    const model = playing(calls(["look", "{}"]), says("seen"));
    const { events } = await play(model, { tools: [cut], keepText: async () => undefined });
    const end = events.find(({ type }) => type === "call_end");
    expect(end).toMatchObject({ content: "start … end" });
    expect(end).not.toHaveProperty("whole");
  });
});
