import type { Emit } from "../core/event.ts";
import type { Clock } from "../core/host.ts";
import type { Model } from "../core/model.ts";
import { paidOf } from "../core/price.ts";
import { fail, ok } from "../core/result.ts";
import { readReply } from "../loop/reply.ts";
import type { Tally } from "../loop/tally.ts";
import type { Attached, McpRun } from "./mcp.ts";

/** The events of a run, between whose first and last its servers tell of themselves, and are answered by its model. */
export function aroundRun(
  servers: McpRun,
  { emit, model, clock, tally }: { emit: Emit; model: Model; clock: Clock; tally: Tally },
): Emit {
  const sample: Attached["sample"] = async (server, request, signal) => {
    // A server can ask no more often than the run itself.
    if (tally.beforeTurn() !== undefined) return fail("failed", "The run has reached a limit");
    const replied = await readReply(model, request, tally.turns, tally, unheard(emit), clock, signal);
    const { reply } = replied;
    if (reply !== undefined) {
      tally.addReply(reply.model, reply);
      await emit({ type: "sampling", server, model: reply.model, ...paidOf(reply), duration_ms: reply.durationMs });
    }
    if (replied.type === "failure") return fail("failed", replied.failure.message);
    if (reply === undefined || replied.type === "limit") return fail("failed", "The run has reached a limit");
    const { model: name, text, stop } = reply;
    return ok({ text, model: name, stop: stop === "length" ? "length" : "end" });
  };
  return async (event, durability) => {
    const own = event.agent_id === undefined;
    if (own && event.type === "run_end") servers.detach();
    await emit(event, durability);
    if (own && (event.type === "run_start" || event.type === "run_resume")) await servers.attach({ emit, sample });
  };
}

/** What the model says to a server is no part of the run's answer. */
function unheard(emit: Emit): Emit {
  return async (event, durability) =>
    event.type === "text" || event.type === "reasoning" ? undefined : emit(event, durability);
}
