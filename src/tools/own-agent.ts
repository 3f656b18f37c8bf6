import { agentArgumentsSchema, inputAndPrompt } from "../core/agent-input.ts";
import type { AgentTask } from "../core/agents.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { AgentTool } from "../core/planned-tool.ts";
import type { SubAgent } from "../core/plan.ts";
import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { endOf } from "./agent-report.ts";
import { fillJson, withDefaults } from "./fill.ts";

/** A sub-agent as a tool. Where the file says nothing of its parameters, they are the agent's own. */
export function agentTool(planned: AgentTool, agent: SubAgent): Tool {
  const { name, description, effects } = planned;
  const input = planned.input ?? agentArgumentsSchema(agent);
  return {
    name,
    description,
    input,
    needs: [],
    effects: () => effects,
    run: (given, context) => call(taskOf(planned, agent, withDefaults(given, input)), context),
  };
}

function taskOf(planned: AgentTool, agent: SubAgent, args: JsonObject): AgentTask {
  const given = inputAndPrompt(agent, args);
  const filled = planned.arguments === undefined ? undefined : fillJson(planned.arguments, { args });
  const prompt =
    planned.prompt === undefined ? undefined : fillJson({ kind: "text", template: planned.prompt }, { args });
  // A file that says what the agent gets says all of it.
  const said = filled !== undefined || prompt !== undefined;
  return {
    agent: planned.agent,
    input: said ? objectOf(filled ?? {}) : given.input,
    prompt: asText(said ? prompt : given.prompt),
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
