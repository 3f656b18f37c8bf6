import { isJsonObject, type Json, type JsonObject, type JsonSchema } from "./json.ts";
import type { SubAgent } from "./plan.ts";

/** What a sub-agent can be given: its inputs as the properties of an object. */
export function agentInputSchema({ plan, defaults }: Pick<SubAgent, "plan" | "defaults">): JsonSchema {
  const properties: JsonObject = {};
  for (const [name, { from: _from, ...spec }] of Object.entries(plan.input)) properties[name] = { ...spec };
  const required = Object.entries(plan.input).flatMap(([name, spec]) =>
    spec.default === undefined && !Object.hasOwn(defaults, name) ? [name] : [],
  );
  return { type: "object", properties, required, additionalProperties: false };
}

/** Whether an agent is told in words what to do, beside its inputs. */
function takesPrompt({ plan }: Pick<SubAgent, "plan">): boolean {
  return plan.prompt === undefined && !Object.hasOwn(plan.input, "prompt");
}

/** What an agent is given as a tool: its inputs, and a prompt where it has none of its own. */
export function agentArgumentsSchema(agent: Pick<SubAgent, "plan" | "defaults">): JsonSchema {
  const schema = agentInputSchema(agent);
  if (!takesPrompt(agent)) return schema;
  const prompt = { type: "string", minLength: 1, description: "What it is to do, in words" };
  const { properties, required } = schema;
  return {
    ...schema,
    properties: { ...(isJsonObject(properties) ? properties : {}), prompt },
    required: [...(Array.isArray(required) ? required : []), "prompt"],
  };
}

/** Parts such arguments into inputs and prompt. */
export function inputAndPrompt(
  agent: Pick<SubAgent, "plan">,
  args: JsonObject,
): { input: JsonObject; prompt: Json | undefined } {
  if (!takesPrompt(agent)) return { input: args, prompt: undefined };
  const { prompt, ...input } = args;
  return { input, prompt };
}
