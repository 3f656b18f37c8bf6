import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareRun } from "../../src/app/prepare.ts";
import { known } from "../../src/app/known.ts";
import { isDurable, type Stamped } from "../../src/core/event.ts";
import type { Interruption } from "../../src/core/exit.ts";
import type { Grants } from "../../src/core/permission.ts";
import type { InputValues } from "../../src/core/plan.ts";
import type { RunResult } from "../../src/core/result-document.ts";
import { noFiles } from "../../src/file/agent-files.ts";
import { checkAgent } from "../../src/file/check.ts";
import { checkScript } from "../../src/file/script.ts";
import { conversation } from "../../src/loop/history.ts";

// Whole runs of agents with sub-agents, by the real loop, gate and journal; the models are scripted.

let cwd = "";

beforeAll(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), "rein-agents-")));
  writeFileSync(join(cwd, "a.txt"), "hello\n");
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

type Options = {
  files?: Record<string, string>;
  deny?: Grants["deny"];
  input?: InputValues;
  environment?: Record<string, string>;
  /** Told of each event as it comes. */
  seen?(event: Stamped, end: (reason: Interruption) => void): void;
};

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Runs an agent whose answers, and those of its sub-agents, are in `script`. */
async function run(agent: string, script: string, options: Options = {}) {
  const { files = {}, deny = {}, input = {}, environment = {}, seen } = options;
  const checked = checkAgent({ file: "agent.yaml", folder: cwd, bytes: bytes(agent) }, known, {
    ...noFiles,
    read: (path) => {
      const text = files[path.slice(cwd.length + 1)];
      return text === undefined
        ? { ok: false, error: { message: `Cannot read '${path}'` } }
        : { ok: true, value: bytes(text) };
    },
  });
  if (!checked.ok) throw new Error(checked.diagnostics.map(({ message }) => message).join("\n"));
  const interrupts = new AbortController();
  const prepared = await prepareRun({
    plan: checked.value,
    grants: { all: true, allow: {}, deny },
    model: undefined,
    session: undefined,
    cwd,
    // Not journaled, which a warning says.
    environment: { PATH: process.env["PATH"], ...environment },
    ask: undefined,
    interrupts: interrupts.signal,
    files: {
      script: async (_, agents) => {
        const read = checkScript({ file: "script.yaml", folder: cwd, bytes: bytes(script) }, agents);
        return read.ok
          ? { ok: true, value: read.value }
          : {
              ok: false,
              error: { code: "invalid", message: read.diagnostics.map(({ message }) => message).join("\n") },
            };
      },
      text: () => ({ ok: false, error: { code: "failed", message: "no file" } }),
    },
    streamed: false,
    dryRun: false,
  });
  if (!prepared.ok) return { problem: prepared.error, events: [], calls: [] };
  const events: Stamped[] = [];
  try {
    const result = await prepared.value.start({ input, prompt: undefined, files: [] }, (event) => {
      events.push(event);
      seen?.(event, (reason) => interrupts.abort(reason));
    });
    if (!result.ok) throw new Error(result.error.message);
    const calls = events.flatMap((event) =>
      event.type === "call_end" && event.agent_id === undefined
        ? [`${event.error ? "error: " : ""}${event.content}`]
        : [],
    );
    return { result: result.value, events, calls };
  } finally {
    await prepared.value.close();
  }
}

/** The result of the one nested run with that id. */
function nested(events: readonly Stamped[], id: string): RunResult | undefined {
  return events.flatMap((event) => (event.type === "run_end" && event.agent_id === id ? [event.result] : []))[0];
}

function warnings(events: readonly Stamped[]): string[] {
  const all = events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
  return all.filter((message) => !message.startsWith("This run is not journaled"));
}

const head = "model: scripted/script.yaml\nprompt: Go\ntools: [spawn_agent, agent_manage]\n";
const spawn = (agent: string, rest = "") => `{ name: spawn_agent, arguments: { agent: ${agent}${rest} } }`;

/** Two agents side by side, one of which spawns another. */
async function family() {
  const agent = `${head}agents: { one: { prompt: First }, two: two.yaml }\n`;
  const two = "prompt: Second\ntools: [spawn_agent]\nagents: { inner: { prompt: Third } }\n";
  const script = `
answers:
  - { calls: [${spawn("one")}, ${spawn("two")}], usage: { input: 10, output: 1 } }
  - { text: "\${{ results.0 }} and \${{ results.1 }}", usage: { input: 10, output: 1 } }
agents:
  one: [{ text: 1, usage: { input: 100, output: 1 } }]
  two:
    - { calls: [${spawn("inner")}], usage: { input: 1000, output: 1 } }
    - { text: "2 with \${{ results.last }}", usage: { input: 1000, output: 1 } }
  two/inner: [{ text: "3", usage: { input: 5000, output: 1 } }]
`.replace("text: 1,", 'text: "1",');
  return run(agent, script, { files: { "two.yaml": two } });
}

test("agents work side by side, and an agent's agents nest in it", async () => {
  const { result, events } = await family();
  expect(result).toMatchObject({ outcome: "done", answer: "1 and 2 with 3" });
  const starts = events.flatMap((event) => (event.type === "run_start" ? [event] : []));
  expect(starts.map(({ agent_id: id, agent, call }) => [id, agent, call])).toEqual([
    [undefined, "agent", undefined],
    ["a1", "one", "call_1_1"],
    ["a2", "two", "call_1_2"],
    ["a2.a1", "inner", "call_1_1"],
  ]);
  expect(starts.map(({ run_id: id }) => id.replace(starts[0]?.run_id ?? "", ""))).toEqual(["", ".a1", ".a2", ".a2.a1"]);
});

test("an agent that cannot be asked so takes no id from those that can", async () => {
  const agent = `${head}agents: { one: { input: { n: { type: integer } }, prompt: "Take \${{ input.n }}" } }\n`;
  const script = `
answers:
  - { calls: [${spawn("one")}, ${spawn("one", ", input: { n: 1.5 }")}, ${spawn("one", ", input: { n: 1 }")}] }
  - { calls: [${spawn("two")}, ${spawn("one", ", input: { n: 2 }")}] }
  - { text: Done }
agents: { one: [{ text: One }] }
`;
  const { events } = await run(agent, script);
  const starts = events.flatMap((event) => (event.type === "run_start" ? [[event.agent_id, event.call]] : []));
  expect(starts.slice(1)).toEqual([
    ["a1", "call_1_3"],
    ["a2", "call_2_2"],
  ]);
});

test("the stream of a run with sub-agents, read again, tells the run: its conversation, its usage and its end", async () => {
  const { result, events } = await family();
  const again: Stamped[] = events.map((event) => JSON.parse(JSON.stringify(event)));
  const durable = again.filter((event) => isDurable(event));
  const told = conversation(durable).messages.map((message) =>
    message.role === "tool" ? message.results.map((one) => one.content) : message.text,
  );
  expect(told).toEqual(["Go", "", ["1", "2 with 3"], "1 and 2 with 3"]);
  const tokens = (id?: string) =>
    again.reduce((sum, event) => {
      const within = id === undefined || event.agent_id === id || event.agent_id?.startsWith(`${id}.`) === true;
      return event.type === "turn_end" && within ? sum + event.usage.input : sum;
    }, 0);
  const usage = (of: RunResult | undefined) => of?.usage["scripted/script.yaml"];
  expect(usage(result)).toMatchObject({ requests: 6, input: 7120, output: 6 });
  expect(tokens()).toBe(7120);
  expect(usage(nested(again, "a2"))).toMatchObject({ requests: 3, input: tokens("a2") });
  expect(usage(nested(again, "a2.a1"))).toMatchObject({ requests: 1, input: 5000 });
  expect(again.map(({ seq }) => seq)).toEqual(again.map((_, index) => index));
  expect(again.at(-1)).toMatchObject({ type: "run_end", result: { outcome: "done" } });
  expect(again.at(-1)?.agent_id).toBeUndefined();
});

test("each agent's events lie between its start and its end", async () => {
  const { events } = await family();
  for (const id of ["a1", "a2", "a2.a1"]) {
    const own = events.filter((event) => event.agent_id === id && isDurable(event));
    expect(own[0]?.type).toBe("run_start");
    expect(own.at(-1)?.type).toBe("run_end");
  }
});

test("a sub-agent's tokens and calls are those of the run: its limit ends the sub-agent, and then the run", async () => {
  const agent = `${head}limits: { tokens: 8000 }\nagents: { a: { prompt: x, tools: [file_list], permissions: { read: [.] }, limits: { tokens: 900000 } } }\npermissions: { read: [.] }\n`;
  const script = `
answers:
  - { calls: [${spawn("a")}], usage: { input: 10, output: 0 } }
  - { text: never }
agents:
  a:
    - { calls: [{ name: file_list, arguments: { path: . } }], usage: { input: 9000, output: 0 } }
    - { text: never }
`;
  const { result, calls, events } = await run(agent, script);
  expect(calls).toEqual(["error: Agent 'a' (a1) failed: The limit of 8000 tokens was reached"]);
  expect(result).toMatchObject({ outcome: "limit", error: { message: "The limit of 8000 tokens was reached" } });
  expect(nested(events, "a1")).toMatchObject({ outcome: "limit" });
});

test("runs side by side share the calls that are left", async () => {
  const agent = `${head}limits: { tool_calls: 3 }\nagents: { a: { prompt: x, tools: [file_list], permissions: { read: [.] } } }\npermissions: { read: [.] }\n`;
  const look = "{ name: file_list, arguments: { path: . } }";
  const script = `
answers:
  - { calls: [${spawn("a")}, ${spawn("a")}] }
  - { text: "done" }
agents:
  a: [{ calls: [${look}] }, { text: listed }]
`;
  const { result, calls } = await run(agent, script);
  expect(calls.toSorted()).toEqual([
    expect.stringMatching(/^error: Agent 'a' \(a[12]\) failed: The limit of 3 tool calls was reached/),
    "listed",
  ]);
  expect(result?.outcome).toBe("done");
});

test("a sub-agent that fails is an error of its call, whatever it failed of, and the run goes on", async () => {
  const agent = `${head}agents:
  service: { prompt: x }
  slow: { prompt: x, limits: { time: 20ms } }
  turns: { prompt: x, limits: { turns: 1 }, tools: [file_read], permissions: { read: [.] } }
  needs: { instructions: x, input: { n: { type: integer } } }
  missing: { prompt: x }
permissions: { read: [.] }
`;
  const script = `
answers:
  - calls:
      - ${spawn("service")}
      - ${spawn("slow")}
      - ${spawn("turns")}
      - ${spawn("needs", ", input: { n: 1.5, m: 2 }")}
      - ${spawn("needs", ", input: { n: 1 }")}
      - ${spawn("missing")}
      - ${spawn("nobody")}
  - { text: done }
agents:
  service: [{ failure: { kind: request, message: No such model } }]
  slow: [{ text: late, delay: 1h }]
  turns: [{ calls: [{ name: file_read, arguments: { path: a.txt } }] }, { text: never }]
`;
  const { result, calls } = await run(agent, script);
  expect(result).toMatchObject({ outcome: "done", answer: "done" });
  expect(calls.toSorted()).toEqual([
    "error: Agent 'needs' has no prompt of its own: say in 'prompt' what it shall do",
    "error: Agent 'service' (a1) failed: No such model",
    "error: Agent 'slow' (a2) failed: The time limit was reached",
    "error: Agent 'turns' (a3) failed: The limit of 1 turns was reached",
    expect.stringMatching(/^error: The arguments do not fit 'spawn_agent': .* is 'nobody'$/),
    "error: The input does not fit agent 'needs': 'n' must be an integer, is a number (1.5); unknown property 'm': known are 'n'",
    "error: The script has no answers for agent 'missing'",
  ]);
});

test("a sub-agent gets no more than whoever spawns it, and what it is refused is the run's", async () => {
  const agent = `${head}permissions: { read: [.] }
agents: { a: { prompt: x, tools: [file_read], permissions: { read: [., /etc] } } }
`;
  const script = `
answers: [{ calls: [${spawn("a")}] }, { text: done }]
agents:
  a:
    - { calls: [{ name: file_read, arguments: { path: a.txt } }, { name: file_read, arguments: { path: /etc/passwd } }] }
    - { text: "\${{ results.0 }}" }
`;
  const { result, calls, events } = await run(agent, script);
  expect(calls).toEqual(["hello\n\n[Agent 'a' (a1) was refused: read '/etc/passwd']"]);
  expect(result).toMatchObject({ outcome: "denied", exit_code: 3, answer: "done" });
  expect(result?.denied).toEqual([
    { kind: "read", target: "/etc/passwd", reason: "the agent file does not request it" },
  ]);
  const decisions = events.filter(({ type }) => type === "decision");
  expect(decisions.map(({ agent_id: id }) => id)).toEqual(["a1"]);
});

test("what a flag denies, it denies a sub-agent too", async () => {
  const agent = `${head}permissions: { read: [.] }
agents: { a: { prompt: x, tools: [file_read], permissions: { read: [.] } } }
denied: report
`;
  const script = `
answers: [{ calls: [${spawn("a")}] }, { text: done }]
agents: { a: [{ calls: [{ name: file_read, arguments: { path: a.txt } }] }, { text: "no" }] }
`;
  const { result } = await run(agent, script, { deny: { read: ["a.txt"] } });
  expect(result).toMatchObject({ outcome: "done", denied: [{ reason: "denied by --deny-read=a.txt" }] });
});

test("background agents that still work at the run's end are ended, which a warning says", async () => {
  const agent = `${head}agents: { a: { prompt: x } }\n`;
  const script = `
answers:
  - { calls: [${spawn("a", ", background: true")}] }
  - { text: done }
agents: { a: [{ text: late, delay: 1h }] }
`;
  const { result, calls, events } = await run(agent, script);
  expect(calls).toEqual(["[a works as a1: agent_manage waits for its answer, or stops it]"]);
  expect(result?.outcome).toBe("done");
  expect(warnings(events)).toEqual(["Agent 'a' (a1) was ended: it still worked when the one that spawned it was done"]);
  expect(nested(events, "a1")).toMatchObject({
    outcome: "terminated",
    error: { message: "Ended with the agent that spawned it" },
  });
  expect(events.at(-1)).toMatchObject({ type: "run_end", result: { outcome: "done" } });
});

test("an interruption ends all agents", async () => {
  const agent = `${head}agents: { a: { prompt: x }, b: b.yaml }\n`;
  const b = "prompt: x\ntools: [spawn_agent]\nagents: { c: { prompt: x } }\n";
  const script = `
answers: [{ calls: [${spawn("a", ", background: true")}, ${spawn("b")}] }, { text: never }]
agents:
  a: [{ text: late, delay: 1h }]
  b: [{ calls: [${spawn("c")}] }, { text: never }]
  b/c: [{ text: late, delay: 1h }]
`;
  const { result, events } = await run(agent, script, {
    files: { "b.yaml": b },
    seen: (event, end) => {
      if (event.type === "turn_start" && event.agent_id === "a2.a1") end("interrupt");
    },
  });
  expect(result?.outcome).toBe("interrupt");
  for (const id of ["a1", "a2", "a2.a1"]) expect(nested(events, id)?.outcome).toBe("interrupt");
});

test("an agent is stopped by its id while others work on", async () => {
  const agent = `${head}agents: { slow: { prompt: x }, quick: { prompt: x } }\n`;
  const manage = (rest: string) => `{ name: agent_manage, arguments: { ${rest} } }`;
  const script = `
answers:
  - { calls: [${spawn("slow", ", background: true")}, ${spawn("quick", ", background: true")}] }
  - { calls: [${manage("action: wait, id: a2")}] }
  - { calls: [${manage("action: stop, id: a1")}] }
  - { calls: [${manage("action: list")}] }
  - { text: done }
agents:
  slow: [{ text: late, delay: 1h }]
  quick: [{ text: quick, usage: { input: 1, output: 1 } }]
`;
  const { calls, events } = await run(agent, script);
  expect(calls.slice(2)).toEqual([
    "quick",
    "a1 slow: stopped, 1 turn, 0 calls, 0 tokens",
    "a1 slow: stopped, 1 turn, 0 calls, 0 tokens\na2 quick: done, 1 turn, 0 calls, 2 tokens",
  ]);
  expect(nested(events, "a1")?.error).toEqual({ message: "Stopped by the agent that spawned it" });
  expect(warnings(events)).toEqual([]);
});

test("a sub-agent's own model that cannot be had ends the run before the first request", async () => {
  const agent = `${head}agents: { a: { prompt: x, model: openai/gpt-x } }\n`;
  const { problem } = await run(agent, "[{ text: never }]");
  expect(problem?.outcome).toBe("credentials");
});

test("a program that only a sub-agent needs and that is not here ends the run before the first request", async () => {
  const agent = `${head}permissions: { run: [no-such-program] }
agents: { a: { prompt: x, checks: [{ run: [no-such-program] }], permissions: { run: [no-such-program] } } }
`;
  const { problem } = await run(agent, "[{ text: never }]");
  expect(problem).toMatchObject({ outcome: "usage", message: expect.stringContaining("'no-such-program'") });
});

test("inputs of the agent are defaults of a sub-agent's inputs, whole values as what they are", async () => {
  const agent = `${head}input: { n: { type: integer }, list: { type: array } }
agents:
  a:
    prompt: "\${{ input.count }} \${{ input.items }} \${{ input.text }}"
    input:
      count: { type: integer, default: "\${{ input.n }}" }
      items: { type: array, default: "\${{ input.list }}" }
      text: { type: string, default: "\${{ input.n }} of \${{ input.list }}" }
`;
  const script = `
answers: [{ calls: [${spawn("a")}, ${spawn("a", ", input: { count: 7 }")}] }, { text: done }]
agents: { a: [{ text: "\${{ prompt }}" }] }
`;
  const { calls } = await run(agent, script, { input: { n: 3, list: [1, 2] } });
  expect(calls.toSorted()).toEqual(["3 [1,2] 3 of [1,2]", "7 [1,2] 3 of [1,2]"]);
});

test("of agents that are spawned in one turn no more than eight are at work", async () => {
  const agent = `${head}agents: { kid: { description: Works., prompt: Go } }\n`;
  const script = `answers:\n  - calls:\n${`      - ${spawn("kid")}\n`.repeat(10)}  - text: Done\nagents:\n  kid: [{ text: Ready }]\n`;
  const { calls, events } = await run(agent, script);
  expect(events.filter(({ type, agent_id }) => type === "run_start" && agent_id !== undefined)).toHaveLength(8);
  expect(calls.filter((call) => call.startsWith("error: 8 agents are at work"))).toHaveLength(2);
});

test("a key that is for a tool of the spawning agent is in no environment of a sub-agent's commands", async () => {
  const requests = "permissions: { env: [BRAVE_API_KEY], run: [bash], net: [api.search.brave.com] }";
  const agent = `model: scripted/script.yaml
prompt: Go
tools: [spawn_agent, web_search]
${requests}
agents:
  kid: { description: Works., prompt: Go, tools: [bash_exec], permissions: { env: [BRAVE_API_KEY], run: [bash] } }
`;
  const show = `{ name: bash_exec, arguments: { command: 'echo "key: [\${BRAVE_API_KEY-none}]"' } }`;
  const script = `answers: [{ calls: [${spawn("kid")}] }, { text: Done }]\nagents:\n  kid:\n    - calls:\n        - ${show}\n    - text: Ready\n`;
  const { events } = await run(agent, script, { environment: { BRAVE_API_KEY: "brave-key-of-somebody" } });
  const shown = events.flatMap((event) =>
    event.type === "call_end" && event.agent_id === "a1" ? [event.content] : [],
  );
  expect(shown.join()).toContain("key: [none]");
});
