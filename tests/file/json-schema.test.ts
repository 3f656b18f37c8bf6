import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentJsonSchema } from "../../src/file/json-schema.ts";
import { Editor } from "./editor.ts";

let folder = "";
let editor: Editor;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rein-schema-"));
  await Bun.write(join(folder, "agent.schema.json"), JSON.stringify(agentJsonSchema(["file_read", "bash_exec"])));
  editor = new Editor(folder);
  await editor.start();
});

afterAll(async () => {
  await editor.close();
  await rm(folder, { recursive: true });
});

const modeline = "# yaml-language-server: $schema=./agent.schema.json\n";

test("an editor finds nothing wrong with an agent that uses every key", async () => {
  const agent = `name: review
description: Finds bugs in a diff.
model: openai-compatible/gpt-oss-120b
input:
  diff: { type: string, description: A unified diff, from: stdin }
  lines: { type: integer, default: 3, enum: [3, 5] }
instructions: You are a careful reviewer.
prompt: |
  Review this diff:
  \${{ input.diff }}
tools: [file_read, bash_exec, { files: ["read_*", { list: ls }] }]
mcp:
  from: .mcp.json
  files: { command: [npx, server], env: { A: b }, deadline: 20s, permissions: { read: [.] } }
  api: { url: "https://mcp.example.com", transport: sse, required: false }
permissions: { read: [.], run: [git, bash, jq], env: [LANG] }
deny: { read: [.env] }
limits: { turns: 30, time: 5m, tokens: 400000, tool_calls: 100 }
output:
  schema: { type: object, required: [findings], properties: { findings: { type: array } } }
checks:
  - run: [jq, -e, ".findings | length < 100"]
denied: report
env: [LANG]
`;
  expect(await editor.open("right.yaml", modeline + agent)).toEqual([]);
});

test("an editor marks an unknown key, an unknown tool and a wrong value", async () => {
  const found = await editor.open(
    "wrong.yaml",
    `${modeline}promt: hi\nprompt: hi\ntools: [file_raed]\nlimits: { time: 5 }\n`,
  );
  const at = (line: number, character: number) =>
    expect.objectContaining({ range: expect.objectContaining({ start: { line, character } }) });
  expect(found).toHaveLength(3);
  expect(found).toEqual(expect.arrayContaining([at(1, 0), at(3, 8), at(4, 16)]));
});

test.each([
  ["{ a: { comand: x } }", true],
  ["[{ name: a, comand: x }]", true],
  ["[{ name: a, command: x }]", false],
])("an editor marks an unknown key of a server: %s", async (mcp, wrong) => {
  const found = await editor.open(`mcp-${mcp.length}.yaml`, `${modeline}prompt: hi\nmcp: ${mcp}\n`);
  expect(JSON.stringify(found) !== "[]").toBe(wrong);
});

test("an editor shows what a key is for, without the words that messages use", async () => {
  await editor.open("hover.yaml", `${modeline}prompt: hi\nlimits: { turns: 3 }\n`);
  const hover = JSON.stringify(await editor.ask("hover", "hover.yaml", 2, 12));
  expect(hover).toContain("Answers of the model.");
  expect(hover).not.toContain("a number of turns");
});

test("an editor offers the keys, also of inner maps, and the tools", async () => {
  await editor.open("completion.yaml", `${modeline}prompt: hi\nlimits:\n  \ntools:\n  - \n\n`);
  expect(JSON.stringify(await editor.ask("completion", "completion.yaml", 6, 0))).toContain('"label":"permissions"');
  expect(JSON.stringify(await editor.ask("completion", "completion.yaml", 3, 2))).toContain('"label":"tool_calls"');
  expect(JSON.stringify(await editor.ask("completion", "completion.yaml", 5, 4))).toContain('"label":"bash_exec"');
});
