import { isAbsolute } from "node:path";
import { plansOf } from "../core/plan.ts";
import type { DurableEvent } from "../core/event.ts";
import type { Interruption } from "../core/exit.ts";
import type { Model } from "../core/model.ts";
import type { Ask, Need } from "../core/permission.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import type { Result } from "../core/result.ts";
import { systemClock as clock } from "../host/clock.ts";
import { openHost } from "../host/host.ts";
import { readMachine, type Machine } from "../host/machine.ts";
import { modelsOf } from "../models/choose.ts";
import { makePolicy, type Policy } from "../permit/policy.ts";
import { policyWithin } from "../permit/within.ts";
import { summarizerNeeds, unpricedSummarizer } from "./context.ts";
import { modelNeeds, passNeeds } from "./model.ts";
import { keepAnswers, unmetNeeds, type Staffed } from "./needs.ts";
import { preparedRun } from "./prepared-run.ts";
import { chooseOrOffer, readyModels } from "./ready-models.ts";
import type { PreparedRun, RunRequest } from "./request.ts";
import type { Resumed } from "./resume.ts";
import { secrecyOf, secretDoors } from "./secrecy.ts";
import { openToolbox } from "./toolbox.ts";

/** Checks a plan against what was granted and what this machine has, and makes all that its run needs. */
export async function prepareRun(request: RunRequest): Promise<Result<PreparedRun, Problem>> {
  const { plan, environment } = request;
  const machine = readMachine({ cwd: request.cwd, agentFolder: plan.folder, environment });
  if (!machine.ok) return problemOf("usage", machine.error.message);
  const granted = makePolicy(plan, request.grants, machine.value);
  if (!granted.ok) return problemOf("usage", granted.error.join("\n"));
  const { resumed } = request;
  const policy = resumed === undefined ? granted : noWider(granted.value, resumed, machine.value);
  if (!policy.ok) return problemOf("usage", policy.error.join("\n"));
  const chosen = await chooseOrOffer(request);
  if (!chosen.ok && !(request.dryRun && chosen.error.outcome === "credentials")) return chosen;
  const unpriced = unpricedSummarizer(plan, environment);
  if (unpriced !== undefined) return unpriced;
  const own = [
    ...(chosen.ok ? modelsOf(chosen.value).flatMap((one) => modelNeeds(one, plan.folder, machine.value.home)) : []),
    ...summarizerNeeds(plan, environment),
    ...plan.env.map((target): Need => ({ kind: "env", target })),
  ];

  const deadline = new AbortController();
  const settled = new AbortController();
  if (request.lasting !== true)
    void clock.sleep(plan.limits.time, settled.signal).then(() => {
      if (!settled.signal.aborted) deadline.abort("timeout" satisfies Interruption);
    });
  const signal = AbortSignal.any([request.interrupts, deadline.signal]);
  const inputs = new Map<string, string>();
  const plans = plansOf(plan);
  const secrecy = secrecyOf(plan, [], environment);
  const { mask, secretNames } = secrecy;
  const ask = request.ask === undefined ? undefined : oneAtATime(request.ask);
  const options = {
    machine: machine.value,
    policy: policy.value,
    clock,
    environment,
    ...secretDoors(plan, plan, secrecy, request),
    inputs,
  };
  const host = openHost(ask === undefined ? options : { ...options, ask });
  const held = new Map<string, Model>();
  const close = async () => {
    settled.abort();
    for (const model of held.values()) model.close?.();
    await servers?.close();
    await host.close();
  };

  const answers: DurableEvent[] = [];
  const { inputs: _inputs, ...doors } = ask === undefined ? options : { ...options, ask };
  // A look loads no modules and starts no servers.
  const mcp = plan.mcp.length === 0 ? undefined : await import("./mcp.ts");
  const servers = request.dryRun ? undefined : mcp?.makeMcp({ plan, doors, mask, clock, answers });
  const planned = request.dryRun ? plan.tools.filter(({ kind }) => kind !== "unloaded" && kind !== "mcp") : plan.tools;
  const about = servers === undefined ? plan : { ...plan, servers: () => servers.door() };
  const tools = await openToolbox(planned, host, about);
  const crew =
    request.dryRun || plans.length === 1
      ? noCrew
      : await (await import("./hire.ts")).judgeCrew(plan, request, host, clock);
  const agents = crew.ok ? [{ plan, tools, own, servers: mcp?.mcpNeeds(plan, environment) ?? [] }, ...crew.value] : [];
  const unmet = request.dryRun ? undefined : unmetNeeds(request, agents, machine.value, policy.value);
  const missing = crew.ok ? unmet : crew.error;
  if (missing !== undefined) {
    await close();
    return { ok: false, error: missing };
  }
  const passed = request.dryRun ? undefined : await passNeeds(own, host, keepAnswers(answers), signal);
  if (passed?.ok === false) {
    await close();
    return problemOf("denied", passed.error.message);
  }
  if (request.judged !== true) await servers?.begin();
  const choice = chosen.ok ? await readyModels(request, chosen.value, host, clock) : chosen;
  if (!choice.ok && !(request.dryRun && choice.error.outcome === "credentials")) {
    await close();
    return choice;
  }
  const run = preparedRun({
    request,
    clock,
    machine: machine.value,
    policy: policy.value,
    host,
    mask,
    secretNames,
    inputs,
    held,
    tools,
    answers,
    chosen,
    choice,
    signal,
    close,
    ...(ask === undefined ? {} : { ask }),
    ...(servers === undefined ? {} : { servers }),
  });
  return { ok: true, value: run };
}

/**
 * What is granted now, as far as the file of that time requested it and it was granted when the run began. Paths are where they led
 * then: a link that leads elsewhere by now opens nothing.
 */
function noWider(granted: Policy, { launch }: Resumed, { cwd, resolve }: Machine): Result<Policy, string[]> {
  const { permissions = {}, deny = {}, grants } = launch;
  const path = (text: string) => (isAbsolute(text) ? text : resolve.path(text));
  const first = makePolicy({ permissions, deny }, grants, { cwd, resolve: { ...resolve, path } });
  if (!first.ok) return first;
  return { ok: true, value: { ...policyWithin(first.value, granted), grantable: first.value.allow } };
}

/** A run without sub-agents. */
const noCrew: Result<Staffed[], Problem> = { ok: true, value: [] };

/** Puts a question when the one before it was answered, whichever agent asks. */
function oneAtATime(ask: Ask): Ask {
  let last: Promise<unknown> = Promise.resolve();
  return (request, signal) => {
    const answer = last.then(() => (signal.aborted ? ("no" as const) : ask(request, signal)));
    last = answer.catch(() => undefined);
    return answer;
  };
}
