import type { DurableEvent, Nested } from "../core/event.ts";
import type { Attachment, AttachmentFacts, Message, ToolCall, ToolCallResult } from "../core/message.ts";
import { Conversation } from "./conversation.ts";
import { isWhole, saysNothing } from "./past.ts";

/**
 * The conversation that a session's events tell. A call whose result was never journaled (the run was killed) gets one that
 * says so, since every service refuses a call without its result. `data` is an attachment's bytes as base64; where they are not
 * kept any more, the text says so.
 */
export function conversation(
  events: ReadonlyArray<DurableEvent & Nested>,
  data: (sha256: string) => string | undefined = () => undefined,
): Conversation {
  const told = new Conversation();
  let calls: ToolCall[] = [];
  let results = new Map<string, ToolCallResult>();
  const settle = () => {
    if (calls.length > 0)
      told.push({ role: "tool", results: calls.map((call) => results.get(call.id) ?? unknownOutcome(call)) });
    calls = [];
    results = new Map();
  };
  for (const event of withoutParts(withoutUndone(events))) {
    // What a sub-agent said is no part of it but as the result of a call.
    if (event.agent_id !== undefined) continue;
    switch (event.type) {
      case "user":
        settle();
        told.push(asked(event, data));
        break;
      case "turn_end":
        settle();
        calls = [...event.message.calls];
        told.push({ ...event.message, calls });
        break;
      // The arguments may have been repaired.
      case "call_start": {
        const at = calls.findIndex((call) => call.id === event.call.id);
        if (at >= 0) calls[at] = event.call;
        break;
      }
      case "compact":
        settle();
        told.compact(event);
        break;
      case "call_end": {
        results.set(event.id, resultOf(event, data));
        break;
      }
    }
  }
  settle();
  return told;
}

/** The events without those of runs that a person has taken back. */
export function withoutUndone<E extends DurableEvent & Nested>(events: readonly E[]): readonly E[] {
  const undone = new Set(events.flatMap((event) => (event.type === "undo" ? event.runs : [])));
  if (undone.size === 0) return events;
  let run = "";
  return events.filter((event) => {
    if (event.type === "run_start" && event.agent_id === undefined) run = event.run_id;
    return !undone.has(run);
  });
}

/** An answer that was cut is in no later request, where the run asked for it again when it went on, or asked a stronger model. */
function withoutParts<E extends DurableEvent & Nested>(events: readonly E[]): readonly E[] {
  if (!events.some(({ type }) => type === "run_resume" || type === "escalate")) return events;
  const asked = new Set<number>();
  let escalated: number | undefined;
  const kept = events.toReversed().filter((event) => {
    if (event.agent_id !== undefined) return true;
    if (event.type === "run_start") asked.clear();
    if (event.type === "escalate") escalated = event.turn;
    if (event.type !== "turn_end") return true;
    const again = asked.has(event.turn);
    const stronger = escalated === event.turn;
    asked.add(event.turn);
    escalated = undefined;
    return !(stronger && saysNothing(event)) && (isWhole(event) || !again);
  });
  return kept.toReversed();
}

type Data = (sha256: string) => string | undefined;

function asked({ text, attachments: facts = [] }: Extract<DurableEvent, { type: "user" }>, data: Data): Message {
  const { attachments, lost } = attached(facts, data);
  const whole = text + lost;
  return attachments.length === 0 ? { role: "user", text: whole } : { role: "user", text: whole, attachments };
}

/** What the model is told of a call that has ended. */
export function resultOf(event: Extract<DurableEvent, { type: "call_end" }>, data: Data): ToolCallResult {
  const { id, name, content, error, attachments: facts = [] } = event;
  const { attachments, lost } = attached(facts, data);
  const result = { id, name, content: content + lost, error };
  return attachments.length === 0 ? result : { ...result, attachments };
}

/** The attachments that events tell of, and a note on those whose bytes are gone. */
function attached(facts: readonly AttachmentFacts[], data: Data): { attachments: Attachment[]; lost: string } {
  const attachments: Attachment[] = [];
  let lost = "";
  for (const { media_type: mediaType, name, sha256 } of facts) {
    const bytes = data(sha256);
    if (bytes === undefined) lost += `\n[Not kept: ${name === undefined ? mediaType : `'${name}'`}]`;
    else attachments.push({ mediaType, data: bytes, ...(name === undefined ? {} : { name }) });
  }
  return { attachments, lost };
}

function unknownOutcome(call: ToolCall): ToolCallResult {
  return { id: call.id, name: call.name, content: "Interrupted: the outcome of this call is unknown", error: true };
}
