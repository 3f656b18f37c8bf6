import type { AgentView } from "../core/agent-view.ts";
import type { Plan, SubAgent } from "../core/plan.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import type { Result } from "../core/result.ts";
import { readMachine } from "../host/machine.ts";
import { modelsOf } from "../models/choose.ts";
import { describe } from "../permit/describe.ts";
import { makePolicy, type Policy } from "../permit/policy.ts";
import { policyWithin } from "../permit/within.ts";
import { ownModel } from "./hire.ts";
import type { RunRequest } from "./request.ts";

/** The sub-agents of a plan with what each may do, for a look: nothing is hired. `policy` is that of who spawns them. */
export function viewCrew(request: RunRequest, policy: Policy): Result<AgentView[], Problem> {
  const shown = new Set<Plan>();

  const view = (name: string, { plan }: SubAgent, outer: Policy): Result<AgentView, Problem> => {
    const { environment, cwd } = request;
    const machine = readMachine({ cwd, agentFolder: plan.folder, environment });
    if (!machine.ok) return problemOf("usage", machine.error.message);
    const own = makePolicy(plan, { all: true, allow: {}, deny: {} }, machine.value);
    if (!own.ok) return problemOf("usage", own.error.join("\n"));
    const both = policyWithin(outer, own.value);
    const agents = viewAll(plan, both);
    if (!agents.ok) return agents;
    const model = ownModel(plan, request);
    if (model?.ok === false) return model;
    const { allowed, ungranted, denied } = describe(both);
    const value = {
      name,
      description: plan.description ?? null,
      models: model === undefined ? [] : modelsOf(model.value).map(({ spec }) => spec.model),
      tools: plan.tools.map((tool) => tool.name ?? "custom/*"),
      skills: plan.skills.map((skill) => skill.name),
      permissions: { allowed, ungranted, denied },
      agents: agents.value,
    };
    return { ok: true, value };
  };

  const viewAll = (plan: Plan, outer: Policy): Result<AgentView[], Problem> => {
    const views: AgentView[] = [];
    if (shown.has(plan)) return { ok: true, value: views };
    shown.add(plan);
    for (const [name, sub] of Object.entries(plan.agents)) {
      const one = view(name, sub, outer);
      if (!one.ok) return one;
      views.push(one.value);
    }
    return { ok: true, value: views };
  };

  return viewAll(request.plan, policy);
}
