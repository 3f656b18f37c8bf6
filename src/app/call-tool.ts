import { interrupted, problemOf, type Problem } from "../core/problem.ts";
import { misfits } from "../core/json-schema.ts";
import type { Person } from "../core/host.ts";
import type { JsonObject } from "../core/json.ts";
import { nearest } from "../core/nearest.ts";
import { permissionKinds, type Denial, type Grants } from "../core/permission.ts";
import type { Plan } from "../core/plan.ts";
import type { PlannedTool } from "../core/planned-tool.ts";
import type { Result } from "../core/result.ts";
import type { CalledTool } from "../core/tool-row.ts";
import { systemClock } from "../host/clock.ts";
import { openHost } from "../host/host.ts";
import { readMachine, type Environment, type Machine } from "../host/machine.ts";
import { missing } from "../permit/decide.ts";
import { makePolicy, type Policy } from "../permit/policy.ts";
import type { Rule } from "../permit/rule.ts";
import { toolNames, toolNeeds } from "../tools/index.ts";
import { makeMcp, mcpNeeds } from "./mcp.ts";
import { secrecyOf, secretDoors } from "./secrecy.ts";
import { openToolbox } from "./toolbox.ts";

export type ToolCallRequest = {
  /** What the file offers and requests; absent: rein's own tools, and whatever the flags say. */
  plan: Plan | undefined;
  name: string;
  input: JsonObject;
  grants: Grants;
  cwd: string;
  environment: Environment;
  signal: AbortSignal;
  /** Shows what it prints while it runs. */
  output(text: string): void;
  /** Told what it draws for the user. */
  drawn(text: string): void;
  /** Shows lines to a person; absent where there is nobody. */
  tell?: Person["tell"];
};

/** Calls one tool as a run would, but for the model and the journal. */
export async function callTool(request: ToolCallRequest): Promise<Result<CalledTool, Problem>> {
  const { plan, name, grants, cwd, environment, signal } = request;
  const offered = plan?.tools ?? toolNames.map((builtin): PlannedTool => ({ kind: "builtin", name: builtin }));
  const planned = offered.find((tool) => tool.name === name);
  if (planned === undefined) {
    const close = nearest(
      name,
      offered.map((tool) => tool.name ?? ""),
    );
    const known = offered.map((tool) => tool.name ?? "custom/*").join(", ");
    return problemOf(
      "usage",
      `There is no tool '${name}'`,
      close === undefined ? `there are: ${known || "none"}` : `did you mean '${close}'?`,
    );
  }
  const machine = readMachine({ cwd, agentFolder: plan?.folder ?? cwd, environment });
  if (!machine.ok) return problemOf("usage", machine.error.message);
  const policy = policyFor(plan, name, grants, machine.value);
  if (!policy.ok) return problemOf("usage", policy.error.join("\n"));
  // Another tool's variable may come back through this one.
  const secrecy = secrecyOf(plan, [planned], environment);
  const { mask, secretNames } = secrecy;
  const doors = plan === undefined ? { secretNames, learned: mask.add } : secretDoors(plan, plan, secrecy, request);
  const base = { machine: machine.value, policy: policy.value, clock: systemClock, environment };
  const host = openHost({ ...base, ...doors, inputs: new Map() });
  const asked = plan === undefined ? undefined : planFor(plan, planned);
  const servers =
    asked && makeMcp({ plan: asked, doors: { ...base, ...doors }, mask, clock: systemClock, answers: [] });
  try {
    const about = servers === undefined || plan === undefined ? plan : { ...plan, servers: () => servers.door() };
    const [tool] = await openToolbox([planned], host, about);
    if (tool === undefined) throw new Error(`No tool was made for '${name}'`);
    const misfit = () => {
      const problems = misfits(tool.input, request.input);
      if (problems.length === 0) return undefined;
      return problemOf("usage", `The arguments do not fit '${name}': ${problems.join("; ")}`);
    };
    // What a server's tool takes is known when the server is there.
    const wrong = servers === undefined ? misfit() : undefined;
    if (wrong !== undefined) return wrong;
    const needs = [...tool.needs, ...(asked === undefined ? [] : mcpNeeds(asked, environment))];
    const unmet = missing(policy.value, needs, false).map((flag) =>
      // A bare flag means what a file requests.
      flag.includes("=") || plan ? flag : `${flag}=…`,
    );
    if (unmet.length > 0) {
      return problemOf("denied", `'${name}' can do nothing without what was not granted`, `add ${unmet.join(" ")}`);
    }
    await servers?.begin();
    const ready = await servers?.ready({ input: {}, run: { id: systemClock.id() } }, [], signal);
    if (ready?.ok === false) return ready;
    const unfit = misfit();
    if (unfit !== undefined) return unfit;
    const denied: Denial[] = [];
    const decided = async (_: unknown, decision: { verdict: string; denial?: Denial }) => {
      if (decision.denial !== undefined) denied.push(decision.denial);
    };
    const shown = mask.stream();
    const show = (text: string) => text !== "" && request.output(text);
    const context = {
      host: host.scoped(decided, signal),
      signal,
      clock: systemClock,
      output: (text: string) => void show(shown.push(text)),
      draw: async (_picture: unknown, text: string) => void request.drawn(mask.text(text)),
    };
    const outcome = await tool.run(request.input, context);
    show(shown.end());
    if (signal.aborted) return interrupted(signal);
    return { ok: true, value: { content: mask.text(outcome.content), error: outcome.error ?? false, denied } };
  } finally {
    await servers?.close();
    await host.close();
  }
}

/** The plan of a call by hand: with the servers that the tool works with, and no other tool. */
function planFor(plan: Plan, tool: PlannedTool): Plan {
  const all = tool.kind === "builtin" && (tool.name === "mcp_server_list" || tool.name === "mcp_read_resource");
  const mcp = plan.mcp.filter(({ name }) => all || (tool.kind === "mcp" && tool.server === name));
  return { ...plan, mcp, tools: [tool] };
}

/** Without a file anything can be granted, the programs that the tool needs by their names, and only the flags say what is. */
function policyFor(plan: Plan | undefined, tool: string, grants: Grants, machine: Machine): Result<Policy, string[]> {
  if (plan !== undefined) return makePolicy(plan, grants, machine);
  const lists = permissionKinds.map((kind) => [kind, grants.allow[kind] === true ? [] : grants.allow[kind]]);
  const policy = makePolicy({ permissions: Object.fromEntries(lists), deny: {} }, grants, machine);
  if (!policy.ok) return policy;
  const programs = (toolNeeds[tool] ?? []).flatMap(({ kind, target }): Rule[] => {
    if (kind !== "run" || target === undefined) return [];
    return [{ kind, text: target, scope: { type: "program", program: machine.resolve.program(target) ?? target } }];
  });
  const anything = permissionKinds.map((kind): Rule => ({ kind, text: "anything", scope: { type: "any" } }));
  return { ok: true, value: { ...policy.value, ceiling: [...programs, ...anything] } };
}
