import type { DurableEvent } from "../core/event.ts";
import type { Decided } from "../core/host.ts";
import type { Need } from "../core/permission.ts";
import type { Machine } from "../host/machine.ts";
import { decide, missing } from "../permit/decide.ts";
import type { Policy } from "../permit/policy.ts";
import type { Plan } from "../core/plan.ts";
import type { Problem } from "../core/problem.ts";
import type { RunRequest } from "./request.ts";
import type { Tool } from "../core/tool.ts";

/**
 * An agent of a run, and what it cannot do without: `own` is what rein itself needs for its model and templates, `servers` what its
 * MCP servers need, whose programs are looked for when they start.
 */
export type Staffed = { plan: Plan; tools: readonly Tool[]; own: readonly Need[]; servers: readonly Need[] };

/** Programs that are not here, and grants without which a tool or a check of one of the agents can do nothing at all. */
export function unmetNeeds(
  request: RunRequest,
  agents: readonly Staffed[],
  machine: Machine,
  policy: Policy,
): Problem | undefined {
  const checks = agents.flatMap(({ plan }) => plan.checks);
  const needs: Need[] = [
    ...agents.flatMap(({ tools }) => tools.flatMap((tool) => tool.needs)),
    ...checks.flatMap(({ run: [program] }) =>
      program === undefined ? [] : [{ kind: "run" as const, target: program }],
    ),
    ...agents.flatMap(({ own }) => own),
  ];
  for (const { kind, target } of needs) {
    if (kind === "run" && target !== undefined && machine.resolve.program(target) === undefined) {
      const why = target.startsWith("/") ? "it is not a program" : "there is no such program on PATH";
      return { outcome: "usage", message: `Cannot run '${target}': ${why}` };
    }
  }
  // A check that a flag denies can never hold, whatever the model answers.
  for (const {
    run: [program = ""],
  } of checks) {
    const target = machine.resolve.program(program) ?? program;
    const decision = decide(policy, { kind: "run", target, shown: program }, { canAsk: true, answers: [] });
    if (decision.verdict === "deny") {
      return { outcome: "denied", message: `Cannot run the check '${program}': ${decision.denial.reason}` };
    }
  }
  // As with tools: what the kernel holds to no rule yet is started for who granted something, and not for who only named a file.
  const codes = agents.some(({ plan }) => plan.mcp.some(({ transport }) => transport.kind === "sdk"));
  const { all: whole, allow } = request.grants;
  if (codes && !whole && Object.keys(allow).length === 0) {
    const message = `'${request.plan.name}' has MCP servers whose code would run, and nothing was granted`;
    return {
      outcome: "denied",
      message,
      hint: "look into their modules, then add -P to grant all that the file requests",
    };
  }
  const all = [...needs, ...agents.flatMap(({ servers }) => servers)];
  const flags = missing(policy, all, request.ask !== undefined);
  if (flags.length === 0) return undefined;
  const { grantable } = policy;
  const attainable = grantable === undefined || missing({ ...policy, allow: grantable }, all, false).length === 0;
  const hint = attainable
    ? `add ${flags.join(" ")}, or -P to grant all that the file requests`
    : "a run that goes on gets no more than it had at first: begin a new one";
  return { outcome: "denied", message: `'${request.plan.name}' can do nothing without what was not granted`, hint };
}

/** What a person allowed before there was a journal. What was refused ends the run, and a grant follows from the flags. */
export function keepAnswers(answers: DurableEvent[]): Decided {
  return async ({ kind, target }, decision) => {
    if (decision.verdict !== "allow" || decision.by !== "answer") return;
    answers.push({ type: "decision", kind, target, verdict: "allow", by: "answer" });
  };
}
