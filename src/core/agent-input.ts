import type { JsonObject, JsonSchema } from "./json.ts";
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
