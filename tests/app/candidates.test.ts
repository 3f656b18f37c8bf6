import { expect, test } from "bun:test";
import { decide, standing, type ReadyList } from "../../src/app/candidates.ts";
import { defaultKeywords, type Route } from "../../src/core/route.ts";
import type { Candidate } from "../../src/models/fallback.ts";

function candidate(name: string, window?: number): Candidate {
  return { name, ...(window === undefined ? {} : { window }), make: async () => ({ name, async *stream() {} }) };
}

function list(first: Candidate, ...others: Candidate[]): ReadyList {
  return { models: [], candidates: [first, ...others], missing: [] };
}

const task = (prompt: string) => ({ prompt, attachments: [], tools: 0 });
const route: Route = { simple: [], complex: [], threshold: 0.7, scorer: "keywords", keywords: { ...defaultKeywords } };

test("a model that could never hold the prompt is passed over, where another could", async () => {
  const sizes = list(candidate("small", 10), candidate("unknown"), candidate("tiny", 1));
  const { list: left, events } = await decide(sizes, task("x".repeat(161)));
  expect(left.candidates.map(({ name }) => name)).toEqual(["unknown"]);
  const reason = "'small' cannot hold a prompt as long as this";
  expect(events).toEqual([{ type: "fallback", from: "small", to: "unknown", reason }]);
  expect((await decide(sizes, task("x".repeat(16)))).list.candidates.length).toBe(3);
  const none = await decide(list(candidate("small", 10)), task("x".repeat(161)));
  expect([none.list.candidates[0].name, none.events]).toEqual(["small", []]);
});

test("a route tells what it decided before what was passed over", async () => {
  const missing = [{ model: "big", reason: "no key" }];
  const lists = { simple: list(candidate("a")), complex: { ...list(candidate("b")), missing } };
  const { routed, stronger, events } = await decide({ route, lists }, task("Design it"));
  expect([routed?.side, stronger]).toEqual(["complex", undefined]);
  expect(events.map((event) => [event.type, "model" in event ? event.model : "to" in event ? event.to : ""])).toEqual([
    ["route", "b"],
    ["fallback", "b"],
  ]);
});

test("a cascade is the simple model, with the complex one behind it", async () => {
  const lists = { simple: list(candidate("a"), candidate("b")), complex: list(candidate("c")) };
  const model = await standing(
    await decide({ route: { ...route, scorer: "cascade" }, lists }, task("Design it")),
    true,
  );
  expect([model.name, model.stronger?.name, model.stronger?.stronger]).toEqual(["a", "c", undefined]);
});
