import { describe, expect, test } from "bun:test";
import { isDurable, type DurableEvent, type Event } from "../../src/core/event.ts";
import type { Clock, Host } from "../../src/core/host.ts";
import { makeMask } from "../../src/core/mask.ts";
import type { Message } from "../../src/core/message.ts";
import type { Model, ModelEvent } from "../../src/core/model.ts";
import type { Denial } from "../../src/core/permission.ts";
import { defaultContext } from "../../src/core/plan.ts";
import type { RunResult } from "../../src/core/result-document.ts";
import type { Effects, Tool } from "../../src/core/tool.ts";
import { conversation } from "../../src/loop/history.ts";
import { pastAgents, type PastEvent } from "../../src/loop/past.ts";
import { run, type RunOptions } from "../../src/loop/run.ts";
import { memoryHost } from "../helpers/memory-host.ts";

const denial: Denial = { kind: "env", target: "HOME", reason: "not granted", flag: "--allow-env=HOME" };

const unknown = "Interrupted: whether it took effect is not known";

function still(): Clock {
  return { now: () => 0, sleep: async () => undefined, random: () => 0.5, id: () => "id" };
}

function calling(turn: number, ...wanted: Array<[string, number]>): ModelEvent[] {
  return wanted.map(([name, n], index) => {
    return { type: "tool_call", index, id: `c${turn}_${index}`, name, arguments: `{"n":${n}}` };
  });
}

/** What the model says in each turn; an attempt that is void, calls side by side, an answer that does not fit. */
const script: ModelEvent[][] = [
  calling(1, ["look", 1], ["look", 2], ["write", 1], ["look", 3], ["deny", 1]),
  [
    { type: "text", text: "half" },
    { type: "usage", usage: { input: 3, output: 1, cached: 0, reasoning: 0 }, cost: 0.001 },
    {
      type: "retry",
      attempt: 1,
      of: 3,
      waitMs: 0,
      failure: { kind: "service", message: "busy", retryable: true },
    },
    { type: "text", text: "Now two more. " },
    ...calling(2, ["write", 2], ["send", 3], ["look", 4]),
  ],
  calling(3, ["look", 5], ["fail", 1]),
  calling(4, ["write", 4], ["nowhere", 1]),
  [{ type: "text", text: "not JSON" }],
  [{ type: "text", text: '{"done":true}' }],
];

type World = {
  /** What took effect, and what was looked at. */
  effects: string[];
  looks: string[];
  /** The messages of each request. */
  requests: Map<number, Message[]>;
  checks: number;
};

function newWorld(): World {
  return { effects: [], looks: [], requests: new Map(), checks: 0 };
}

/** A model whose turn follows from the conversation, as that of a real one does. */
function model(world: World): Model {
  return {
    name: "test/model",
    async *stream({ messages }) {
      const turn = messages.filter(({ role }) => role === "assistant").length + removed(messages) + 1;
      world.requests.set(turn, structuredClone(messages));
      yield* script[turn - 1] ?? [];
      yield { type: "usage", usage: { input: 10 * turn, output: turn, cached: 0, reasoning: 0 }, cost: turn / 100 };
      const calls = script[turn - 1]?.some(({ type }) => type === "tool_call");
      yield { type: "stop", reason: calls ? "tool_calls" : "end" };
    },
  };
}

/** The turns that a note stands for: an answer and its results each. */
function removed(messages: readonly Message[]): number {
  const [, many = "0"] = /\[(\d+) earlier messages/.exec(JSON.stringify(messages)) ?? [];
  return Number(many) / 2;
}

function tools(world: World): Tool[] {
  const tool = (name: string, effects: Effects, act: Tool["run"]): Tool => ({
    name,
    description: name,
    input: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] },
    needs: [],
    effects: () => effects,
    run: act,
  });
  const does = (name: string, effects: Effects) =>
    tool(name, effects, async ({ n }) => {
      world.effects.push(`${name} ${n}`);
      await Promise.resolve();
      return { content: `${name} ${n} is done` };
    });
  return [
    does("write", "write"),
    does("send", "external"),
    tool("look", "read", async ({ n }) => {
      world.looks.push(`look ${n}`);
      return { content: `seen ${n} ${"x".repeat(50)}` };
    }),
    tool("fail", "none", async () => ({ content: "it failed", error: true })),
    tool("deny", "none", async (_input, { host }) => {
      const got = await host.env.get("HOME");
      return { content: got.ok ? "" : got.error.message, error: true };
    }),
  ];
}

/** Runs the script, or goes on with it after `past`. The events are durable ones only, as the journal has them. */
async function play(world: World, past: PastEvent[], changes: Partial<RunOptions> = {}) {
  const events: DurableEvent[] = [];
  const emit = async (event: Event) => {
    if (isDurable(event)) events.push(structuredClone(event));
    await Promise.resolve();
  };
  const host = (call: string, denied: (one: Denial) => void): Host => ({
    ...memoryHost(),
    env: {
      look: () => "no",
      get: async () => {
        denied(denial);
        await (changes.emit ?? emit)({ type: "decision", call, verdict: "deny", by: "gate", ...denial });
        return { ok: false, error: { code: "denied", message: "not granted", denial } };
      },
    },
  });
  const result = await run({
    runId: "r1",
    agent: "test",
    hash: "h",
    model: model(world),
    tools: tools(world),
    instructions: "",
    context: { spec: defaultContext, gauge },
    prompt: "go",
    attachments: [],
    checks: [],
    denied: "report",
    limits: { turns: 50, tool_calls: 200, time: 600_000 },
    host,
    check: async () => {
      world.checks++;
      return { ok: true, detail: "" };
    },
    keep: async () => [],
    keepText: async () => undefined,
    emit,
    clock: still(),
    signal: new AbortController().signal,
    mask: makeMask([]),
    explainJson: async () => "it is text",
    repairJson: async () => undefined,
    ...(past.length === 0 ? {} : { past: { events: past, data: () => undefined } }),
    ...changes,
  });
  return { result, events };
}

/** Calls with effects that had begun, and of which the journal has no end. */
function underWay(events: readonly PastEvent[]): string[] {
  const ended = new Set(events.flatMap((event) => (event.type === "call_end" ? [event.id] : [])));
  return events.flatMap((event) => {
    if (event.type !== "call_start" || ended.has(event.call.id)) return [];
    return event.effects === "write" || event.effects === "external" ? [event.call.id] : [];
  });
}

function whole(events: readonly PastEvent[], type: PastEvent["type"]): number {
  return events.filter((event) => event.type === type).length;
}

const all = ["write 1", "write 2", "send 3", "write 4"];

/** What must be true of a run that went on after `past`. */
function judge(past: PastEvent[], before: World, after: World, went: PastEvent[], result: RunResult, full: Full) {
  const lost = underWay(past);
  const told = went.flatMap((event) => (event.type === "call_end" && event.content === unknown ? [event.id] : []));
  expect(told).toEqual(lost);
  // What was under way has happened or not; nothing else is missing, and nothing happened twice.
  const happened = [...before.effects, ...after.effects];
  expect(new Set(happened).size).toBe(happened.length);
  expect(all.filter((one) => !happened.includes(one)).length).toBeLessThanOrEqual(lost.length);
  // An answer that the journal has is not asked for again, and one that it does not have is asked for once.
  expect(whole(past, "turn_end") + whole(went, "turn_end")).toBe(script.length);
  expect(after.requests.size).toBe(script.length - whole(past, "turn_end"));
  expect(after.checks).toBe(2 - whole(past, "check"));
  for (const [turn, messages] of after.requests) {
    if (told.length === 0) expect(messages).toEqual(full.world.requests.get(turn) ?? []);
  }
  expectSame(result, [...past, ...went], full);
  const messages = conversation([...past, ...went]).messages;
  if (told.length === 0) expect(messages).toEqual(conversation(full.events).messages);
}

const gauge = { count: async (text: string) => text.length, attachment: () => 0, ratio: 1 };

/** What the whole script takes: an answer of a schema, checks, and a conversation that gets too long. */
const scripted: Partial<RunOptions> = {
  output: { type: "object", required: ["done"] },
  checks: [{ run: ["a"] }, { run: ["b"] }],
  context: { spec: { ...defaultContext, keep_turns: 1, max_messages: 6 }, gauge },
};

/** The same answer at the same cost: what was void of an answer that is asked for again is paid for again. */
function expectSame(result: RunResult, events: readonly PastEvent[], full: Full) {
  const extra = whole(events, "attempt_discarded") - 1;
  const { cost, usage, ...rest } = full.result;
  expect(result).toMatchObject(rest);
  expect(result.denied).toEqual(rest.denied);
  expect(result.cost).toBeCloseTo((cost ?? 0) + extra * 0.001, 9);
  expect(result.usage["test/model"]?.input).toBe((usage["test/model"]?.input ?? 0) + extra * 3);
}

type Full = { world: World; events: DurableEvent[]; result: RunResult };

async function playAll(): Promise<Full> {
  const world = newWorld();
  return { world, ...(await play(world, [], scripted)) };
}

/** The world as it is when the journal has got so many events. */
async function cutAfter(past: PastEvent[], count: number): Promise<{ world: World; events: DurableEvent[] }> {
  const world = newWorld();
  const events: DurableEvent[] = [];
  const cut = new Error("cut");
  const emit = async (event: Event) => {
    if (events.length === count) throw cut;
    if (isDurable(event)) events.push(structuredClone(event));
    await Promise.resolve();
    if (events.length === count) throw cut;
  };
  await play(world, past, { ...scripted, emit }).catch((error: unknown) => {
    if (error !== cut) throw error;
  });
  return { world, events };
}

describe("a run that was cut after any of its events and goes on", () => {
  test("does exactly what is missing, and comes to the same end at the same cost", async () => {
    const full = await playAll();
    expect(full.result).toMatchObject({ outcome: "done", answer: { done: true }, denied: [denial] });
    expect(full.world.effects).toEqual(all);
    expect(whole(full.events, "compact")).toBeGreaterThan(0);
    // After the first two events it has been asked something.
    for (let cut = 2; cut < full.events.length; cut++) {
      const before = await cutAfter([], cut);
      const after = newWorld();
      const { result, events } = await play(after, before.events, scripted);
      expect(events[0]).toMatchObject({ type: "run_resume", turns: whole(before.events, "turn_end") });
      judge(before.events, before.world, after, events, result, full);
    }
  });

  test("may be cut again, anywhere", async () => {
    const full = await playAll();
    for (let first = 2; first < full.events.length; first += 5) {
      const one = await cutAfter([], first);
      for (let second = 1; ; second += 3) {
        const two = await cutAfter(one.events, second);
        if (two.events.at(-1)?.type === "run_end") break;
        const past = [...one.events, ...two.events];
        const before = { ...two.world, effects: [...one.world.effects, ...two.world.effects] };
        const after = newWorld();
        const { result, events } = await play(after, past, scripted);
        // What was lost and told by the run between is lost no more.
        const happened = [...before.effects, ...after.effects];
        expect(new Set(happened).size).toBe(happened.length);
        expectSame(result, [...past, ...events], full);
        expect(whole(past, "turn_end") + whole(events, "turn_end")).toBe(script.length);
      }
    }
  });
});

test("what went on beside the turns is set to work again once, and only where there is an answer to ask for or a call to make", async () => {
  const full = await playAll();
  const revivals = async (count: number) => {
    let revived = 0;
    const { events } = await cutAfter([], count);
    await play(newWorld(), events, { ...scripted, revive: async () => void revived++ });
    return revived;
  };
  const answered = full.events.findLastIndex((event) => event.type === "turn_end");
  expect(await revivals(answered)).toBe(1);
  expect(await revivals(answered + 1)).toBe(0);
  expect(await revivals(4)).toBe(1);
});

describe("what is no finished step", () => {
  test("an answer that was cut is asked for again, is paid for, and is in no later request", async () => {
    const world = newWorld();
    const interrupts = new AbortController();
    const cut: Model = {
      ...model(world),
      async *stream() {
        yield { type: "text", text: "It is" };
        yield { type: "usage", usage: { input: 5, output: 2, cached: 0, reasoning: 0 }, cost: 1e-3 };
        interrupts.abort("interrupt");
        yield { type: "failure", failure: { kind: "network", message: "cancelled", retryable: false } };
      },
    };
    const first = await play(world, [], { model: cut, signal: interrupts.signal });
    expect(first.result).toMatchObject({ outcome: "interrupt", partial: "It is" });

    const again = await play(world, first.events, { model: saying("It is done") });
    expect(again.result).toMatchObject({ outcome: "done", answer: "It is done", cost: 0.002 });
    expect(again.result.usage["test/model"]).toMatchObject({ requests: 2, input: 6 });
    expect(conversation([...first.events, ...again.events]).messages).toEqual([
      { role: "user", text: "go" },
      { role: "assistant", text: "It is done", calls: [] },
    ]);
  });

  test("an answer that was cut is not asked for again where a stronger model went on after it", async () => {
    const stop = (reason: "length" | "tool_calls" | "end"): ModelEvent => ({ type: "stop", reason });
    const cascade = () => {
      const asked: string[] = [];
      const strong: Model = {
        name: "test/strong",
        async *stream({ messages }) {
          asked.push("strong");
          const done = messages.some(({ role }) => role === "tool");
          yield* done ? [{ type: "text", text: "done" } as const] : calling(1, ["look", 1]);
          yield stop(done ? "end" : "tool_calls");
        },
      };
      const simple: Model = {
        name: "test/simple",
        stronger: strong,
        async *stream() {
          asked.push("simple");
          yield { type: "text", text: "half" };
          yield stop("length");
        },
      };
      return { asked, simple };
    };
    const { events, result } = await play(newWorld(), [], { model: cascade().simple });
    expect(result).toMatchObject({ outcome: "done", answer: "done", model: "test/strong" });
    for (let cut = events.findIndex(({ type }) => type === "escalate") + 1; cut < events.length; cut++) {
      const { asked, simple } = cascade();
      const past = events.slice(0, cut);
      const again = await play(newWorld(), past, { model: simple });
      expect(again.result).toMatchObject({ outcome: "done", answer: "done", model: "test/strong" });
      expect(asked).not.toContain("simple");
      expect(conversation([...past, ...again.events]).messages).toEqual(conversation(events).messages);
    }
  });

  test("a call that the interruption of its run has ended is made again, unless it has effects", async () => {
    const made: string[] = [];
    const interrupts = new AbortController();
    const ended = (name: string, effects: Effects): Tool => ({
      name,
      description: name,
      input: { type: "object" },
      needs: [],
      effects: () => effects,
      async run(_input, { signal }) {
        made.push(name);
        if (made.length === 2) interrupts.abort("terminated");
        await Promise.resolve();
        return signal.aborted ? { content: "Interrupted", error: true } : { content: "done" };
      },
    });
    const asks: Model = {
      name: "test/model",
      async *stream({ messages }) {
        if (messages.length === 1) yield* calling(1, ["look", 1], ["look", 2], ["write", 3]);
        else yield { type: "text", text: "done" };
        yield { type: "stop", reason: messages.length === 1 ? "tool_calls" : "end" };
      },
    };
    const tools = [ended("look", "read"), ended("write", "write")];
    const first = await play(newWorld(), [], { model: asks, tools, signal: interrupts.signal });
    expect(first.result.outcome).toBe("terminated");
    expect(made).toEqual(["look", "look"]);

    const again = await play(newWorld(), first.events, { model: asks, tools });
    expect(made).toEqual(["look", "look", "look", "look", "write"]);
    expect(again.result.outcome).toBe("done");
  });

  test("a call with effects that the interruption has ended is not made again, and the model is told so", async () => {
    const interrupts = new AbortController();
    let made = 0;
    const send: Tool = {
      name: "send",
      description: "",
      input: { type: "object" },
      needs: [],
      effects: () => "external",
      async run() {
        made++;
        interrupts.abort("hangup");
        return { content: "3 of 5 were sent", error: true };
      },
    };
    const asked: Message[][] = [];
    const asks: Model = {
      name: "test/model",
      async *stream({ messages }) {
        asked.push(structuredClone(messages));
        if (messages.length === 1) yield* calling(1, ["send", 1]);
        else yield { type: "text", text: "done" };
        yield { type: "stop", reason: messages.length === 1 ? "tool_calls" : "end" };
      },
    };
    const first = await play(newWorld(), [], { model: asks, tools: [send], signal: interrupts.signal });
    expect(first.result.outcome).toBe("hangup");
    await play(newWorld(), first.events, { model: asks, tools: [send] });
    expect(made).toBe(1);
    const content = `3 of 5 were sent\n[${unknown}]`;
    expect(asked[1]?.at(-1)).toEqual({ role: "tool", results: [{ id: "c1_0", name: "send", content, error: true }] });
  });
});

describe("the limit that a run had ended by", () => {
  test("holds when it goes on, where it is still there", async () => {
    const world = newWorld();
    const limits = { turns: 2, tool_calls: 200, time: 600_000 };
    const first = await play(world, [], { ...scripted, limits });
    expect(first.result.outcome).toBe("limit");
    const same = await play(world, first.events, { ...scripted, limits });
    expect(same.result.outcome).toBe("limit");
    expect(whole(same.events, "turn_end")).toBe(0);
    const more = await play(world, first.events, { ...scripted, limits: { ...limits, turns: 50 } });
    expect(more.result.outcome).toBe("done");
  });

  test("of calls that failed the same way begins anew, since somebody has done something about it", async () => {
    let fails = true;
    const flaky: Tool = {
      name: "look",
      description: "",
      input: { type: "object" },
      needs: [],
      effects: () => "read",
      run: async () => (fails ? { content: "no", error: true } : { content: "yes" }),
    };
    const asks: Model = {
      name: "test/model",
      async *stream({ messages }) {
        const last = messages.at(-1);
        const done = last?.role === "tool" && last.results[0]?.content === "yes";
        if (done) yield { type: "text", text: "done" };
        else yield* calling(messages.length, ["look", 1]);
        yield { type: "stop", reason: done ? "end" : "tool_calls" };
      },
    };
    const plain = { model: asks, tools: [flaky] };
    const first = await play(newWorld(), [], plain);
    expect(first.result).toMatchObject({ outcome: "limit", exit_code: 4 });
    fails = false;
    const again = await play(newWorld(), first.events, plain);
    expect(again.result).toMatchObject({ outcome: "done", answer: "done" });
  });
});

test("what agents within have used counts, where they are over and will not go on", async () => {
  const spent = { usage: { input: 100, output: 10, cached: 0, reasoning: 0 }, cost: 0.5 };
  const turn = (agent_id: string): PastEvent => ({
    type: "turn_end",
    turn: 1,
    message: { role: "assistant", text: "", calls: [] },
    stop: "end",
    model: "test/other",
    ...spent,
    duration_ms: 1,
    first_token_ms: 1,
    agent_id,
  });
  const world = newWorld();
  const { events } = await cutAfter([], 3);
  const begun = (agent_id: string): PastEvent => ({ ...startOf(events), agent_id, call: "c1_0" });
  const result: RunResult = (await playAll()).result;
  const past = [
    ...events,
    begun("a1"),
    turn("a1"),
    turn("a1.a1"),
    { type: "run_end" as const, result, agent_id: "a1" },
    begun("a2"),
    turn("a2"),
  ];
  const agents = pastAgents(past);
  expect(agents.map(({ id, call, events: own }) => [id, call, own.length])).toEqual([
    ["a1", "c1_0", 4],
    ["a2", "c1_0", 2],
  ]);
  expect(agents.map((agent) => agent.result?.outcome)).toEqual(["done", undefined]);
  const went = await play(world, past, scripted);
  expect(went.result.usage["test/other"]).toMatchObject({ requests: 2, input: 200, cost: 1 });
});

function startOf(events: DurableEvent[]): Extract<DurableEvent, { type: "run_start" }> {
  const [first] = events;
  if (first?.type !== "run_start") throw new Error("A run begins with its start");
  return first;
}

function saying(text: string): Model {
  return {
    name: "test/model",
    async *stream() {
      yield { type: "text", text };
      yield { type: "usage", usage: { input: 1, output: 1, cached: 0, reasoning: 0 }, cost: 1e-3 };
      yield { type: "stop", reason: "end" };
    },
  };
}
