import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openScreen } from "../helpers/terminal.ts";

const server = readFileSync(join(import.meta.dir, "../specs/mcp/server.py"), "utf8");

function agent(tool: string, mark: string): string {
  return `model: scripted/script.yaml
prompt: Go
mcp:
  notes: { command: [python3, server.py, ${tool}, "-${mark}"], allow: [elicitation] }
`;
}

test("a person is asked whether a server may start, and what it wants to know", async () => {
  const schema = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
  const params = { message: "Who are you?", requestedSchema: schema };
  const calls = [{ name: "ask", arguments: { method: "elicitation/create", params } }];
  await using screen = openScreen("rein run agent.yaml", {
    "agent.yaml": agent("ask", "person"),
    "script.yaml": JSON.stringify([{ calls }, { text: "It said ${{ results.last }}" }]),
    "server.py": server,
  });
  await screen.until("or [N]o? ");
  screen.type("o\n");
  await screen.until("The MCP server 'notes' asks: Who are you?");
  await screen.until("Answer it? [y/N] ");
  screen.type("y\n");
  await screen.until("name: ");
  screen.type("Ada\n");
  const { code, text } = await screen.end();
  expect(text).toContain('It said {"action": "accept", "content": {"name": "Ada"}}');
  expect(code).toBe(0);
});

test("Ctrl-C ends a call of a server at once, and the server with it", async () => {
  const mark = `interrupted-${process.pid}`;
  await using screen = openScreen("rein run agent.yaml -P", {
    "agent.yaml": agent("wait", mark),
    "script.yaml": JSON.stringify([{ calls: [{ name: "wait", arguments: {} }] }, { text: "never" }]),
    "server.py": server.replace(
      'if name == "huge":',
      'if name == "wait":\n        time.sleep(600)\n    if name == "huge":',
    ),
  });
  await screen.until("turn 1 · wait");
  screen.type("\u0003");
  const { code } = await screen.end();
  expect(code).toBe(130);
  expect(commandLines().filter((line) => line.includes(mark))).toEqual([]);
});

function commandLines(): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      return [readFileSync(`/proc/${pid}/cmdline`, "utf8")];
    } catch {
      return [];
    }
  });
}
