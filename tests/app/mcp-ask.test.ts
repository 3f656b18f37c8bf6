import { describe, expect, test } from "bun:test";
import { askPerson } from "../../src/app/mcp-ask.ts";
import type { JsonSchema } from "../../src/core/json.ts";

/** Somebody who types these lines; after them Ctrl-D. */
function typing(...lines: string[]) {
  const seen: string[] = [];
  const ask = askPerson("one", {
    tell: async (text) => void seen.push(text),
    line: async (question) => {
      seen.push(question);
      return lines.shift();
    },
  });
  const answer = (schema: JsonSchema, signal = new AbortController().signal) => ask?.("Who are you?", schema, signal);
  return { seen, answer };
}

const form: JsonSchema = {
  type: "object",
  properties: {
    name: { type: "string", title: "Your name", minLength: 2 },
    age: { type: "integer", description: "In years" },
    member: { type: "boolean", default: false },
    colour: { type: "string", enum: ["red", "blue"] },
  },
  required: ["name", "colour"],
};

describe("what a server asks a person", () => {
  test("is asked field by field, each until it fits", async () => {
    const { seen, answer } = typing("y", "A", "Ada", "36", "", "green", "red");
    expect(await answer(form)).toEqual({ name: "Ada", age: 36, member: false, colour: "red" });
    expect(seen).toEqual([
      "The MCP server 'one' asks: Who are you?",
      "Answer it? [y/N]",
      "Your name:",
      expect.stringContaining("2"),
      "Your name:",
      "age (In years; may be empty):",
      "member (yes or no; default false):",
      "colour (one of red, blue):",
      expect.stringContaining("red"),
      "colour (one of red, blue):",
    ]);
  });

  test("is declined by anything but a yes, and nothing more is asked", async () => {
    for (const line of ["", "n", "maybe"]) {
      const { seen, answer } = typing(line);
      expect(await answer(form)).toBe("declined");
      expect(seen.length).toBe(2);
    }
  });

  test("is cancelled by Ctrl-D, and by a third line that does not fit", async () => {
    expect(await typing().answer(form)).toBe("cancelled");
    expect(await typing("yes", "Ada").answer(form)).toBe("cancelled");
    expect(await typing("yes", "", "A", "B").answer(form)).toBe("cancelled");
  });

  test("without a field is a question of yes or no", async () => {
    expect(await typing("y").answer({ type: "object", properties: {} })).toEqual({});
  });

  test("is not asked where nothing can be typed", () => {
    expect(askPerson("one", { tell: async () => undefined })).toBeUndefined();
  });
});
