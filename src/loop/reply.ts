import type { Event } from "../core/event.ts";
import type { Clock } from "../core/host.ts";
import type { Json } from "../core/json.ts";
import type { ToolCall } from "../core/message.ts";
import {
  noUsage,
  type Model,
  type ModelEvent,
  type ModelFailure,
  type ModelRequest,
  type StopReason,
  type Usage,
} from "../core/model.ts";
import type { Result } from "../core/result.ts";

/** What one request to the model came to. Times in milliseconds. */
export type Reply = {
  text: string;
  calls: ToolCall[];
  opaque?: Json;
  stop: StopReason;
  usage: Usage;
  durationMs: number;
  firstTokenMs: number;
};

/** Events that come with a token. */
const saying: ReadonlySet<ModelEvent["type"]> = new Set(["text", "reasoning", "tool_call", "begun"]);

/** Reads one answer of the model to its end, and passes on what it says as it comes. */
export async function readReply(
  model: Model,
  request: ModelRequest,
  turn: number,
  emit: (event: Event) => Promise<void>,
  clock: Clock,
  signal: AbortSignal,
): Promise<Result<Reply, ModelFailure>> {
  const started = clock.now();
  let draft = emptyDraft();
  for await (const event of model.stream(request, signal)) {
    if (saying.has(event.type)) draft.firstToken ??= clock.now();
    switch (event.type) {
      case "text":
        draft.text += event.text;
        await emit({ type: "text", turn, text: event.text });
        break;
      case "reasoning":
        await emit({ type: "reasoning", turn, text: event.text });
        break;
      case "tool_call": {
        const call = (draft.calls[event.index] ??= { id: "", name: "", arguments: "" });
        if (event.id !== undefined) call.id = event.id;
        if (event.name !== undefined) call.name = event.name;
        call.arguments += event.arguments;
        break;
      }
      case "usage":
        draft.usage = event.usage;
        break;
      case "warning":
        await emit(event);
        break;
      case "retry":
        draft = emptyDraft();
        await emit({
          type: "retry",
          turn,
          attempt: event.attempt,
          of: event.of,
          wait_ms: event.waitMs,
          reason: event.failure.message,
          ...(event.failure.status === undefined ? {} : { status: event.failure.status }),
        });
        break;
      case "failure":
        return { ok: false, error: event.failure };
      case "stop": {
        const ended = clock.now();
        const reply: Reply = {
          text: draft.text,
          calls: draft.calls.filter((call) => call !== undefined),
          stop: event.reason,
          usage: draft.usage,
          durationMs: ended - started,
          firstTokenMs: (draft.firstToken ?? ended) - started,
        };
        if (event.opaque !== undefined) reply.opaque = event.opaque;
        return { ok: true, value: reply };
      }
    }
  }
  // A stream that just ends was cut: what came is not an answer.
  return {
    ok: false,
    error: { kind: "network", message: `${model.name}: the answer was cut before its end`, retryable: true },
  };
}

type Draft = { text: string; calls: ToolCall[]; usage: Usage; firstToken: number | undefined };

function emptyDraft(): Draft {
  return { text: "", calls: [], usage: noUsage, firstToken: undefined };
}
