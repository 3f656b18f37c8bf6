import { expect, test } from "bun:test";
import type { PlanView } from "../../src/core/plan-view.ts";
import { planJson, planText } from "../../src/render/plan.ts";

const limits = { turns: 30, tool_calls: 100, time: 300_000 };
const view: PlanView = {
  plan: {
    file: "review.yaml",
    folder: "/home/me",
    hash: "abc",
    name: "review",
    description: "Finds bugs",
    input: {},
    instructions: [],
    tools: [{ kind: "builtin", name: "file_read" }],
    permissions: { read: ["."] },
    agents: {},
    skills: [],
    secrets: {},
    oauth: {},
    lsp: {},
    mcp: [],
    deny: {},
    limits,
    context: { keep_turns: 10, compact: "trim" },
    output: { schema: { type: "object" } },
    checks: [{ run: ["jq", "-e", ".x\u001b"] }],
    denied: "fail",
    models: {},
    env: [],
  },
  model: "scripted/x.yaml",
  fallback: [],
  route: null,
  instructions: "Be careful.\n\nAlways.\n",
  prompt: "Review \u001b[31mthis",
  tools: [{ name: "file_read", description: "Reads\na file", input: { type: "object" } }],
  agents: [
    {
      name: "helper",
      description: "Helps\u001b[2J",
      models: ["a/b", "c/d"],
      tools: ["spawn_agent"],
      skills: ["notes"],
      permissions: { allowed: { read: ["."] }, ungranted: { run: ["git"] }, denied: {} },
      agents: [
        {
          name: "other",
          description: null,
          models: [],
          tools: [],
          skills: [],
          permissions: { allowed: {}, ungranted: {}, denied: { net: ["*"] } },
          agents: [],
        },
      ],
    },
  ],
  permissions: {
    allowed: { read: ["."], run: ["git", "jq"] },
    ungranted: {},
    denied: { env: ["*"] },
    children: { contained: false, env: ["HOME", "PATH"] },
  },
};

test("a plan is shown as what would be sent, offered, allowed and limited", () => {
  expect(planText(view)).toBe(`agent
  review (review.yaml)
  Finds bugs

model
  scripted/x.yaml

instructions
  Be careful.

  Always.

prompt
  Review ␛[31mthis

tools
  file_read: Reads a file

sub-agents
  helper: Helps␛[2J
    model: a/b, else c/d
    tools: spawn_agent
    skills: notes
    allowed to read: .
    not granted: run: git
    other
      model: that of the agent that spawns it
      tools: none
      denied: net: *

skills
  none

allowed
  read: .
  run: git, jq

requested, not granted
  none

denied
  env: *

child processes
  not held to these rules by the kernel
  environment: HOME, PATH

limits
  turns: 30
  tool calls: 100
  tokens: no limit
  cost: 1.00 US dollars
  time: 5m00s

output schema
  {
    "type": "object"
  }

checks
  jq -e .x␛
`);
});

test("as JSON a plan holds the same, whole", () => {
  expect(JSON.parse(planJson(view))).toEqual({
    agent: "review",
    description: "Finds bugs",
    file: "review.yaml",
    hash: "abc",
    model: "scripted/x.yaml",
    fallback: [],
    route: null,
    instructions: view.instructions,
    prompt: view.prompt,
    tools: view.tools,
    unloaded: [],
    agents: view.agents,
    skills: [],
    permissions: view.permissions,
    limits: { ...limits, cost: 1 },
    output: { schema: { type: "object" } },
    checks: view.plan.checks,
    denied: "fail",
  });
});
