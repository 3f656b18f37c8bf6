import { expect, test } from "bun:test";
import { checkAgent } from "../../src/file/check.ts";
import type { AgentFiles } from "../../src/file/agent-files.ts";
import { known as base } from "./known.ts";

const known = {
  ...base,
  tools: [...base.tools, ...["spawn_agent", "agent_manage", "skill_read"].map((name) => ({ name, needs: [] }))],
};

/** Files by absolute paths; folders are what they lie in. */
function files(texts: Record<string, string>): AgentFiles {
  return {
    read: (path) => {
      const text = texts[path];
      return text === undefined
        ? { ok: false, error: { message: `Cannot read '${path}': no such file` } }
        : { ok: true, value: new TextEncoder().encode(text) };
    },
    folder: (path) => (Object.keys(texts).some((file) => file.startsWith(`${path}/`)) ? path : undefined),
    tools: () => () => ({ ok: false, error: { code: "unsupported", message: "it is not read here" } }),
  };
}

function check(text: string, others: Record<string, string> = {}) {
  const source = { file: "agents/a.yaml", folder: "/w/agents", bytes: new TextEncoder().encode(text) };
  return checkAgent(source, known, files(others));
}

function told(text: string, others: Record<string, string> = {}): string[] {
  const checked = check(text, others);
  const all = checked.ok ? checked.warnings : checked.diagnostics;
  return all.map(({ file, line, column, message, hint }) => {
    return `${file}:${line}:${column} ${message}${hint === undefined ? "" : ` (${hint.replace(/^expected .*/, "expected …")})`}`;
  });
}

function plan(text: string, others: Record<string, string> = {}) {
  const checked = check(text, others);
  if (!checked.ok) throw new Error(checked.diagnostics.map(({ message }) => message).join("\n"));
  return checked.value;
}

const spawns = "prompt: Go\ntools: [spawn_agent]\n";

test("an agent within the file is a plan of its own that has the file's models and nothing else of it", () => {
  const { agents, permissions } = plan(`${spawns}models: { fast: { model: ollama/x } }
env: [LANG]
permissions: { read: [.], env: [LANG] }
limits: { turns: 3 }
agents:
  reader:
    description: Reads.
    model: fast
    prompt: Read
    tools: [file_read]
    permissions: { read: [src] }
`);
  const { plan: reader, inline } = agents["reader"] ?? {};
  expect(inline).toBe(true);
  expect(reader).toMatchObject({
    name: "reader",
    model: ["fast"],
    models: { fast: { model: "ollama/x" } },
    tools: [{ kind: "builtin", name: "file_read" }],
    permissions: { read: ["src"] },
    limits: { turns: 50 },
    env: [],
    agents: {},
  });
  expect(permissions).toEqual({ read: ["."], env: ["LANG"] });
});

test("all that is wrong within an agent is told at its place", () => {
  expect(
    told(`${spawns}permissions: { read: [.] }
agents:
  a: { tools: [file_read], permissions: { read: [.] } }
  b: { promt: x }
  c: { prompt: "\${{ input.x }}", model: nope/x, tools: [file_raed] }
  d: { prompt: x, limits: { turns: 0 }, agents: {} }
  e: [x]
  F: { prompt: x }
  g: { prompt: x, description: "\${{ input.x }}", checks: [{ run: [a/b] }] }
`),
  ).toEqual(
    [
      "agents/a.yaml:5:6 An agent needs 'instructions' or a 'prompt', this one has neither",
      "agents/a.yaml:6:8 Unknown key 'promt' (did you mean 'prompt'?)",
      "agents/a.yaml:7:17 Unknown input 'x' (declare it under 'input')",
      "agents/a.yaml:7:41 Unknown provider 'nope' (expected …)",
      "agents/a.yaml:7:57 Unknown tool 'file_raed' (did you mean 'file_read'?)",
      "agents/a.yaml:8:36 Expected 1 or more, found 0",
      "agents/a.yaml:8:41 Unknown key 'agents' (it belongs to the top level: check the indentation)",
      "agents/a.yaml:9:6 Expected a map of an agent's keys, or the path of an agent file, found a list",
      "agents/a.yaml:10:3 An agent's name is lower case letters, digits, '_' and '-', and starts with a letter (write 'f')",
      "agents/a.yaml:11:33 '${{ … }}' works in 'instructions' and 'prompt' only",
      "agents/a.yaml:11:67 Program 'a/b' is a relative path (write a name that is looked up on PATH, or an absolute path)",
      "agents/a.yaml:11:3 The check 'a/b' of agent 'g' can do nothing: permissions has no 'a/b' in 'run' (write permissions: { run: [a/b] })",
    ].toSorted((a, b) => place(a) - place(b)),
  );
});

function place(line: string): number {
  const [, row, column] = /:(\d+):(\d+) /.exec(line) ?? [];
  return Number(row) * 1000 + Number(column);
}

test("a default of an agent's input may be made of the file's own inputs, and keeps what it is", () => {
  const text = `${spawns}input: { n: { type: integer, default: 3 } }
agents:
  a:
    prompt: "\${{ input.count }}"
    input: { count: { type: integer, default: "\${{ input.n }}" } }
`;
  const agent = plan(text).agents["a"];
  expect(agent?.defaults).toEqual({ count: { kind: "text", template: [{ path: ["input", "n"] }] } });
  expect(agent?.plan.input).toEqual({ count: { type: "integer" } });
  expect(told(text.replace("input.n }}", "input.m }}"))).toEqual([
    "agents/a.yaml:7:48 Unknown input 'm' (did you mean 'input.n'?)",
  ]);
});

test("an agent of another file is told of with that file's places, once for all that are made from it", () => {
  expect(
    told(`${spawns}agents: { one: ../b.yaml, two: ./../b.yaml }\n`, { "/w/b.yaml": "prompt: x\ntools: [bash_exek]\n" }),
  ).toEqual(["b.yaml:2:9 Unknown tool 'bash_exek' (did you mean 'bash_exec'?)"]);
});

test("a file that is not there is told of where it is named", () => {
  expect(told(`${spawns}agents: { one: b.yaml }\n`)).toEqual([
    "agents/a.yaml:3:16 Cannot read 'agents/b.yaml': no such file",
  ]);
});

test("agent files that lead to each other are refused where the circle closes", () => {
  const b = `${spawns}agents: { c: c.yaml }\n`;
  expect(
    told(`${spawns}agents: { b: b.yaml }\n`, {
      "/w/agents/b.yaml": b,
      "/w/agents/c.yaml": `${spawns}agents: { a: a.yaml }\n`,
    }),
  ).toEqual(["agents/c.yaml:3:14 Agent file 'agents/a.yaml' leads to itself (an agent cannot spawn itself)"]);
});

test("agents spawn each other no deeper than five files", () => {
  const chain = Object.fromEntries(
    Array.from({ length: 9 }, (_, index) => [
      `/w/agents/f${index}.yaml`,
      `${spawns}agents: { next: f${index + 1}.yaml }\n`,
    ]),
  );
  expect(told(`${spawns}agents: { next: f0.yaml }\n`, chain)).toEqual([
    "agents/f3.yaml:3:17 Agents spawn each other more than 5 deep",
  ]);
});

test("what an agent needs and the one that spawns it does not request is an error at its name", () => {
  expect(
    told(`${spawns}permissions: { read: [.] }
agents:
  shell: { prompt: x, tools: [bash_exec], permissions: { run: [bash] } }
`),
  ).toEqual([
    "agents/a.yaml:5:3 Tool 'bash_exec' of agent 'shell' can do nothing: permissions has no 'bash' in 'run' (write permissions: { run: [bash] })",
  ]);
});

test("agents that no tool spawns, and tools without agents, are errors", () => {
  expect(told("prompt: x\nagents: { a: { prompt: x } }\n")).toEqual([
    "agents/a.yaml:2:1 No tool spawns these agents (add spawn_agent to 'tools')",
  ]);
  expect(told("prompt: x\ntools: [spawn_agent, skill_read]\n")).toEqual([
    "agents/a.yaml:2:9 Tool 'spawn_agent' can do nothing: there are no 'agents'",
    "agents/a.yaml:2:22 Tool 'skill_read' can do nothing: there are no 'skills'",
  ]);
});

test("a tool can be an agent, and says what it is given", () => {
  const text = `prompt: x
agents: { a: { prompt: "\${{ input.n }}", input: { n: { type: integer } } } }
tools:
  - name: double
    description: Doubles.
    input: { type: object, required: [m], properties: { m: { type: integer } } }
    agent: a
    arguments: { n: "\${{ args.m }}" }
`;
  expect(plan(text).tools).toMatchObject([
    {
      kind: "agent",
      name: "double",
      agent: "a",
      effects: "none",
      arguments: { kind: "map", entries: [["n", { kind: "text", template: [{ path: ["args", "m"] }] }]] },
    },
  ]);
  expect(told(text.replace("agent: a", "agent: aa").replace("args.m", "args.k"))).toEqual([
    "agents/a.yaml:7:12 Unknown agent 'aa' (did you mean 'a'?)",
    "agents/a.yaml:8:22 Unknown argument 'k' (did you mean 'args.m'?)",
  ]);
  expect(told(text.replace("agent: a", "agent: a\n    run: [x]\n    timeout: 1s"))).toEqual([
    "agents/a.yaml:7:5 A tool has one of 'run', 'http', 'agent' and 'mcp' (remove one of them)",
    "agents/a.yaml:9:5 A tool that is an agent has no 'timeout' (the agent has its own 'limits')",
  ]);
});

test("an agent of another file sends a secret nowhere that this file does not send it", () => {
  const secret = (host: string) => `secrets: { t: { env: TOKEN, hosts: [${host}] } }\n`;
  const model = (url: string) => `models: { m: { model: openai/x, base_url: "${url}", key: TOKEN } }\n`;
  const asks = "permissions: { env: [TOKEN], net: [a.example, b.example] }\n";
  const spawning = `${spawns}${asks}agents: { kid: kid.yaml }\n`;
  const beyond = (own: string, kid: string) =>
    told(`${own}${spawning}`, { "/w/agents/kid.yaml": `prompt: Go\n${asks}${kid}` }).filter((line) =>
      line.includes("TOKEN"),
    );
  const wrong = (place: string, here: string) => [
    `agents/a.yaml:5:11 Agent 'kid' would send the variable 'TOKEN' to '${place}' (here it goes to '${here}' only)`,
  ];
  expect(beyond(secret("a.example"), secret("b.example"))).toEqual(wrong("b.example", "a.example"));
  expect(beyond(secret("a.example"), secret("a.example"))).toEqual([]);
  expect(beyond(secret("a.example"), model("https://b.example"))).toEqual(wrong("https://b.example", "a.example"));
  expect(beyond(model("https://a.example"), secret("b.example"))).toEqual(wrong("b.example", "https://a.example"));
  expect(beyond(model("https://a.example"), model("https://a.example"))).toEqual([]);
  expect(beyond(secret("a.example"), "env: [TOKEN]\n")).toEqual(wrong("a model, in a text", "a.example"));
});

test("an agent of an agent's file sends a secret nowhere else either", () => {
  const asks = "permissions: { env: [TOKEN] }\n";
  const lines = told(
    `secrets: { t: { env: TOKEN, hosts: [a.example] } }\n${spawns}${asks}agents: { kid: kid.yaml }\n`,
    {
      "/w/agents/kid.yaml": `${spawns}${asks}agents: { grandchild: far.yaml }\n`,
      "/w/agents/far.yaml": `prompt: Go\n${asks}secrets: { u: { env: TOKEN, hosts: [b.example] } }\n`,
    },
  );
  expect(lines.join("\n")).toContain("Agent 'kid' would send the variable 'TOKEN' to 'b.example'");
});

test("a plan has the hash of each further file that it is made of, also of those that its agents name", () => {
  const others = { "/w/agents/b.yaml": `${spawns}agents: { c: ../c.yaml }\n`, "/w/c.yaml": "prompt: C\n" };
  const text = `${spawns}agents: { b: b.yaml }\n`;
  const sha256 = (of: string) => new Bun.CryptoHasher("sha256").update(of).digest("hex");
  expect(plan(text, others).files).toEqual({
    "b.yaml": sha256(others["/w/agents/b.yaml"]),
    "../c.yaml": sha256(others["/w/c.yaml"]),
  });
  expect(plan("prompt: Go\n").files).toBeUndefined();
});
