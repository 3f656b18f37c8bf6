import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { run as execute } from "../distribution/executable.ts";

// Servers that do what no server should: a run says what is wrong, or goes on, and never waits for what does not come.

const rein = resolve("dist/rein");
const program = join(import.meta.dir, "fixtures/mcp-hostile.mjs");

let home = "";
beforeAll(() => void (home = realpathSync(mkdtempSync(join(tmpdir(), "rein-hostile-")))));
afterAll(() => rmSync(home, { recursive: true }));

type Call = { name: string; arguments: Record<string, unknown> };
type Entry = { timeout?: string; deadline?: string };

const plain: Call = { name: "do", arguments: { a: 1 } };

/** What a run with one such server came to: what its calls gave, what it warned of, and its end. */
async function outcome(how: string, calls: Call[], entry: Entry = {}) {
  const folder = join(home, how);
  mkdirSync(folder);
  const command = [process.execPath, program, how];
  const agent = {
    prompt: "Go",
    model: "scripted/script.yaml",
    mcp: { hostile: { command, deadline: "20s", timeout: "20s", ...entry } },
    permissions: { read: ["/"], run: [process.execPath] },
  };
  const steps = calls.map((call) => ({ calls: [call] }));
  writeFileSync(join(folder, "agent.yaml"), JSON.stringify(agent));
  writeFileSync(join(folder, "script.yaml"), JSON.stringify([...steps, { text: "Done" }]));
  const environment = { HOME: folder, PATH: process.env["PATH"] };
  const { code, stdout } = await execute([rein, "run", "-P", "agent.yaml", "--output", "jsonl"], folder, environment);
  const events = stdout
    .trim()
    .split("\n")
    .map((line): Record<string, unknown> => JSON.parse(line));
  const of = (type: string) => events.filter((event) => event["type"] === type);
  const texts = (type: string, key: string) => of(type).map((event) => String(event[key]));
  return {
    code,
    results: texts("call_end", "content"),
    warnings: texts("warning", "message"),
    states: of("mcp_server").map(({ state, tools }) => `${state} ${tools}`),
    end: JSON.stringify(of("run_end")),
  };
}

const done = 'done do {"a":1}';

describe.concurrent("a server", () => {
  test("that never answers is given up at its deadline", async () => {
    const { code, end } = await outcome("silent", [plain], { deadline: "500ms" });
    expect(code).toBe(6);
    expect(end).toContain("Cannot start the MCP server 'hostile': it was not ready within 0.5 s");
  });

  test("that never answers a call is asked for the next one", async () => {
    const { code, results } = await outcome("never-answers", [plain, plain], { timeout: "5s" });
    expect([code, results]).toEqual([0, ["The tool 'do' of the MCP server 'hostile' took longer than 5 s", done]]);
  });

  test("that answers late has the late answer forgotten", async () => {
    const { code, results } = await outcome("answers-late", [plain, plain, plain], { timeout: "5s" });
    expect([code, results.slice(1)]).toEqual([0, [done, done]]);
    expect(results[0]).toContain("took longer");
  });

  test("that prints what is no message is heard between that", async () => {
    expect(await outcome("prints-junk", [plain])).toMatchObject({ code: 0, results: [done] });
  });

  test("that floods stderr is ready, and keeps nothing else from being read", async () => {
    expect(await outcome("floods-stderr", [plain])).toMatchObject({ code: 0, results: [done] });
  });

  test("that dies at its start is told with what it said", async () => {
    const { code, end } = await outcome("dies-at-start", [plain]);
    expect(code).toBe(6);
    expect(end).toContain("Cannot start the MCP server 'hostile': it ended with exit code 3\\nno configuration");
  });

  test("that dies in a call fails it, and is there again for the next one", async () => {
    const { code, results, states } = await outcome("dies-in-call", [{ name: "do", arguments: { die: true } }, plain]);
    const gone =
      "The MCP server 'hostile' is gone, and the tool 'do' was not done, or only in part: it ended with exit code 9";
    expect([code, results]).toEqual([0, [gone, done]]);
    expect(states).toEqual(["ready 1", "restarting 1", "ready 1"]);
  });

  test("that gives 10 MB has them cut for the model", async () => {
    const { code, results } = await outcome("big-result", [plain]);
    expect(code).toBe(0);
    expect(results[0]?.length).toBeGreaterThan(10_000);
    expect(results[0]?.length).toBeLessThan(100_000);
  });

  test("that sends a message without an end is ended, and a second time stays down", async () => {
    const { code, results, states } = await outcome("huge-line", [plain, plain]);
    expect(code).toBe(0);
    expect(results.map((text) => text.includes("it sent a message that is too long"))).toEqual([true, true]);
    expect(states.at(-1)).toBe("down 1");
  });

  test("with 500 tools has all of them", async () => {
    const { code, states, results } = await outcome("many-tools", [{ name: "tool_499", arguments: {} }]);
    expect([code, states, results]).toEqual([0, ["ready 500"], ["done tool_499 {}"]]);
  });

  test("whose list of tools has no end is not ready", async () => {
    const { code, end } = await outcome("endless-list", [plain]);
    expect(code).toBe(6);
    expect(end).toContain("server pagination did not terminate");
  });

  test("whose tools change in a call is called by its new ones", async () => {
    const calls = [plain, plain, { name: "do", arguments: { more: "x" } }, { name: "other", arguments: {} }];
    const { code, results } = await outcome("changes-tools", calls);
    const misfit = "The arguments do not fit 'do': 'more' is required";
    expect([code, results]).toEqual([0, [done, misfit, 'done do {"more":"x"}', "done other {}"]]);
  });

  test("whose tools are called like parts of the language is called by them", async () => {
    const calls = ["constructor", "a b", "ä"].map((name) => ({ name, arguments: {} }));
    const { code, results } = await outcome("odd-names", calls);
    expect(code).toBe(0);
    expect(results[0]).toBe("done constructor {}");
  });

  test("whose schemas are none keeps only their own tools from being called", async () => {
    const names = ["pattern", "nowhere", "network", "circle", "type", "deep", "slow"];
    const calls = names.map((name) => ({ name, arguments: { a: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!" } }));
    const { code, results } = await outcome("invalid-schemas", [...calls, { name: "number", arguments: { a: 1 } }]);
    expect(code).toBe(0);
    expect(results.map((text) => /^The arguments do not fit '(\w+)'/.exec(text)?.[1] ?? text.slice(0, 9))).toEqual([
      "pattern",
      "nowhere",
      "network",
      "circle",
      "type",
      "done deep",
      "slow",
      "done numb",
    ]);
  });

  test("that offers what is no tool has its others, and the run says which is left out", async () => {
    const { code, results, warnings, states } = await outcome("no-tool", [plain]);
    expect(code).toBe(0);
    expect(results).toEqual([done]);
    expect(states).toEqual(["ready 1"]);
    expect(warnings).toEqual([
      "The tool 'odd' of the MCP server 'hostile' is left out: inputSchema.required: Invalid input: expected array, received string",
    ]);
  });

  test("that asks for what its entry does not allow is told no, at once", async () => {
    const { code, results } = await outcome("asks", [plain]);
    expect([code, results]).toEqual([0, ["-32601 -32601 -32601 -32601"]]);
  });

  test("that answers twice, and what nobody asked, is heard once", async () => {
    expect(await outcome("answers-twice", [plain, plain])).toMatchObject({ code: 0, results: ["first", "first"] });
  });

  test("that tells of more progress than anybody reads is answered all the same", async () => {
    expect(await outcome("floods-progress", [plain])).toMatchObject({ code: 0, results: [done] });
  });

  test("whose result is none fails the call", async () => {
    const { code, results } = await outcome("wrong-result", [plain]);
    expect(code).toBe(0);
    expect(results[0]).toStartWith("The tool 'do' of the MCP server 'hostile' failed: Invalid result for tools/call");
  });
});
