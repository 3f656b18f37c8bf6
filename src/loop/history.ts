import type { DurableEvent } from "../core/event.ts";
import type { Message, ToolCall, ToolCallResult } from "../core/message.ts";

/**
 * The conversation that a session's events tell. A call whose result was never journaled (the run was killed) gets one that
 * says so, since every service refuses a call without its result.
 */
export function conversation(events: readonly DurableEvent[]): Message[] {
  const messages: Message[] = [];
  let calls: ToolCall[] = [];
  let results = new Map<string, ToolCallResult>();
  const settle = () => {
    if (calls.length > 0)
      messages.push({ role: "tool", results: calls.map((call) => results.get(call.id) ?? unknownOutcome(call)) });
    calls = [];
    results = new Map();
  };
  for (const event of events) {
    switch (event.type) {
      case "user":
        settle();
        messages.push({ role: "user", text: event.text });
        break;
      case "turn_end":
        settle();
        calls = [...event.message.calls];
        messages.push({ ...event.message, calls });
        break;
      // The arguments may have been repaired.
      case "call_start": {
        const at = calls.findIndex((call) => call.id === event.call.id);
        if (at >= 0) calls[at] = event.call;
        break;
      }
      case "call_end": {
        const { id, name, content, error } = event;
        results.set(id, { id, name, content, error });
        break;
      }
    }
  }
  settle();
  return messages;
}

function unknownOutcome(call: ToolCall): ToolCallResult {
  return { id: call.id, name: call.name, content: "Interrupted: the outcome of this call is unknown", error: true };
}
