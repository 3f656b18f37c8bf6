import type { Attachment, Message } from "../core/message.ts";
import type { RunResult } from "../core/result-document.ts";
import type { Tool } from "../core/tool.ts";
import { run } from "../loop/run.ts";
import { Tally } from "../loop/tally.ts";
import { openCrew, type Actor, type Common } from "./crew.ts";
import { judgeBy, makeDoors } from "./doors.ts";
import { explainJson, mendJson } from "./json.ts";

/** What only the run that was asked for has: a session, and what was attached. */
export type Asked = { session?: string; history: Message[]; attachments: Attachment[] };

const nothing: Asked = { history: [], attachments: [] };

/** Runs an agent to its end, and those that it spawns. */
export async function perform(
  actor: Actor,
  tools: Tool[],
  common: Common,
  { session, history, attachments }: Asked = nothing,
): Promise<RunResult> {
  const { plan, id, model, instructions, prompt, host, signal, emit, within, spawnedBy } = actor;
  const { clock, mask, keep, keepText } = common;
  const tally = new Tally(plan.limits, within);
  const doors = makeDoors(host, emit, signal);
  const crew =
    Object.keys(plan.agents).length === 0
      ? undefined
      : openCrew(actor, tally, common, (hired, theirTools) => perform(hired, theirTools, common));
  return run({
    runId: id,
    agent: plan.name,
    hash: plan.hash,
    model,
    tools,
    instructions,
    history,
    prompt,
    attachments,
    keep,
    keepText,
    checks: plan.checks,
    denied: plan.denied,
    limits: plan.limits,
    tally,
    host: doors,
    check: (check, answer) => judgeBy(check, answer, doors, signal),
    emit,
    clock,
    signal,
    mask,
    explainJson,
    repairJson: mendJson,
    ...(crew === undefined ? {} : { agents: crew.door, settle: crew.settle }),
    ...(session === undefined ? {} : { session }),
    ...(spawnedBy === undefined ? {} : { spawnedBy }),
    ...(plan.output === undefined ? {} : { output: plan.output.schema }),
  });
}
