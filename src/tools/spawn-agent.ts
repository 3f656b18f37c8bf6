import { agentInputSchema } from "../core/agent-input.ts";
import type { Plan, SubAgent } from "../core/plan.ts";
import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { endOf } from "./agent-report.ts";
import { flag, text } from "./arguments.ts";
import { builtIn, schemaOf, type FromSchema } from "./built-in.ts";

const schemaFor = (names: string[]) =>
  schemaOf({
    type: "object",
    properties: {
      agent: { type: "string", ...(names.length === 0 ? {} : { enum: names }), description: "The agent's name" },
      input: {
        type: "object",
        description: "Values for its inputs, by their names. Leave it out for an agent that has none",
      },
      prompt: {
        type: "string",
        description: "What it is to do, in words; for an agent with a task of its own, what else",
      },
      background: {
        type: "boolean",
        description:
          "Do not wait for its answer; returns an id at once. agent_manage waits for it, looks at it and stops it",
      },
    },
    required: ["agent"],
    additionalProperties: false,
  });

type Input = FromSchema<ReturnType<typeof schemaFor>>;

/** `spawn_agent` of one run: it tells which agents there are. */
export function spawnAgent({ agents }: Pick<Plan, "agents">): Tool {
  const names = Object.keys(agents);
  const list = Object.entries(agents).map(([name, agent]) => described(name, agent));
  return builtIn({
    name: "spawn_agent",
    description: [
      "Gives a task to another agent and returns its answer. It works by itself, with tools of its own, and knows nothing of this " +
        "conversation: tell it all that it must know. Several calls in one turn work side by side.",
      ...(list.length === 0 ? [] : ["The agents are:", ...list]),
    ].join("\n"),
    input: schemaFor(names),
    examples: names.slice(0, 1).map((agent) => ({
      request: `Let ${agent} do it`,
      input: { agent, prompt: "Do it" },
    })),
    needs: [],
    // What it does passes the gate call by call.
    effects: () => "none",
    run,
  });
}

function described(name: string, agent: SubAgent): string {
  const { plan } = agent;
  const { required } = agentInputSchema(agent);
  const inputs = Object.entries(plan.input).map(([input, { type, description }]) => {
    const must = Array.isArray(required) && required.includes(input) ? "" : ", may be left out";
    return `${input} (${type}${must})${description === undefined ? "" : `: ${description.trim()}`}`;
  });
  const about = plan.description === undefined ? "" : `: ${plan.description.trim()}`;
  const given = inputs.length === 0 ? "no inputs" : `inputs: ${inputs.join("; ")}`;
  return `- ${name}${about} [${given}${plan.prompt === undefined ? "; needs a prompt" : ""}]`.replace(/\s+/g, " ");
}

async function run(input: Input, { agents, signal }: ToolContext): Promise<ToolOutcome> {
  if (agents === undefined) return { content: "There are no agents: the agent file names none", error: true };
  const task = {
    agent: text(input, "agent"),
    input: input.input ?? {},
    prompt: text(input, "prompt"),
  };
  const started = await agents.start(task);
  if (!started.ok) return { content: started.error.message, error: true };
  const agent = started.value;
  if (flag(input, "background")) {
    return { content: `[${task.agent} works as ${agent.id}: agent_manage waits for its answer, or stops it]` };
  }
  const result = await agent.ended;
  return signal.aborted ? { content: "Interrupted", error: true } : endOf(agent, result);
}
