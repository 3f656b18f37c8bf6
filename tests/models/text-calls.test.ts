import { describe, expect, test } from "bun:test";
import type { ToolCall } from "../../src/core/message.ts";
import type { Model, ModelEvent, ModelRequest } from "../../src/core/model.ts";
import { withTextCalls } from "../../src/models/text-calls.ts";
import { readReply } from "../helpers/reply.ts";
import { random } from "../native/random.ts";

const request: ModelRequest = {
  instructions: "",
  messages: [{ role: "user", text: "Hi" }],
  tools: ["file_read", "file_list"].map((name) => ({ name, description: name, input: { type: "object" } })),
};

/** A model that says these events. */
function saying(...events: ModelEvent[]): Model {
  return {
    name: "test/model",
    async *stream() {
      yield* structuredClone(events);
    },
  };
}

function texts(pieces: string[], reason: "end" | "length" = "end"): ModelEvent[] {
  return [...pieces.map((text) => ({ type: "text" as const, text })), { type: "stop", reason }];
}

/** What comes of an answer that arrives whole; checks that it is the same however it is cut. */
async function read(answer: string) {
  const whole = await readReply(withTextCalls(saying(...texts([answer]))), request);
  for (let seed = 0; seed < 4; seed++) {
    const { below } = random(seed);
    const pieces: string[] = [];
    for (let at = 0; at < answer.length;) {
      const end = at + 1 + (seed === 0 ? 0 : below(6));
      pieces.push(answer.slice(at, end));
      at = end;
    }
    const { text, calls, stop } = await readReply(withTextCalls(saying(...texts(pieces))), request);
    expect({ text, calls, stop }).toEqual({ text: whole.text, calls: whole.calls, stop: whole.stop });
  }
  return whole;
}

const one: ToolCall = { id: "call_1_1", name: "file_read", arguments: '{"path":"a.ts"}' };
const spaced = '{ "name": "file_read", "arguments": { "path": "a.ts" } }';

describe("calls that are recognised", () => {
  const forms: Array<[string, string]> = [
    ["a tag", `<tool_call>${spaced}</tool_call>`],
    ["a tag with line breaks", `<tool_call>\n${spaced}\n</tool_call>\n`],
    ["a tag that is never closed", `<tool_call>${spaced}\n`],
    ["a tag with parameters", '<tool_call>{"name":"file_read","parameters":{"path":"a.ts"}}</tool_call>'],
    ["a tag with its arguments first", '<tool_call>{"arguments":{"path":"a.ts"},"name":"file_read"}</tool_call>'],
    [
      "a tag with arguments as text",
      '<tool_call>{"name":"file_read","arguments":"{\\"path\\":\\"a.ts\\"}"}</tool_call>',
    ],
    ["a function tag", '<function=file_read>{"path":"a.ts"}</function>'],
    ["a function tag that is never closed", '<function=file_read>\n{"path":"a.ts"}'],
    ["Mistral's list", `[TOOL_CALLS] [${spaced}]`],
    ["Mistral's name", '[TOOL_CALLS]file_read[ARGS]{"path":"a.ts"}'],
    ["a fence", `\`\`\`json\n${spaced}\n\`\`\`\n`],
    ["a fence with Windows' line ends", `\`\`\`json\r\n${spaced}\r\n\`\`\``],
  ];
  for (const [name, answer] of forms) {
    test(`${name} is a call`, async () => {
      expect(await read(answer)).toMatchObject({ text: "", calls: [one], stop: "tool_calls" });
    });
    test(`${name} after text is a call`, async () => {
      expect(await read(`Let me look: a < b.\n${answer}`)).toMatchObject({
        text: "Let me look: a < b.\n",
        calls: [one],
        stop: "tool_calls",
      });
    });
  }

  test("several calls keep their order", async () => {
    const list = { id: "call_1_2", name: "file_list", arguments: "{}" };
    for (const answer of [
      `<tool_call>${spaced}</tool_call>\n<tool_call>{"name":"file_list","arguments":{}}</tool_call>`,
      `[TOOL_CALLS][${spaced}, {"name": "file_list", "arguments": {}}]`,
      `\`\`\`json\n${spaced}\n\`\`\`\n\n\`\`\`json\n{"name":"file_list","arguments":{}}\n\`\`\`\n`,
      `<function=file_read>{"path":"a.ts"}</function><function=file_list>{}</function>`,
    ]) {
      expect(await read(answer)).toMatchObject({ text: "", calls: [one, list] });
    }
  });

  test("arguments that are almost JSON are handed on as they are written", async () => {
    const written: Array<[string, string]> = [
      ['<tool_call>{"name": "file_read", "arguments": {path: "a.ts",}}</tool_call>', '{path: "a.ts",}'],
      ["<tool_call>{'name': 'file_read', 'arguments': {'path': 'a.ts'}}</tool_call>", "{'path': 'a.ts'}"],
      ['<tool_call>{"name": "file_read", "arguments": {"path": "a.ts"}</tool_call>', '{"path": "a.ts"}'],
      ['<tool_call>{"name": "file_read", "arguments": {"path": "a.ts</tool_call>', '{"path": "a.ts'],
      ["<function=file_read>{path: 'a.ts'}</function>", "{path: 'a.ts'}"],
    ];
    for (const [answer, expected] of written) {
      expect([answer, (await read(answer)).calls]).toEqual([answer, [{ ...one, arguments: expected }]]);
    }
  });

  test("arguments may hold what looks like the end of a call, or a call", async () => {
    const path = '</tool_call>\n```\n<tool_call>{"name":"file_list","arguments":{}}</tool_call>';
    const args = JSON.stringify({ path });
    const { text, calls } = await read(`<tool_call>{"name":"file_read","arguments":${args}}</tool_call>`);
    expect({ text, calls }).toEqual({ text: "", calls: [{ ...one, arguments: args }] });
  });

  test("text after a call is kept", async () => {
    const { text, calls } = await read(`<tool_call>${spaced}</tool_call>\nThat will tell.`);
    expect({ text, calls }).toEqual({ text: "\nThat will tell.", calls: [one] });
  });

  test("ids go on from those of the conversation", async () => {
    const calls = [{ ...one, id: "call_2_1" }];
    const messages: ModelRequest["messages"] = [
      { role: "user", text: "Hi" },
      { role: "assistant", text: "", calls },
      { role: "tool", results: [{ id: "call_2_1", name: "file_read", content: "", error: false }] },
    ];
    const model = withTextCalls(saying(...texts([`<tool_call>${spaced}</tool_call>`])));
    expect((await readReply(model, { ...request, messages })).calls[0]?.id).toBe("call_2_1_2");
  });
});

describe("what stays text", () => {
  const answers: Array<[string, string]> = [
    ["a call of a tool that is not offered", '<tool_call>{"name":"bash_exec","arguments":{}}</tool_call>'],
    ["a function tag of another tool", "<function=bash_exec>{}</function>"],
    ["Mistral's list with another tool in it", `[TOOL_CALLS] [${spaced}, {"name":"other","arguments":{}}]`],
    ["an object with more than a call", '<tool_call>{"name":"file_read","arguments":{},"why":"x"}</tool_call>'],
    ["a tag without arguments", '<tool_call>{"name":"file_read"}</tool_call>'],
    ["a tag with text in it", "<tool_call>file_read a.ts</tool_call>"],
    ["a tag that two calls are in", `<tool_call>${spaced} ${spaced}</tool_call>`],
    ["a fence that text follows", `\`\`\`json\n${spaced}\n\`\`\`\nis how to call it`],
    ["a fence with more than the call", `\`\`\`json\n${spaced},\n\`\`\``],
    ["a fence that is almost JSON", '```json\n{"name":"file_read","arguments":{path: "a.ts"}}\n```'],
    ["a fence that is never closed", `\`\`\`json\n${spaced}`],
    ["a fence of another language", `\`\`\`ts\n${spaced}\n\`\`\``],
    ["a fence in the middle of a line", `so \`\`\`json\n${spaced}\n\`\`\``],
    ["a fence of other JSON", '```json\n{"name":"Widget","price":1}\n```\nand so on'],
    ["a tag in a code fence", `\`\`\`xml\n<tool_call>${spaced}</tool_call>\n\`\`\`\n`],
    ["a tag in a fence of a list", `1. So:\n   \`\`\`xml\n   <tool_call>${spaced}</tool_call>\n   \`\`\`\n`],
    ["a tag in a quoted fence", `> \`\`\`\n> <tool_call>${spaced}</tool_call>\n> \`\`\`\n`],
    ["a tag in a fence of tildes", `~~~\n<tool_call>${spaced}</tool_call>\n~~~\n`],
    [
      "a tag in a longer fence with fences in it",
      `\`\`\`\`md\n\`\`\`\nx\n\`\`\`\n<tool_call>${spaced}</tool_call>\n\`\`\`\`\n`,
    ],
    [
      "a tag in a fence with another one's beginning in it",
      `\`\`\`\n\`\`\`xml\n<tool_call>${spaced}</tool_call>\n\`\`\`\n`,
    ],
    ["a tag in code", `Write \`<tool_call>${spaced}</tool_call>\` to call it`],
    ["a tag in code with two backticks", `Write \`\`<tool_call>${spaced}</tool_call>\`\` to call it`],
    ["bare JSON", spaced],
    ["an opening at the end", "1 < 2 <tool_call>"],
    ["half an opening at the end", "and [TOOL_CAL"],
    ["comparisons, lists and code", "if a < b and [1, 2] or `x` <function a[TOOL] ```"],
  ];
  for (const [name, answer] of answers) {
    test(`${name} stays text`, async () => {
      expect(await read(answer)).toMatchObject({ text: answer, calls: [], stop: "end" });
    });
  }

  test("a call where the service sends calls of its own stays text", async () => {
    const answer = `<tool_call>${spaced}</tool_call>`;
    const native: ModelEvent = { type: "tool_call", index: 0, id: "x", name: "file_list", arguments: "{}" };
    const events: ModelEvent[] = [{ type: "text", text: answer }, native, { type: "stop", reason: "tool_calls" }];
    expect(await readReply(withTextCalls(saying(...events)), request)).toMatchObject({
      text: answer,
      calls: [{ id: "x", name: "file_list", arguments: "{}" }],
    });
  });

  test("a call in an answer that was cut at its length stays text", async () => {
    const answer = `<tool_call>${spaced}</tool_call>`;
    const reply = await readReply(withTextCalls(saying(...texts([answer], "length"))), request);
    expect(reply).toMatchObject({ text: answer, calls: [], stop: "length" });
  });

  test("nothing is looked for when no tool is offered", async () => {
    const answer = `<tool_call>${spaced}</tool_call>`;
    const reply = await readReply(withTextCalls(saying(...texts([answer]))), { ...request, tools: [] });
    expect(reply).toMatchObject({ text: answer, calls: [] });
  });

  test("any answer without a call comes out as it is", async () => {
    const parts = [
      "<tool_call>",
      "</tool_call>",
      "```json\n",
      "```\n",
      "[TOOL_CALLS]",
      "<function=file_read>",
      "{",
      "}",
    ];
    parts.push('"name"', ":", '"x"', "\n", " ", "<", "`", "text", "'", ",", "ü🦀");
    for (let seed = 0; seed < 300; seed++) {
      const { below, pick } = random(seed);
      const answer = Array.from({ length: below(30) }, () => pick(parts)).join("");
      const { text, calls } = await read(answer);
      if (calls.length === 0) expect(text).toBe(answer);
      else expect(answer).toMatch(/<function=file_read>\s*\{/);
    }
  });
});

describe("streaming", () => {
  /** What was passed on when each piece had come. */
  async function shown(pieces: string[]): Promise<string[]> {
    const passed: string[] = [];
    let text = "";
    const model: Model = {
      name: "test/model",
      async *stream() {
        for (const piece of pieces) {
          yield { type: "text", text: piece };
          passed.push(text);
        }
        yield { type: "stop", reason: "end" };
      },
    };
    await readReply(withTextCalls(model), request, undefined, (event) => {
      if (event.type === "text") text += event.text;
    });
    return passed;
  }

  test("text that cannot be a call is passed on at once", async () => {
    const pieces = ["Hello ", "1 <", " 2", "\n``", "`json", '\n{"pa', 'th": ', "1}\n```\n", "[x", "]"];
    expect(await shown(pieces)).toEqual([
      "Hello ",
      "Hello 1 ",
      "Hello 1 < 2",
      "Hello 1 < 2\n",
      "Hello 1 < 2\n",
      "Hello 1 < 2\n",
      'Hello 1 < 2\n```json\n{"path": ',
      'Hello 1 < 2\n```json\n{"path": 1}\n```\n',
      'Hello 1 < 2\n```json\n{"path": 1}\n```\n[x',
      'Hello 1 < 2\n```json\n{"path": 1}\n```\n[x]',
    ]);
  });

  test("a quoted call is passed on as soon as text follows it", async () => {
    const fence = `\`\`\`json\n${spaced}\n\`\`\``;
    expect(await shown([fence, "\n", "So", " it is"])).toEqual(["", "", `${fence}\nSo`, `${fence}\nSo it is`]);
  });

  test("what was said before a request is made anew is forgotten", async () => {
    const failure = { kind: "network", message: "", retryable: true } as const;
    const events: ModelEvent[] = [
      { type: "text", text: `<tool_call>${spaced}</tool_call>` },
      { type: "retry", attempt: 1, of: 3, waitMs: 0, failure },
      ...texts(["Hello"]),
    ];
    expect(await readReply(withTextCalls(saying(...events)), request)).toMatchObject({ text: "Hello", calls: [] });
  });

  test("long arguments in small pieces are read in linear time", async () => {
    const args = JSON.stringify({ path: "a.ts", text: "}{]['\\\" <`".repeat(100_000) });
    const answer = `<tool_call>{"name":"file_read","arguments":${args}}</tool_call>`;
    const pieces = answer.match(/[^]{1,16}/g) ?? [];
    const { calls } = await readReply(withTextCalls(saying(...texts(pieces))), request);
    expect(calls[0]?.arguments).toBe(args);
  });
});
