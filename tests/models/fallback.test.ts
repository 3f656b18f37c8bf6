import { describe, expect, test } from "bun:test";
import type { Model, ModelEvent, ModelFailure, ModelRequest } from "../../src/core/model.ts";
import { withFallback, type Candidate } from "../../src/models/fallback.ts";

const request: ModelRequest = { instructions: "", messages: [{ role: "user", text: "Hi" }], tools: [] };
const signal = new AbortController().signal;
const down: ModelFailure = { kind: "service", message: "down", retryable: true };

/** A model that says these events, request by request; the last of them again and again. */
function model(name: string, ...requests: ModelEvent[][]): Model & { asked(): number } {
  let asked = 0;
  return {
    name,
    window: name.length,
    asked: () => asked,
    async *stream() {
      yield* requests[Math.min(asked++, requests.length - 1)] ?? [];
    },
  };
}

const says = (text: string): ModelEvent[] => [
  { type: "text", text },
  { type: "stop", reason: "end" },
];
const fails = (failure: ModelFailure): ModelEvent[] => [{ type: "failure", failure }];
const candidate = (one: Model): Candidate => ({ name: one.name, make: async () => one });

async function ask(one: Model, at: AbortSignal = signal): Promise<string[]> {
  const told: string[] = [];
  for await (const event of one.stream(request, at)) {
    if (event.type === "text") told.push(event.text);
    else if (event.type === "fallback") told.push(`${event.from} -> ${event.to}: ${event.failure.message}`);
    else if (event.type === "failure") told.push(`failed: ${event.failure.message}`);
    else told.push(event.type);
  }
  return told;
}

const options = { afterText: true };

describe("a model that others stand in for", () => {
  test("is itself where it answers, and the others are not made", async () => {
    const make = () => Promise.reject(new Error("Nobody needs it"));
    const first = withFallback(model("first", says("hello")), [{ name: "second", make }], options);
    expect(await ask(first)).toEqual(["hello", "stop"]);
    expect([first.name, first.window]).toEqual(["first", 5]);
  });

  for (const [what, failure] of [
    ["is down", down],
    ["cannot be reached", { ...down, kind: "network" }],
    ["refuses the key", { ...down, kind: "credentials", retryable: false }],
    ["is not there", { ...down, kind: "request", status: 404, retryable: false }],
  ] as const) {
    test(`is followed by the next where it ${what}, and not asked again`, async () => {
      const first = model("first", fails(failure));
      const all = withFallback(first, [candidate(model("second", says("hello")))], options);
      expect(await ask(all)).toEqual(["first -> second: down", "hello", "stop"]);
      expect(all.name).toBe("second");
      expect(await ask(all)).toEqual(["hello", "stop"]);
      expect(first.asked()).toBe(1);
    });
  }

  test("is followed by none where the request was wrong", async () => {
    const wrong = { kind: "request", message: "wrong", status: 400, retryable: false } as const;
    const all = withFallback(model("first", fails(wrong)), [candidate(model("second", says("hello")))], options);
    expect(await ask(all)).toEqual(["failed: wrong"]);
    expect(all.name).toBe("first");
  });

  test("is followed by none when its text was shown, unless that can be taken back", async () => {
    const half = () => model("first", [{ type: "text", text: "half" }]);
    const second = () => [candidate(model("second", says("whole")))];
    expect(await ask(withFallback(half(), second(), { afterText: false }))).toEqual([
      "half",
      "failed: 'first' stopped in the middle of its answer",
    ]);
    expect(await ask(withFallback(half(), second(), options))).toEqual([
      "half",
      "first -> second: 'first' stopped in the middle of its answer",
      "whole",
      "stop",
    ]);
  });

  test("is followed by none when the run was interrupted", async () => {
    const all = withFallback(model("first", fails(down)), [candidate(model("second", says("hello")))], options);
    expect(await ask(all, AbortSignal.abort("interrupt"))).toEqual(["failed: down"]);
  });

  test("is followed by all in their order, and the failure of the last one is told", async () => {
    const others = [
      candidate(model("second", fails(down))),
      candidate(model("third", fails({ ...down, message: "gone" }))),
    ];
    const all = withFallback(model("first", fails(down)), others, options);
    expect(await ask(all)).toEqual(["first -> second: down", "second -> third: down", "failed: gone"]);
  });

  test("is followed by the same one for all that share it, which is made once", async () => {
    let made = 0;
    const second = model("second", says("hello"));
    const make = async () => {
      made++;
      await Bun.sleep(1);
      return second;
    };
    const all = withFallback(model("first", fails(down)), [{ name: "second", make }], options);
    const told = await Promise.all([ask(all), ask(all)]);
    const one = ["first -> second: down", "hello", "stop"];
    expect(told).toEqual([one, one]);
    expect([made, second.asked()]).toEqual([1, 2]);
  });

  test("ends with all that were made, and with the stronger one", () => {
    const closed: string[] = [];
    const closing = (name: string): Model => ({ ...model(name), close: () => void closed.push(name) });
    const all = withFallback(closing("first"), [candidate(closing("second"))], {
      ...options,
      stronger: closing("third"),
    });
    all.close?.();
    expect(closed).toEqual(["first", "third"]);
  });
});
