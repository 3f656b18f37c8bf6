import type { Launch } from "../core/event.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { Mask } from "../core/mask.ts";
import type { Attachment } from "../core/message.ts";
import type { RunResult } from "../core/result-document.ts";
import type { Tool } from "../core/tool.ts";
import type { Conversation } from "../loop/conversation.ts";
import { run } from "../loop/run.ts";
import { Tally } from "../loop/tally.ts";
import { contextOf } from "./context.ts";
import type { Actor, Common } from "./crew.ts";
import { judgeBy, makeDoors } from "./doors.ts";
import { explainJson, mendJson } from "./json.ts";
import { aroundRun } from "./mcp-run.ts";

/** What only the run that was asked for has: a session, what was attached, and who sees its text as it comes. */
export type Asked = {
  session?: string;
  history?: Conversation;
  attachments: Attachment[];
  launch?: Launch;
  streamed?: boolean;
};

const nothing: Asked = { attachments: [] };

/** The id of a sub-agent, behind that of the run; null for the run's own agent. */
function agentIdOf(id: string): string | null {
  const dot = id.indexOf(".");
  return dot < 0 ? null : id.slice(dot + 1);
}

/** With secrets masked in all its texts. */
function masked(value: JsonObject, mask: Mask): JsonObject {
  const each = (one: Json): Json => {
    if (typeof one === "string") return mask.text(one);
    if (Array.isArray(one)) return one.map(each);
    return isJsonObject(one) ? masked(one, mask) : one;
  };
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, each(one)]));
}

/** Runs an agent to its end, and those that it spawns. */
export async function perform(
  actor: Actor,
  tools: Tool[],
  common: Common,
  { session, history, attachments, launch, streamed }: Asked = nothing,
): Promise<RunResult> {
  const { plan, id, input, model, instructions, prompt, host, signal, within, spawnedBy, servers, past } = actor;
  const { clock, mask, keep, keepText, recall } = common;
  const tally = new Tally(plan.limits, within);
  const emit = servers === undefined ? actor.emit : aroundRun(servers, { emit: actor.emit, model, clock, tally });
  const context = contextOf(actor, common);
  const judged = makeDoors(host, emit, signal);
  const doors = common.changes?.(judged, emit) ?? judged;
  const crew =
    Object.keys(plan.agents).length === 0
      ? undefined
      : (await import("./crew.ts")).openCrew(actor, tally, common, (hired, theirTools) =>
          perform(hired, theirTools, common),
        );
  const running = run({
    runId: id,
    agent: plan.name,
    hash: plan.hash,
    ...(plan.files === undefined ? {} : { files: plan.files }),
    model,
    tools,
    ...(servers === undefined ? {} : { present: () => servers.present() }),
    instructions,
    ...(history === undefined ? {} : { history }),
    context: context.options,
    prompt,
    attachments,
    keep,
    keepText,
    recall: recall(agentIdOf(id)),
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
    ...(crew === undefined ? {} : { agents: crew.door, revive: crew.revive, settle: crew.settle }),
    ...(Object.keys(input).length === 0 ? {} : { input: masked(input, mask) }),
    ...(launch === undefined ? {} : { launch }),
    ...(past === undefined ? {} : { past }),
    ...(session === undefined ? {} : { session }),
    ...(spawnedBy === undefined ? {} : { spawnedBy }),
    ...(streamed === undefined ? {} : { streamed }),
    ...(plan.output === undefined ? {} : { output: plan.output.schema }),
  });
  return running.finally(context.close);
}
