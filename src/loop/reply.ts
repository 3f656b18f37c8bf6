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
} from "../core/model.ts";
import { paidOf, type Paid } from "../core/price.ts";
import type { Tally } from "./tally.ts";

/** What one request to the model came to, and what it cost. Times in milliseconds. */
export type Reply = Paid & {
  /** The model that gave it. */
  model: string;
  text: string;
  calls: ToolCall[];
  opaque?: Json;
  stop: StopReason;
  durationMs: number;
  firstTokenMs: number;
};

/** How a request came out: answered; ended by a limit, or not even sent; failed. `reply`: what had come of an answer that was ended. */
export type Replied =
  | { type: "reply"; reply: Reply }
  | { type: "limit"; limit: "cost" | "tokens"; reply?: Reply }
  | { type: "failure"; failure: ModelFailure; reply?: Reply };

/** Events that come with a token. */
const saying: ReadonlySet<ModelEvent["type"]> = new Set(["text", "reasoning", "tool_call", "begun"]);

/** Reads one answer of the model to its end, within what the tally has left, and passes on what it says as it comes. */
export async function readReply(
  model: Model,
  request: ModelRequest,
  turn: number,
  tally: Tally | undefined,
  emit: (event: Event) => Promise<void>,
  clock: Clock,
  signal: AbortSignal,
): Promise<Replied> {
  const started = clock.now();
  let draft = emptyDraft();
  let asked = model.name;

  function came(stop: StopReason, opaque?: Json): Reply {
    const ended = clock.now();
    return {
      model: asked,
      text: draft.text,
      calls: draft.calls.filter((call) => call !== undefined),
      stop,
      ...draft.paid,
      durationMs: ended - started,
      firstTokenMs: (draft.firstToken ?? ended) - started,
      ...(opaque === undefined ? {} : { opaque }),
    };
  }

  /** What was cut may hold half a call. */
  function part(): { reply?: Reply } {
    const begun = draft.paid.usage !== noUsage || draft.text !== "";
    return begun ? { reply: { ...came("length"), calls: [] } } : {};
  }

  /** An attempt is void of which something was shown, or has to be paid for. */
  async function discard(reason: string): Promise<void> {
    const { paid, text } = draft;
    draft = emptyDraft();
    if (paid.usage === noUsage && text === "") return;
    tally?.addDiscarded(asked, paid);
    await emit({ type: "attempt_discarded", turn, model: asked, reason, shown: text.length, ...paidOf(paid) });
  }

  const bounded = tally === undefined ? request : { ...request, budget: tally.budget() };
  for await (const event of model.stream(bounded, signal)) {
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
      case "usage": {
        const { type: _type, ...paid } = event;
        draft.paid = paid;
        break;
      }
      case "warning":
        await emit(event);
        break;
      case "retry":
        await discard(event.failure.message);
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
      case "fallback": {
        const { from, to, failure } = event;
        await discard(failure.message);
        asked = to;
        const status = failure.status === undefined ? {} : { status: failure.status };
        await emit({ type: "fallback", turn, from, to, reason: failure.message, ...status });
        break;
      }
      case "failure": {
        const { failure } = event;
        if (signal.aborted) return { type: "failure", failure, ...part() };
        await discard(failure.message);
        return { type: "failure", failure };
      }
      case "limit":
        return { type: "limit", limit: event.limit, ...part() };
      case "stop":
        return { type: "reply", reply: came(event.reason, event.opaque) };
    }
  }
  // A stream that just ends was cut: what came is not an answer.
  const message = `${asked}: the answer was cut before its end`;
  await discard(message);
  return { type: "failure", failure: { kind: "network", message, retryable: true } };
}

type Draft = { text: string; calls: ToolCall[]; paid: Paid; firstToken: number | undefined };

function emptyDraft(): Draft {
  return { text: "", calls: [], paid: { usage: noUsage }, firstToken: undefined };
}
