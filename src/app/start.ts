import type { DurableEvent, Emit, Stamped } from "../core/event.ts";
import type { Clock } from "../core/host.ts";
import type { Mask } from "../core/mask.ts";
import type { Attachment } from "../core/message.ts";
import type { Model } from "../core/model.ts";
import type { RunResult } from "../core/result-document.ts";
import type { Result } from "../core/result.ts";
import type { Tool } from "../core/tool.ts";
import type { OpenHost } from "../host/host.ts";
import { run } from "../loop/run.ts";
import { judgeBy, makeDoors } from "./doors.ts";
import { isTooMuch, JournalLost, journalPath, makeEmit, makeKeep, openJournal } from "./journal.ts";
import { explainJson, mendJson } from "./json.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import type { RunRequest } from "./request.ts";

/** A run whose model and doors are ready and whose texts are filled. */
export type Started = {
  id: string;
  signal: AbortSignal;
  host: OpenHost;
  clock: Clock;
  model: Model;
  mask: Mask;
  tools: Tool[];
  /** What was decided before there was a journal. */
  answers: readonly DurableEvent[];
  instructions: string;
  prompt: string;
  attachments: Attachment[];
};

/** Opens the journal and runs to the end. */
export async function startRun(
  request: RunRequest,
  started: Started,
  observe: (event: Stamped) => void,
): Promise<Result<RunResult, Problem>> {
  const { plan, environment, session } = request;
  const { id, signal, host, clock, model, mask, tools, answers, instructions, prompt, attachments } = started;
  const place = journalPath(environment);
  const opened = await openJournal(place, { id, agent: plan.name, model: model.name, time: clock.now() }, session);
  if (!opened.ok) return problemOf("usage", opened.error.message);
  const { journal, history, warning } = opened.value;
  if (isTooMuch(history, attachments)) {
    await opened.value.close();
    return problemOf("usage", "The images and PDFs of this conversation have more than 20 MB together");
  }
  const journaled = makeEmit(journal, clock, observe, session !== undefined);
  const emit: Emit = async (event, durability) => {
    await journaled(event, durability);
    if (event.type === "run_start") for (const answer of answers) await journaled(answer);
  };
  if (warning !== undefined) await emit({ type: "warning", message: warning });
  const doors = makeDoors(host, emit, signal);
  try {
    const result = await run({
      runId: id,
      agent: plan.name,
      hash: plan.hash,
      model,
      tools,
      instructions,
      history,
      prompt,
      attachments,
      keep: makeKeep(journal, session !== undefined),
      checks: plan.checks,
      denied: plan.denied,
      limits: plan.limits,
      host: doors,
      check: (check, answer) => judgeBy(check, answer, doors, signal),
      emit,
      clock,
      signal,
      mask,
      explainJson,
      repairJson: mendJson,
      ...(session === undefined ? {} : { session }),
      ...(plan.output === undefined ? {} : { output: plan.output.schema }),
    });
    return { ok: true, value: result };
  } catch (error) {
    if (error instanceof JournalLost)
      return problemOf("usage", `Cannot keep the session '${session}': ${error.message}`);
    throw error;
  } finally {
    await opened.value.close();
  }
}
