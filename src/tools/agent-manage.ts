import type { AgentDoor, AgentRun } from "../core/agents.ts";
import type { ToolContext, ToolOutcome } from "../core/tool.ts";
import { endOf, lineOf } from "./agent-report.ts";
import { number, text } from "./arguments.ts";
import { builtIn, schemaOf, type FromSchema } from "./built-in.ts";

/** How long it is waited for an agent, in seconds. */
const usualWait = 60;

const schema = schemaOf({
  type: "object",
  properties: {
    action: {
      type: "string",
      enum: ["list", "wait", "inspect", "stop"],
      description: "wait: until it has ended, for its answer. inspect: how far it is, without waiting",
    },
    id: {
      type: "string",
      description: "The agent, by the id that spawn_agent returned, for example a1. Not for list",
    },
    timeout: {
      type: "integer",
      minimum: 1,
      maximum: 3600,
      description: `With wait: the most seconds. It works on after them. Default: ${usualWait}`,
    },
  },
  required: ["action"],
  additionalProperties: false,
});

type Input = FromSchema<typeof schema>;

export const agentManage = builtIn({
  name: "agent_manage",
  description:
    "Looks after agents that spawn_agent has started: lists them, waits for one and returns its answer, shows how far one is, or " +
    "stops one.",
  input: schema,
  examples: [
    { request: "Wait for the first agent", input: { action: "wait", id: "a1" } },
    { request: "Which agents are there?", input: { action: "list" } },
  ],
  needs: [],
  effects: () => "none",
  run,
});

async function run(input: Input, context: ToolContext): Promise<ToolOutcome> {
  const { agents } = context;
  const id = text(input, "id");
  const action = text(input, "action");
  if (agents === undefined || agents.runs().length === 0) {
    return { content: "No agent was started: spawn_agent starts one", error: action !== "list" };
  }
  if (action === "list") return { content: agents.runs().map(lineOf).join("\n") };
  const agent = agents.runs().find((one) => one.id === id);
  if (agent === undefined) return unknown(id, agents);
  if (action === "wait") return wait(agent, number(input, "timeout", usualWait) * 1000, context);
  if (action === "stop") return stop(agent);
  const result = agent.result();
  return { content: result === undefined ? lineOf(agent) : `${lineOf(agent)}\n${endOf(agent, result).content}` };
}

function unknown(id: string, agents: AgentDoor): ToolOutcome {
  const known = agents.runs().map((one) => `${one.id} (${one.agent})`);
  const what = id === "" ? "Say in 'id' which agent" : `There is no agent '${id}'`;
  return { content: `${what}; there are: ${known.join(", ")}`, error: true };
}

async function wait(agent: AgentRun, timeoutMs: number, { clock, signal }: ToolContext): Promise<ToolOutcome> {
  const enough = new AbortController();
  const result = await Promise.race([
    agent.ended,
    clock.sleep(timeoutMs, AbortSignal.any([signal, enough.signal])).then(() => undefined),
  ]);
  enough.abort();
  if (signal.aborted) return { content: "Interrupted", error: true };
  if (result === undefined) return { content: `${lineOf(agent)}\n[It still works: wait again, or stop it]` };
  return endOf(agent, result);
}

async function stop(agent: AgentRun): Promise<ToolOutcome> {
  if (agent.result() === undefined) agent.stop();
  await agent.ended;
  return { content: lineOf(agent) };
}
