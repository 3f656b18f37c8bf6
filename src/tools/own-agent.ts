import { agentInputSchema } from "../core/agent-input.ts";
import type { AgentTask } from "../core/agents.ts";
import { isJsonObject, type Json, type JsonObject, type JsonSchema } from "../core/json.ts";
import type { AgentTool } from "../core/planned-tool.ts";
import type { SubAgent } from "../core/plan.ts";
import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { endOf } from "./agent-report.ts";
import { fillJson, withDefaults } from "./fill.ts";

/** A sub-agent as a tool. Where the file says nothing of its parameters, they are the agent's own. */
export function agentTool(planned: AgentTool, agent: SubAgent): Tool {
  const { name, description, effects } = planned;
  const input = planned.input ?? inputOf(agent);
  return {
    name,
    description,
    input,
    needs: [],
    effects: () => effects,
    run: (given, context) => call(taskOf(planned, agent, withDefaults(given, input)), context),
  };
}

/** Whether the agent is told in words what to do, beside its inputs. */
function takesPrompt({ plan }: SubAgent): boolean {
  return plan.prompt === undefined && !Object.hasOwn(plan.input, "prompt");
}

/** The agent's inputs, and a prompt where it has none of its own. */
function inputOf(agent: SubAgent): JsonSchema {
  const schema = agentInputSchema(agent);
  if (!takesPrompt(agent)) return schema;
  const prompt = { type: "string", minLength: 1, description: "What it is to do, in words" };
  const { properties = {}, required } = schema;
  return {
    ...schema,
    properties: { ...objectOf(properties), prompt },
    required: [...(Array.isArray(required) ? required : []), "prompt"],
  };
}

function taskOf(planned: AgentTool, agent: SubAgent, args: JsonObject): AgentTask {
  const { prompt: told, ...others } = args;
  const rest = takesPrompt(agent) ? others : args;
  const filled = planned.arguments === undefined ? undefined : fillJson(planned.arguments, { args });
  const prompt =
    planned.prompt === undefined ? undefined : fillJson({ kind: "text", template: planned.prompt }, { args });
  // A file that says what the agent gets says all of it.
  const said = filled !== undefined || prompt !== undefined;
  return {
    agent: planned.agent,
    input: said ? objectOf(filled ?? {}) : rest,
    prompt: asText(said ? prompt : takesPrompt(agent) ? told : undefined),
  };
}

function asText(value: Json | undefined): string {
  return value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
}

function objectOf(value: Json): JsonObject {
  return isJsonObject(value) ? value : {};
}

async function call(task: AgentTask, { agents, signal }: ToolContext): Promise<ToolOutcome> {
  if (agents === undefined) return { content: "There are no agents: the agent file names none", error: true };
  const started = await agents.start(task);
  if (!started.ok) return { content: started.error.message, error: true };
  const result = await started.value.ended;
  return signal.aborted ? { content: "Interrupted", error: true } : endOf(started.value, result);
}
