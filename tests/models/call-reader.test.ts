import { expect, test } from "bun:test";
import { CallReader } from "../../src/models/call-reader.ts";

const call = '<tool_call>\n{"name": "read", "arguments": {"path": "a</tool_call>\\n<tool_call>"}}\n</tool_call>';
const read = { name: "read", arguments: '{"path":"a</tool_call>\\n<tool_call>"}' };

/** What is read of an answer that comes in pieces of a length. */
function readIn(pieces: number, answer: string, mixed = true) {
  const reader = new CallReader(mixed);
  let text = "";
  for (let at = 0; at < answer.length; at += pieces) text += reader.push(answer.slice(at, at + pieces));
  const end = reader.end();
  return { text: text + end.text, calls: end.calls };
}

test("text and calls are told apart wherever the pieces end", () => {
  for (const pieces of [1, 2, 3, 7, 1000]) {
    expect(readIn(pieces, `Let me <look>${call}\n${call}`)).toEqual({ text: "Let me <look>", calls: [read, read] });
    expect(readIn(pieces, "a < b, <tool")).toEqual({ text: "a < b, <tool", calls: [] });
  }
});

test("text is passed on as it comes, but for what may begin a call", () => {
  const reader = new CallReader(true);
  expect([reader.push("Hello <to"), reader.push("ast>"), reader.push("<tool_call>\n{")]).toEqual([
    "Hello ",
    "<toast>",
    "",
  ]);
});

test("where an answer is calls or JSON, what reads like a call in the JSON is none", () => {
  const json = `{"answer": "Write <tool_call>\\n{} and </tool_call>"}`;
  for (const pieces of [1, 2, 3, 7, 1000]) {
    expect(readIn(pieces, json, false)).toEqual({ text: json, calls: [] });
    expect(readIn(pieces, `${call}\n${call}`, false)).toEqual({ text: "", calls: [read, read] });
    expect(readIn(pieces, "<tool", false)).toEqual({ text: "<tool", calls: [] });
  }
});

test("a call that was cut is none", () => {
  expect(readIn(5, call.slice(0, -3))).toEqual({ text: "", calls: [] });
  expect(readIn(5, `${call}\n${call.slice(0, -30)}`).calls).toEqual([read]);
});
