import { agentInputSchema } from "../core/agent-input.ts";
import { validate } from "../core/json-schema.ts";
import type { JsonObject } from "../core/json.ts";
import type { InputValues, SubAgent } from "../core/plan.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { expandTyped } from "../core/template.ts";
import { asText } from "./texts.ts";

/**
 * The values of a sub-agent's inputs: those that were given, else its defaults. `outer` is what the templates of these may name, of
 * the agent that spawns it.
 */
export function agentInput(agent: string, sub: SubAgent, given: JsonObject, outer: JsonObject): Result<InputValues> {
  const values: InputValues = {};
  for (const [name, spec] of Object.entries(sub.plan.input)) {
    const template = Object.hasOwn(sub.defaults, name) ? sub.defaults[name] : undefined;
    if (Object.hasOwn(given, name)) continue;
    if (template !== undefined) {
      const filled = expandTyped(template, outer);
      if (!filled.ok) return filled;
      values[name] = spec.type === "string" ? asText(filled.value) : filled.value;
    } else if (spec.default !== undefined) values[name] = spec.default;
  }
  const all = { ...values, ...given };
  const problems = validate(agentInputSchema({ plan: sub.plan, defaults: {} }), all);
  return problems.length === 0
    ? ok(all)
    : fail("invalid", `The input does not fit agent '${agent}': ${problems.join("; ")}`);
}
