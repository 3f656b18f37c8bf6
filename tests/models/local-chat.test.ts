import { expect, test } from "bun:test";
import { localChat, toolStyle } from "../../src/models/local-chat.ts";

/** How templates of the families write the calls that their models were trained for. */
const families = {
  hermes: "{% if tools %}<tool_call>\n{{ tool_call | tojson }}\n</tool_call>{% endif %}",
  qwenCoder: "{% if tools %}<tool_call>\n<function=NAME>\n<parameter=NAME>{% endif %}",
  glm: "{% if tools %}<tool_call>NAME<arg_key>{% endif %}",
  llama3: '{% if tools is not none %}{{ \'{"name": "\' + name + \'", "parameters": \' }}{% endif %}',
  mistral: "{% if tools is not none %}[AVAILABLE_TOOLS][/AVAILABLE_TOOLS][TOOL_CALLS]{% endif %}",
  harmony: "{% if tools %}<|start|>assistant<|channel|>commentary to=functions.NAME<|message|>{% endif %}",
};

test("only a template that writes calls as our grammar does tells the model of tools; with another we do, in the instructions", () => {
  const styles = Object.entries(families).map(([family, template]) => [family, toolStyle(template, false)]);
  expect(Object.fromEntries(styles)).toEqual({
    hermes: "template",
    qwenCoder: "text",
    glm: "text",
    llama3: "text",
    mistral: "text",
    harmony: "text",
  });
  expect(toolStyle(families.llama3, true)).toBe("examples");
});

test("what is told in the instructions has no roles that a template might refuse", () => {
  const call = { id: "1", name: "read", arguments: '{"path":"a"}' };
  const { messages, tools } = localChat(
    {
      instructions: "Be brief",
      tools: [{ name: "read", description: "Reads", input: { type: "object" } }],
      messages: [
        { role: "user", text: "Read a" },
        { role: "assistant", text: "", calls: [call] },
        { role: "tool", results: [{ id: "1", name: "read", content: "x", error: false }] },
        { role: "user", text: "And?" },
      ],
    },
    "text",
  );
  expect(tools).toBeUndefined();
  expect(messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "user"]);
  expect(messages[2]?.["content"]).toBe('<tool_call>\n{"name": "read", "arguments": {"path":"a"}}\n</tool_call>');
  expect(messages[3]?.["content"]).toBe("<tool_response>\nx\n</tool_response>\n\nAnd?");
});

test("a small model that is to answer sees what was asked and found, and no call that it might go on with", () => {
  const chat = localChat(
    {
      instructions: "Be brief",
      tools: [{ name: "read", description: "", input: {}, examples: [{ request: "Read b", input: { path: "b" } }] }],
      messages: [
        { role: "user", text: "Read a" },
        { role: "assistant", text: "", calls: [{ id: "1", name: "read", arguments: '{"path":"a"}' }] },
        { role: "tool", results: [{ id: "1", name: "read", content: "x", error: false }] },
        { role: "assistant", text: "Then b", calls: [{ id: "2", name: "read", arguments: '{"path":"b"}' }] },
        { role: "tool", results: [{ id: "2", name: "read", content: "y", error: false }] },
      ],
    },
    "examples",
  );
  expect(chat.messages).toEqual([
    { role: "system", content: "Be brief" },
    { role: "user", content: "Read a\n\nx" },
    { role: "assistant", content: "Then b" },
    { role: "user", content: "y" },
  ]);
});
