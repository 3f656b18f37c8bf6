import type { Message, ToolCall } from "./message.ts";
import type { StopReason, Usage } from "./model.ts";
import type { PermissionKind } from "./permission.ts";
import type { RunResult } from "./result-document.ts";
import type { Effects } from "./tool.ts";

/** The version of this format. Within a version fields are only added. */
export const eventVersion = 1;

/** What is journaled before anything follows from it. */
export type DurableEvent =
  | {
      type: "run_start";
      version: number;
      run_id: string;
      agent: string;
      /** SHA-256 of the agent file. */
      hash: string;
      model: string;
      session?: string;
      instructions: string;
    }
  | { type: "user"; text: string; /** Why rein wrote it, when it was not the user. */ reason?: "repair" }
  | { type: "turn_start"; turn: number }
  | {
      type: "turn_end";
      turn: number;
      message: Extract<Message, { role: "assistant" }>;
      stop: StopReason;
      usage: Usage;
      duration_ms: number;
      /** Until the first text, reasoning or tool call arrived. */
      first_token_ms: number;
    }
  | { type: "call_start"; turn: number; call: ToolCall; effects: Effects }
  | { type: "call_end"; turn: number; id: string; name: string; content: string; error: boolean; duration_ms: number }
  | {
      type: "decision";
      /** The call that asked; absent for a check. */
      call?: string;
      kind: PermissionKind;
      target: string;
      verdict: "allow" | "deny";
      by: "grant" | "answer" | "gate";
      reason?: string;
      flag?: string;
    }
  | { type: "retry"; turn: number; attempt: number; of: number; wait_ms: number; reason: string }
  | { type: "limit"; limit: LimitName; value: number; max: number }
  | { type: "check"; run: string[]; ok: boolean; detail: string }
  | { type: "run_end"; result: RunResult };

/** What only informs those who watch. May be joined or dropped when a reader is slow. */
export type PassingEvent =
  | { type: "text"; turn: number; text: string }
  | { type: "reasoning"; turn: number; text: string }
  | { type: "output"; call: string; text: string }
  | { type: "warning"; message: string };

export type LimitName = "turns" | "tool_calls" | "tokens" | "time" | "output_length" | "same_failure" | "same_denial";

export type Event = DurableEvent | PassingEvent;

/** An event as it is journaled and printed: numbered within its run, with the time in milliseconds since 1970. */
export type Stamped<E extends Event = Event> = { seq: number; time: number } & E;

/** A durable event, and whether it must be on disk before the call returns. */
export type Emit = (event: Event, durability?: "flush") => Promise<void>;

const passing: ReadonlySet<Event["type"]> = new Set<PassingEvent["type"]>(["text", "reasoning", "output", "warning"]);

export function isDurable(event: Event): event is DurableEvent {
  return !passing.has(event.type);
}
