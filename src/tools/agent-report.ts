import type { AgentRun } from "../core/agents.ts";
import type { Json } from "../core/json.ts";
import type { RunResult } from "../core/result-document.ts";
import type { ToolOutcome } from "../core/tool.ts";
import { grouped, HeadAndTail } from "./bound.ts";

/** What a sub-agent's end is for the model that spawned it: its answer, or why there is none. */
export function endOf(run: AgentRun, result: RunResult): ToolOutcome {
  const name = `Agent '${run.agent}' (${run.id})`;
  const why = result.error?.message ?? result.outcome;
  if (result.outcome === "done") return { content: bounded(result.answer) };
  // Its answer stands: what was refused may not have mattered to it.
  if (result.outcome === "denied" && result.answer !== null) {
    const denied = result.denied.map(({ kind, target }) => `${kind} '${target}'`);
    return { content: `${bounded(result.answer)}\n[${name} was refused: ${[...new Set(denied)].join(", ")}]` };
  }
  if (run.stopped()) return { content: `${name} was stopped`, error: true };
  const answer = result.answer === null ? "" : `\nIts answer was:\n${bounded(result.answer)}`;
  return { content: `${name} failed: ${why}${answer}`, error: true };
}

/** One line about a sub-agent: what it is, how it stands, what it has used. */
export function lineOf(run: AgentRun): string {
  const { turns, calls, tokens, last } = run.progress();
  const result = run.result();
  const state = result === undefined ? "works" : run.stopped() ? "stopped" : result.outcome;
  const used = `${plural(turns, "turn")}, ${plural(calls, "call")}, ${plural(tokens, "token")}`;
  return `${run.id} ${run.agent}: ${state}, ${used}${result === undefined ? `; it ${last}` : ""}`;
}

function plural(count: number, word: string): string {
  return `${grouped(count)} ${word}${count === 1 ? "" : "s"}`;
}

function bounded(answer: Json): string {
  const kept = new HeadAndTail();
  kept.add(typeof answer === "string" ? answer : JSON.stringify(answer, null, 2));
  const { head, tail, left } = kept.parts();
  return left === 0 ? head + tail : `${head}\n[${grouped(left)} characters left out]\n${tail}`;
}
