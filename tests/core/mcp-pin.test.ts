import { expect, test } from "bun:test";
import type { JsonObject } from "../../src/core/json.ts";
import { pinnedPart, pinOf, pinOfParts, pinTexts } from "../../src/core/mcp-pin.ts";

const tool = (raw: JsonObject) => ({ raw });
const echo = { name: "echo", description: "Says it", inputSchema: { type: "object", properties: { b: {}, a: {} } } };

test("a pin is the same whichever order tools and keys come in", () => {
  const other = { inputSchema: { properties: { a: {}, b: {} }, type: "object" }, description: "Says it", name: "echo" };
  const list = { name: "list", description: "", inputSchema: { type: "object" } };
  expect(pinOf("l", [tool(echo), tool(list)]).hash).toBe(pinOf("l", [tool(list), tool(other)]).hash);
});

test.each<[string, JsonObject]>([
  ["its name", { name: "ecko" }],
  ["its title", { title: "Echo" }],
  ["its description", { description: "Says it " }],
  ["a part of its schema", { inputSchema: { type: "object", properties: { b: {}, a: { type: "string" } } } }],
  ["what it gives", { outputSchema: { type: "object" } }],
  ["what it says that it does", { annotations: { readOnlyHint: true } }],
])("a tool is another one by %s", (_, change) => {
  expect(pinOf("l", [tool({ ...echo, ...change })]).hash).not.toBe(pinOf("l", [tool(echo)]).hash);
});

test("what changes from call to call is not pinned", () => {
  expect(pinnedPart({ ...echo, _meta: { at: 1 }, icons: [] })).toEqual(pinnedPart(echo));
});

test("instructions that a model reads are part of it", () => {
  const hashes = [undefined, "", "Call order first"].map((said) => pinOf("l", [tool(echo)], said).hash);
  expect(new Set(hashes).size).toBe(3);
});

test("two tools of one name are two", () => {
  const twice = pinOf("l", [tool(echo), tool({ ...echo, description: "Hidden" })]);
  expect(twice.hash).not.toBe(pinOf("l", [tool(echo)]).hash);
  expect(pinTexts(twice.listed).get("echo")).toContain("Hidden");
});

test("keys that mean something to JavaScript are keys like any other", () => {
  const hostile: JsonObject = JSON.parse(
    '{"name":"__proto__","description":"x","inputSchema":{"type":"object","properties":{"__proto__":{"type":"string"}}}}',
  );
  const pin = pinOf("l", [tool(hostile)]);
  expect(JSON.stringify(pin.listed)).toContain('"__proto__":{"type":"string"}');
  expect(pinOfParts("l", JSON.parse(JSON.stringify(pin.listed))).hash).toBe(pin.hash);
  expect([...pinTexts(pin.listed).keys()]).toEqual(["__proto__"]);
});
