import { expect, test } from "bun:test";
import type { AgentDoor, AgentRun, AgentTask } from "../../src/core/agents.ts";
import type { Plan, SubAgent } from "../../src/core/plan.ts";
import { defaultContext, defaultLimits } from "../../src/core/plan.ts";
import type { RunResult } from "../../src/core/result-document.ts";
import { fail, ok } from "../../src/core/result.ts";
import { agentManage } from "../../src/tools/agent-manage.ts";
import { agentTool } from "../../src/tools/own-agent.ts";
import { spawnAgent } from "../../src/tools/spawn-agent.ts";
import { callTool } from "../helpers/call-tool.ts";
import { testClock } from "../helpers/clock.ts";
import { memoryHost } from "../helpers/memory-host.ts";

function agent(input: Plan["input"], rest: Partial<Plan> = {}): SubAgent {
  const lists = { tools: [], mcp: [], agents: {}, skills: [], checks: [], env: [] };
  const plan = { file: "a.yaml", folder: "/a", hash: "", name: "a", models: {}, input, instructions: [], ...lists };
  const rules = {
    permissions: {},
    deny: {},
    limits: defaultLimits,
    context: defaultContext,
    denied: "fail",
    secrets: {},
    oauth: {},
    lsp: {},
  } as const;
  return { plan: { ...plan, ...rules, ...rest }, inline: true, defaults: {} };
}

const reader = agent(
  { path: { type: "string", description: "The file" }, lines: { type: "integer", default: 3 } },
  { description: "Reads a file.", prompt: [{ text: "Read" }] },
);
const agents = { reader, helper: agent({}) };

function result(rest: Partial<RunResult>): RunResult {
  const none = { exit_code: 0, answer: null, error: null, model: null, usage: {}, cost: null, denied: [], run_id: "r" };
  return { outcome: "done", ...none, ...rest };
}

/** A door whose agents end with these results, or go on where there is none. */
function door(...ends: Array<RunResult | undefined>): AgentDoor & { tasks: AgentTask[]; stopped: string[] } {
  const runs: AgentRun[] = [];
  const tasks: AgentTask[] = [];
  const stopped: string[] = [];
  return {
    tasks,
    stopped,
    runs: () => runs,
    start: async (task) => {
      if (task.agent === "broken") return fail("invalid", "It cannot begin");
      tasks.push(task);
      const id = `a${runs.length + 1}`;
      let end = ends[runs.length];
      const { promise, resolve } = Promise.withResolvers<RunResult>();
      if (end !== undefined) resolve(end);
      const run: AgentRun = {
        id,
        agent: task.agent,
        progress: () => ({ turns: 2, calls: 1, tokens: 1234, last: "calls file_read" }),
        result: () => end,
        ended: promise,
        stop: () => {
          stopped.push(id);
          end = result({ outcome: "terminated" });
          resolve(end);
        },
        stopped: () => stopped.includes(id),
      };
      runs.push(run);
      return ok(run);
    },
  };
}

const host = memoryHost();
const spawn = spawnAgent({ agents });

test("the model is told of each agent what it is for and what it needs", () => {
  expect(spawn.description.split("\n").slice(1)).toEqual([
    "The agents are:",
    "- reader: Reads a file. [inputs: path (string): The file; lines (integer, may be left out)]",
    "- helper [no inputs; needs a prompt]",
  ]);
  expect(spawn.effects({ agent: "reader" })).toBe("none");
});

test("an agent's answer is the result, a text as it is and a value as JSON", async () => {
  const doors = door(result({ answer: "text" }), result({ answer: { n: 1 } }));
  const input = { agent: "reader", input: { path: "x" }, prompt: "please" };
  expect(await callTool(spawn, input, { host, agents: doors })).toEqual({ content: "text" });
  expect(await callTool(spawn, { agent: "helper" }, { host, agents: doors })).toEqual({ content: '{\n  "n": 1\n}' });
  expect(doors.tasks).toEqual([
    { agent: "reader", input: { path: "x" }, prompt: "please" },
    { agent: "helper", input: {}, prompt: "" },
  ]);
});

test("an agent that fails is a failure with the reason, and with the answer where it had one", async () => {
  const failed = result({ outcome: "limit", error: { message: "The limit of 3 turns was reached" } });
  const unfit = result({ outcome: "unfit", error: { message: "The check 'x' failed" }, answer: "half" });
  const doors = door(failed, unfit);
  const call = () => callTool(spawn, { agent: "helper", prompt: "x" }, { host, agents: doors });
  expect(await call()).toEqual({
    content: "Agent 'helper' (a1) failed: The limit of 3 turns was reached",
    error: true,
  });
  expect(await call()).toEqual({
    content: "Agent 'helper' (a2) failed: The check 'x' failed\nIts answer was:\nhalf",
    error: true,
  });
});

test("an answer stands where something was refused, and says what", async () => {
  const denial = { kind: "read", target: "/x", reason: "not granted" } as const;
  const denied = result({ outcome: "denied", answer: "so far", denied: [denial, denial] });
  expect(await callTool(spawn, { agent: "helper", prompt: "x" }, { host, agents: door(denied) })).toEqual({
    content: "so far\n[Agent 'helper' (a1) was refused: read '/x']",
  });
});

test("a long answer is shown by its start and end", async () => {
  const doors = door(result({ answer: `begin${"x".repeat(200_000)}end` }));
  const { content } = await callTool(spawn, { agent: "helper", prompt: "x" }, { host, agents: doors });
  expect(content.length).toBeLessThan(51_000);
  expect(content).toStartWith("begin");
  expect(content).toContain("150,008 characters left out");
  expect(content).toEndWith("end");
});

test("what works in the background is listed, looked at, waited for and stopped by its id", async () => {
  const doors = door(undefined, result({ answer: "done" }));
  const run = (input: Record<string, string | number>) =>
    callTool(agentManage, input, { host, agents: doors, clock: testClock() });
  expect(await run({ action: "list" })).toEqual({
    content: "No agent was started: spawn_agent starts one",
    error: false,
  });
  for (const name of ["reader", "helper"]) {
    const begun = await callTool(spawn, { agent: name, background: true }, { host, agents: doors });
    expect(begun.content).toStartWith(`[${name} works as a`);
  }
  const works = "a1 reader: works, 2 turns, 1 call, 1,234 tokens; it calls file_read";
  expect((await run({ action: "list" })).content).toBe(`${works}\na2 helper: done, 2 turns, 1 call, 1,234 tokens`);
  expect((await run({ action: "inspect", id: "a1" })).content).toBe(works);
  expect((await run({ action: "wait", id: "a1", timeout: 1 })).content).toBe(
    `${works}\n[It still works: wait again, or stop it]`,
  );
  expect(await run({ action: "wait", id: "a2" })).toEqual({ content: "done" });
  expect((await run({ action: "stop", id: "a1" })).content).toBe("a1 reader: stopped, 2 turns, 1 call, 1,234 tokens");
  expect(await run({ action: "wait", id: "a1" })).toEqual({ content: "Agent 'reader' (a1) was stopped", error: true });
  expect((await run({ action: "stop", id: "a2" })).content).toStartWith("a2 helper: done");
  expect(doors.stopped).toEqual(["a1"]);
});

test("an id that is missing or unknown is told which there are", async () => {
  const doors = door(undefined);
  await callTool(spawn, { agent: "reader", background: true }, { host, agents: doors });
  const content = async (input: Record<string, string>) =>
    (await callTool(agentManage, input, { host, agents: doors })).content;
  expect(await content({ action: "wait" })).toBe("Say in 'id' which agent; there are: a1 (reader)");
  expect(await content({ action: "stop", id: "a9" })).toBe("There is no agent 'a9'; there are: a1 (reader)");
});

test("an agent as a tool has the agent's own parameters where the file names none", async () => {
  const facts = {
    name: "ask",
    description: "Asks.",
    effects: "none",
    timeout: 1,
    origin: "a.yaml",
    permissions: {},
  } as const;
  const tool = agentTool({ ...facts, kind: "agent", agent: "reader" }, reader);
  expect(tool.input).toMatchObject({ required: ["path"], additionalProperties: false });
  const withPrompt = agentTool({ ...facts, kind: "agent", agent: "helper" }, agents.helper);
  expect(withPrompt.input).toMatchObject({ required: ["prompt"] });
  const doors = door(result({}), result({}), result({}));
  await callTool(tool, { path: "x" }, { host, agents: doors });
  await callTool(withPrompt, { prompt: "go" }, { host, agents: doors });
  expect(doors.tasks).toEqual([
    { agent: "reader", input: { path: "x", lines: 3 }, prompt: "" },
    { agent: "helper", input: {}, prompt: "go" },
  ]);
});

test("what a file says an agent gets is all that it gets, and arguments in it are data", async () => {
  const doors = door(result({}));
  const tool = agentTool(
    {
      name: "ask",
      description: "Asks.",
      effects: "none",
      timeout: 1,
      origin: "a.yaml",
      permissions: {},
      kind: "agent",
      agent: "reader",
      input: { type: "object", required: ["file"], properties: { file: { type: "string" } } },
      arguments: { kind: "map", entries: [["path", { kind: "text", template: [{ path: ["args", "file"] }] }]] },
      prompt: [{ text: "Of " }, { path: ["args", "file"] }],
    },
    reader,
  );
  await callTool(tool, { file: "${{ input.secret }}", lines: 9 }, { host, agents: doors });
  expect(doors.tasks).toEqual([
    { agent: "reader", input: { path: "${{ input.secret }}" }, prompt: "Of ${{ input.secret }}" },
  ]);
});

test("an agent that cannot begin is a failure that the model reads", async () => {
  const all = { ...agents, broken: agent({}) };
  const outcome = await callTool(spawnAgent({ agents: all }), { agent: "broken" }, { host, agents: door() });
  expect(outcome).toEqual({ content: "It cannot begin", error: true });
});
