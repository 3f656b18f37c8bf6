import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Model, ModelEvent, ModelRequest } from "../../src/core/model.ts";
import { fileResponses, responseFolder } from "../../src/host/response-cache.ts";
import { withResponseCache } from "../../src/models/response-cache.ts";

const root = mkdtempSync(join(tmpdir(), "rein-responses-"));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
const newFolder = () => join(root, String(folders++), "responses");

const request: ModelRequest = { instructions: "Be brief", messages: [{ role: "user", text: "Hi" }], tools: [] };
const usage = { input: 10, output: 5, cached: 0, reasoning: 0 };
const answer: ModelEvent[] = [
  { type: "reasoning", text: "Hm" },
  { type: "text", text: "Good " },
  { type: "text", text: "day" },
  { type: "tool_call", index: 0, id: "c", name: "x", arguments: '{"a"' },
  { type: "tool_call", index: 0, arguments: ":1}" },
  { type: "usage", usage, cost: 0.1 },
  { type: "stop", reason: "tool_calls", opaque: { signature: "s" } },
];

/** A model that says this, and how often it was asked. */
function model(...answers: ModelEvent[][]): Model & { asked(): number } {
  let asked = 0;
  return {
    name: "fake/one",
    async *stream() {
      yield* answers[asked++] ?? [];
    },
    asked: () => asked,
  };
}

async function ask(from: Model, what = request): Promise<ModelEvent[]> {
  const events: ModelEvent[] = [];
  for await (const event of from.stream(what, new AbortController().signal)) events.push(event);
  return events;
}

const spec = { model: "fake/one" };
const source = { baseUrl: "http://one.example" };

test("a request that was made before is answered as it was, for nothing", async () => {
  const cache = fileResponses(newFolder());
  const real = model(answer);
  expect(await ask(withResponseCache(real, spec, source, cache))).toEqual(answer);
  const again = await ask(withResponseCache(real, spec, source, cache));
  expect(again).toEqual([
    { type: "text", text: "Good day" },
    { type: "tool_call", index: 0, id: "c", name: "x", arguments: '{"a":1}' },
    { type: "usage", usage: { input: 0, output: 0, cached: 0, reasoning: 0 }, cost: 0, from_cache: true },
    { type: "stop", reason: "tool_calls", opaque: { signature: "s" } },
  ]);
  expect(real.asked()).toBe(1);
});

test("a request that differs in anything is made", async () => {
  const cache = fileResponses(newFolder());
  const real = model(...Array.from({ length: 8 }, () => answer));
  await ask(withResponseCache(real, spec, source, cache));
  const others: ModelRequest[] = [
    { ...request, instructions: "Be brief " },
    { ...request, messages: [{ role: "user", text: "Hi!" }] },
    { ...request, tools: [{ name: "x", description: "", input: {} }] },
    { ...request, output: { type: "object" } },
    { ...request, max_tokens: 10 },
  ];
  for (const other of others) await ask(withResponseCache(real, spec, source, cache), other);
  await ask(withResponseCache(real, { ...spec, temperature: 1 }, source, cache));
  await ask(withResponseCache(real, spec, { baseUrl: "http://other.example" }, cache));
  expect(real.asked()).toBe(8);
});

describe("nothing is kept of", () => {
  const cases: Array<[string, ModelEvent[]]> = [
    [
      "an answer that was cut at its length",
      [
        { type: "text", text: "a" },
        { type: "stop", reason: "length" },
      ],
    ],
    ["a refusal", [{ type: "stop", reason: "refusal" }]],
    ["a failure", [{ type: "failure", failure: { kind: "service", message: "no", retryable: false } }]],
    [
      "a limit",
      [
        { type: "text", text: "a" },
        { type: "limit", limit: "cost" },
      ],
    ],
    ["a stream that just ends", [{ type: "text", text: "a" }]],
  ];
  for (const [name, events] of cases) {
    test(name, async () => {
      const cache = fileResponses(newFolder());
      const real = model(events, events);
      await ask(withResponseCache(real, spec, source, cache));
      await ask(withResponseCache(real, spec, source, cache));
      expect(real.asked()).toBe(2);
    });
  }

  test("what came before a request was made anew", async () => {
    const failure = { kind: "network", message: "cut", retryable: true } as const;
    const retried: ModelEvent[] = [
      { type: "text", text: "half" },
      { type: "retry", attempt: 1, of: 3, waitMs: 0, failure },
      { type: "text", text: "whole" },
      { type: "stop", reason: "end" },
    ];
    const cache = fileResponses(newFolder());
    const real = model(retried);
    await ask(withResponseCache(real, spec, source, cache));
    expect((await ask(withResponseCache(real, spec, source, cache)))[0]).toEqual({ type: "text", text: "whole" });
  });
});

describe("files of answers", () => {
  test("are this user's alone", async () => {
    const folder = newFolder();
    await fileResponses(folder).write("a", "{}");
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "a.json")).mode & 0o777).toBe(0o600);
  });

  test("are bounded together, and the longest unused go first", async () => {
    const folder = newFolder();
    const cache = fileResponses(folder, 250);
    const text = "x".repeat(100);
    for (const [index, key] of ["a", "b"].entries()) {
      await cache.write(key, text);
      utimesSync(join(folder, `${key}.json`), 1000 + index, 1000 + index);
    }
    await cache.read("a");
    await cache.write("c", text);
    expect(readdirSync(folder).toSorted()).toEqual(["a.json", "c.json"]);
  });

  test("that were damaged are as if they were not there", async () => {
    const folder = newFolder();
    const cache = fileResponses(folder);
    const real = model(...Array.from({ length: 7 }, () => answer));
    await ask(withResponseCache(real, spec, source, cache));
    const [name = ""] = readdirSync(folder);
    const whole = readFileSync(join(folder, name), "utf8");
    const parts = [
      '{"reason":"end"}',
      '{"reason":"tool_calls","text":""}',
      '{"reason":"tool_calls","text":"","calls":[{}]}',
    ];
    for (const damaged of [whole.slice(0, 20), "[]", '{"reason":"other"}', ...parts]) {
      writeFileSync(join(folder, name), damaged);
      expect(await ask(withResponseCache(real, spec, source, cache))).toEqual(answer);
    }
    expect(real.asked()).toBe(7);
  });

  test("that cannot be written fail nothing", async () => {
    const blocked = join(root, "blocked");
    writeFileSync(blocked, "");
    const cache = fileResponses(join(blocked, "responses"));
    expect(await ask(withResponseCache(model(answer), spec, source, cache))).toEqual(answer);
  });

  test("lie where caches lie", () => {
    expect(responseFolder({ XDG_CACHE_HOME: "/c", HOME: "/h" })).toBe("/c/rein/responses");
    expect(responseFolder({ XDG_CACHE_HOME: "c", HOME: "/h" })).toBe("/h/.cache/rein/responses");
    expect(responseFolder({})).toBeUndefined();
  });
});
