import { describe, expect, test } from "bun:test";
import type { Json, JsonObject } from "../../src/core/json.ts";
import { flag, number, text } from "../../src/tools/arguments.ts";
import { builtIn, schemaOf, type FromSchema } from "../../src/tools/built-in.ts";
import { callTool } from "../helpers/call-tool.ts";
import { memoryHost } from "../helpers/memory-host.ts";

const schema = schemaOf({
  type: "object",
  properties: {
    path: { type: "string" },
    sort: { enum: ["name", "size"] },
    limit: { type: "integer", minimum: 1 },
    all: { type: "boolean" },
    rows: { type: "array", items: { type: "array", items: { type: "number" } } },
    headers: { type: "object", additionalProperties: { type: "string" } },
    more: { type: "object" },
    cell: { type: ["string", "null"] },
  },
  required: ["path"],
  additionalProperties: false,
});

type Input = FromSchema<typeof schema>;

type Expected = {
  path: string;
  sort?: "name" | "size";
  limit?: number;
  all?: boolean;
  rows?: number[][];
  headers?: { [name: string]: string };
  more?: JsonObject;
  cell?: Json;
};

/** True where each fits the other. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

function toolWith(run: (input: Input) => string) {
  return builtIn({
    name: "x",
    description: "",
    input: schema,
    needs: [],
    effects: (input) => (input.sort === undefined ? "none" : "read"),
    run: async (input) => ({ content: run(input) }),
  });
}

// The compiler checks these: `bun check` fails where a line below `@ts-expect-error` is right after all.
describe("the arguments of a built-in", () => {
  test("have the type that its schema says", () => {
    const same: Same<Input, Expected> = true;
    expect(same).toBe(true);
  });

  test("are read only by names and types that the schema has", () => {
    const input: Input = { path: "a", limit: 2 };
    expect([text(input, "path"), number(input, "limit", 1), flag(input, "all")]).toEqual(["a", 2, false]);
    // @ts-expect-error: no such name
    expect(text(input, "paht")).toBe("");
    // @ts-expect-error: a number
    text(input, "limit");
    // @ts-expect-error: a string
    number(input, "path", 1);
    // @ts-expect-error: a string
    flag(input, "path");
  });

  test("come to the code as they are", async () => {
    const tool = toolWith((input) => JSON.stringify(input));
    const input = { path: "a", rows: [[1, 2], []], headers: { a: "b" }, cell: null };
    expect(tool.effects(input)).toBe("none");
    expect((await callTool(tool, input, { host: memoryHost() })).content).toBe(JSON.stringify(input));
    expect(tool.effects({ path: "a", sort: "size" })).toBe("read");
  });

  test("that do not fit never come to the code, whoever calls", async () => {
    let ran = false;
    const tool = toolWith(() => {
      ran = true;
      return "";
    });
    const wrong: JsonObject[] = [
      {},
      { path: 1 },
      { path: "a", limit: 0 },
      { path: "a", sort: "age" },
      { path: "a", b: 1 },
    ];
    for (const input of wrong) {
      expect(() => tool.effects(input)).toThrow("The arguments of 'x' do not fit: ");
      await expect(callTool({ ...tool, input: {} }, input, { host: memoryHost() })).rejects.toThrow("do not fit");
    }
    expect(ran).toBe(false);
  });
});
