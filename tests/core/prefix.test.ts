import { expect, test } from "bun:test";
import type { ToolSpec } from "../../src/core/model.ts";
import { differenceOf, prefixOf } from "../../src/core/prefix.ts";

const tool = (name: string, description = name): ToolSpec => ({ name, description, input: { type: "object" } });
const prefix = (instructions: string, ...tools: ToolSpec[]) => prefixOf({ instructions, tools });

test("equal instructions and tools have one hash", () => {
  const [one, other] = [prefix("a", tool("x"), tool("y")), prefix("a", tool("x"), tool("y"))];
  expect(one.hash).toBe(other.hash);
  expect(one.hash).toMatch(/^[0-9a-f]{16}$/);
  expect(differenceOf(one, other)).toBeUndefined();
});

test("a list of tools that was seen before is hashed anew with other instructions", () => {
  const tools = [tool("x")];
  expect(prefixOf({ instructions: "a", tools }).hash).not.toBe(prefixOf({ instructions: "b", tools }).hash);
});

test("the first part that differs is named", () => {
  const before = prefix("a", tool("x"), tool("y"));
  expect(differenceOf(before, prefix("b", tool("z")))).toBe("the instructions changed");
  expect(differenceOf(before, prefix("a", tool("x", "other"), tool("y")))).toBe("the tool 'x' changed");
  expect(differenceOf(before, prefix("a", tool("x"), tool("y"), tool("z")))).toBe("the tool 'z' is new");
  expect(differenceOf(before, prefix("a", tool("x")))).toBe("the tool 'y' is gone");
  expect(differenceOf(before, prefix("a", tool("y"), tool("x")))).toBe("the tools are in another order");
});
