import type { Emit } from "../core/event.ts";
import type { Clock } from "../core/host.ts";
import { noUsage, type Model, type ModelRequest } from "../core/model.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Reply } from "../loop/reply.ts";
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
    const replied = await answerOf(model, request, clock, signal);
    if (!replied.ok) return replied;
    const { model: name, text, stop, usage, durationMs } = replied.value;
    tally.addReply(name, replied.value);
    await emit({ type: "sampling", server, model: name, usage, duration_ms: durationMs });
    return ok({ text, model: name, stop: stop === "length" ? "length" : "end" });
  };
  return async (event, durability) => {
    const own = event.agent_id === undefined;
    if (own && event.type === "run_end") servers.detach();
    await emit(event, durability);
    if (own && event.type === "run_start") await servers.attach({ emit, sample });
  };
}

/** One answer of the model, which nobody watches as it comes. */
async function answerOf(
  model: Model,
  request: ModelRequest,
  clock: Clock,
  signal: AbortSignal,
): Promise<Result<Reply>> {
  const started = clock.now();
  let text = "";
  let usage = noUsage;
  let first: number | undefined;
  for await (const event of model.stream(request, signal)) {
    switch (event.type) {
      case "text":
        first ??= clock.now();
        text += event.text;
        break;
      case "usage":
        usage = event.usage;
        break;
      case "retry":
      case "fallback":
        text = "";
        break;
      case "failure":
        return fail("failed", event.failure.message);
      case "stop": {
        const ended = clock.now();
        const times = { durationMs: ended - started, firstTokenMs: (first ?? ended) - started };
        return ok({ model: model.name, text, calls: [], stop: event.reason, usage, ...times });
      }
    }
  }
  return fail("failed", `${model.name}: the answer was cut before its end`);
}
