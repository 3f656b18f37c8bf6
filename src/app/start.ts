import { resolve } from "node:path";
import type { DurableEvent, Emit, Launch, Observe } from "../core/event.ts";
import type { Clock } from "../core/host.ts";
import type { Mask } from "../core/mask.ts";
import type { Attachment } from "../core/message.ts";
import type { Model } from "../core/model.ts";
import type { Grants, PermissionLists } from "../core/permission.ts";
import type { InputValues } from "../core/plan.ts";
import type { RunResult } from "../core/result-document.ts";
import { ok, type Result } from "../core/result.ts";
import type { Tool } from "../core/tool.ts";
import type { OpenHost } from "../host/host.ts";
import type { Machine } from "../host/machine.ts";
import type { Policy } from "../permit/policy.ts";
import { keepChanges } from "./changes.ts";
import type { Actor, Common } from "./crew.ts";
import { isTooMuch, JournalLost, journalPath, makeEmit, makeKeep, openJournal, type Journaling } from "./journal.ts";
import type { McpRun } from "./mcp.ts";
import type { NamedModel } from "./model.ts";
import { perform } from "./perform.ts";
import { interrupted, problemOf, type Problem } from "../core/problem.ts";
import type { RunRequest, Turn } from "./request.ts";

/** A run whose model and doors are ready and whose texts are filled. */
export type Started = {
  id: string;
  signal: AbortSignal;
  machine: Machine;
  host: OpenHost;
  policy: Policy;
  clock: Clock;
  model: Model;
  named: NamedModel;
  mask: Mask;
  secretNames: readonly string[];
  tools: Tool[];
  servers: McpRun | undefined;
  /** What was decided before there was a journal. It is told once. */
  answers: DurableEvent[];
  input: InputValues;
  instructions: string;
  prompt: string;
  attachments: Attachment[];
  /** Where it is one of several of a conversation. */
  turn?: Turn;
};

/** What it takes to go on with a run one day. */
function launchOf(
  { plan, cwd, model, environment, grants, servers = [] }: RunRequest,
  mask: Mask,
  { resolve: { path } }: Machine,
): Launch {
  const named = model ?? environment["REIN_MODEL"];
  const { text } = plan;
  const kept = text === undefined || mask.text(text) !== text ? {} : { text };
  return {
    ...(text === undefined ? { file: resolve(cwd, plan.file) } : kept),
    cwd,
    ...(named === undefined || named === "" ? {} : { model: named }),
    grants: { ...grants, allow: withPaths(grants.allow, path), deny: withPaths(grants.deny, path) },
    ...(isEmpty(plan.permissions) ? {} : { permissions: withPaths(plan.permissions, path) }),
    ...(isEmpty(plan.deny) ? {} : { deny: withPaths(plan.deny, path) }),
    ...(servers.length === 0 ? {} : { servers }),
  };
}

type Granted = Grants["allow"];

/** The lists with paths as they are on the disk: a link can lead elsewhere one day. */
function withPaths<Lists extends Granted>(lists: Lists, path: (rule: string) => string): Lists {
  const real = { ...lists };
  for (const kind of ["read", "write"] as const) {
    const rules: Granted[typeof kind] = real[kind];
    if (Array.isArray(rules)) real[kind] = rules.map(path);
  }
  return real;
}

function isEmpty(lists: PermissionLists): boolean {
  return Object.keys(lists).length === 0;
}

/** The wait for a session takes of the run's time. */
function journalingOf({ journaling }: RunRequest, session: string | undefined, signal: AbortSignal): Journaling {
  const { wait, ...how } = journaling ?? {};
  return { ...how, session, ...(wait === undefined ? {} : { wait: AbortSignal.any([wait, signal]) }) };
}

const unkept = "with '--ephemeral' a run needs no journal, and cannot be resumed";

/** Opens the journal and runs to the end. */
export async function startRun(
  request: RunRequest,
  started: Started,
  observe: Observe,
): Promise<Result<RunResult, Problem>> {
  const { plan, environment, resumed } = request;
  const { id, signal, machine, host, policy, clock, model, named, mask, secretNames, tools, answers, servers } =
    started;
  const { input, instructions, prompt, attachments, turn } = started;
  const session = turn === undefined ? request.session : turn.session;
  const newRun = { id, agent: plan.name, model: model.name, time: clock.now() };
  const opened = await (resumed === undefined
    ? (turn?.open(newRun) ?? openJournal(journalPath(environment), newRun, journalingOf(request, session, signal)))
    : ok(resumed.journal));
  if (!opened.ok && signal.aborted) return interrupted(signal, "Ended while it waited for its session");
  if (!opened.ok) return problemOf("usage", opened.error.message);
  const { journal, history, warning, recall } = opened.value;
  if (isTooMuch(history, attachments)) {
    await opened.value.close();
    return problemOf("usage", "The images and PDFs of this conversation have more than 20 MB together");
  }
  const journaled = makeEmit(journal, clock, observe, session !== undefined, resumed?.seq);
  const emit: Emit = async (event, durability) => {
    await journaled(event, durability);
    if ((event.type === "run_start" || event.type === "run_resume") && event.agent_id === undefined)
      for (const answer of answers.splice(0)) await journaled(answer);
  };
  if (warning !== undefined) await emit({ type: "warning", message: warning });
  const keeping = makeKeep(journal, session !== undefined);
  const changes = turn === undefined ? {} : { changes: keepChanges(keeping.keepBytes) };
  const common: Common = { request, clock, mask, secretNames, ...keeping, recall, ...changes };
  const actor: Actor = {
    plan,
    id,
    input,
    instructions,
    prompt,
    model,
    named,
    host,
    policy,
    signal,
    emit,
    depth: 0,
    ...(servers === undefined ? {} : { servers }),
    ...(resumed === undefined ? {} : { past: resumed.past }),
  };
  try {
    const asked = {
      history,
      attachments,
      launch: launchOf(request, mask, machine),
      streamed: request.streamed,
      ...(session === undefined ? {} : { session }),
    };
    return { ok: true, value: await perform(actor, tools, common, asked) };
  } catch (error) {
    if (error instanceof JournalLost)
      return session === undefined
        ? problemOf("usage", `${error.message}; the run was ended before it changed anything more`, unkept)
        : problemOf("usage", `Cannot keep the session '${session}': ${error.message}`);
    throw error;
  } finally {
    await opened.value.close();
  }
}
