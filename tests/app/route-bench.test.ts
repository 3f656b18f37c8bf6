import { expect, test } from "bun:test";
import { fit, routingSection, withSection, workload } from "../../bench/routing.ts";
import { weights } from "../../src/loop/route-features.ts";

test("the weights of features are those that fit the training part of the bench's prompts", async () => {
  const train = (await workload()).filter(({ part }) => part === "train");
  expect(await fit(train)).toEqual(weights);
});

test("docs/cost.md has the figures of the bench", async () => {
  const text = await Bun.file("docs/cost.md").text();
  expect(withSection(text, await routingSection())).toBe(text);
});

test("prompts that nothing was fitted to are told apart better by features than by keywords", async () => {
  const held = (await workload()).filter(({ part }) => part === "held-out");
  const wrong = (scorer: "keywords" | "features") =>
    held.filter(({ label, choices }) => choices[scorer].complex !== (label === "complex")).length;
  expect(held.length).toBeGreaterThan(100);
  expect(wrong("features")).toBeLessThan(wrong("keywords") / 2);
});
