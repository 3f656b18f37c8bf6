import type { AgentProgress } from "../core/agents.ts";
import { paidIn, type Event } from "../core/event.ts";

/** How far an agent is, told by its events. */
export type Watch = { see(event: Event): void; progress(): AgentProgress };

/** `before`: what it has done already. */
export function watch(before: readonly Event[] = []): Watch {
  const progress: AgentProgress = { turns: 0, calls: 0, tokens: 0, last: "it has just begun" };
  const watching: Watch = {
    see(event) {
      // What its own sub-agents use is its use.
      const paid = paidIn(event);
      if (paid !== undefined) progress.tokens += paid.usage.input + paid.usage.output;
      if (event.agent_id !== undefined) return;
      if (event.type === "turn_start") progress.turns = event.turn;
      if (event.type === "call_start") progress.calls++;
      progress.last = told(event) ?? progress.last;
    },
    progress: () => ({ ...progress }),
  };
  for (const event of before) watching.see(event);
  return watching;
}

/** What an event says of what an agent does; undefined where it says nothing new. */
function told(event: Event): string | undefined {
  switch (event.type) {
    case "turn_start":
      return `asks the model for turn ${event.turn}`;
    case "turn_end":
      return `has the model's answer of turn ${event.turn}`;
    case "call_start":
      return `calls ${event.call.name}`;
    case "call_end":
      return `has the ${event.error ? "failure" : "result"} of ${event.name}`;
    case "decision":
      return event.verdict === "deny" ? `was refused to ${event.kind} '${event.target}'` : undefined;
    case "retry":
      return `waits to ask the model again: ${event.reason}`;
    case "fallback":
    case "escalate":
      return `goes on with ${event.to}: ${event.reason}`;
    case "limit":
      return `reached the limit of ${event.limit}`;
    case "run_end":
      return `ended: ${event.result.outcome}`;
    default:
      return undefined;
  }
}
