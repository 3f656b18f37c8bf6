import type { JsonObject } from "./json.ts";
import type { McpState, McpTransportName } from "./mcp.ts";
import type { AttachmentFacts, KeptText, Message, ToolCall } from "./message.ts";
import type { StopReason, Usage } from "./model.ts";
import type { Grants, PermissionKind, PermissionLists } from "./permission.ts";
import type { Picture } from "./picture.ts";
import type { Paid } from "./price.ts";
import type { Scorer, Side } from "./route.ts";
import type { RunResult } from "./result-document.ts";
import type { Effects } from "./tool.ts";

/** The version of this format. Within a version fields are only added. */
export const eventVersion = 1;

/** What is journaled before anything follows from it. */
export type DurableEvent =
  /** A run begins. */
  | {
      type: "run_start";
      version: number;
      run_id: string;
      agent: string;
      /** SHA-256 of the agent file. */
      hash: string;
      /** That of each further file that the agent is made of, by the path relative to the agent file's folder. */
      files?: Record<string, string>;
      model: string;
      session?: string;
      instructions: string;
      /** The call that it was spawned by, where it is a sub-agent's. */
      call?: string;
      /** The values of its inputs, with secrets masked. */
      input?: JsonObject;
      /** What else it takes to go on with the run; absent for a sub-agent's, which goes on with the run around it. */
      launch?: Launch;
    }
  /** A run that was ended before it was done goes on: what it has done so far is not done again. */
  | {
      type: "run_resume";
      version: number;
      run_id: string;
      agent: string;
      /** SHA-256 of the agent file, and of further ones, as they are now. */
      hash: string;
      files?: Record<string, string>;
      model: string;
      /** The turns and calls that are done. */
      turns: number;
      calls: number;
    }
  /** What the model is told in the user's name. */
  | {
      type: "user";
      text: string;
      /** Why rein wrote it, when it was not the user. */
      reason?: "repair" | "check";
      /** The images and PDFs that it is shown with the text. */
      attachments?: AttachmentFacts[];
    }
  /** A request is sent to the model. */
  | {
      type: "turn_start";
      turn: number;
      /** How much of the tokens that a request may have it takes, from 0 to 1, as it is estimated; absent where that many are not known. */
      share?: number;
      /** A hash of the instructions and tools in it, which services keep while they stay the same. */
      prefix?: string;
    }
  /** The conversation grew too long: from now on requests hold less of it. The journal has it as it was. */
  | {
      type: "compact";
      /** The turn whose request did not fit. */
      turn: number;
      /** What it had too many of; `refused`: the service found it too long; `asked`: a person wanted it shorter. */
      reason: "tokens" | "messages" | "refused" | "asked";
      /** Tokens of the request before and after, and the most that it may have, as they are estimated. */
      tokens: { before: number; after: number; limit: number };
      /** Tool results there have only their start and end now, so many characters, and their images and PDFs are gone. */
      cut: Array<Places & { keep: number }>;
      /** Messages that are gone. */
      removed: Places[];
      /** The turns of this run among them. */
      turns: Places[];
      /** What stands for all messages that are gone, behind the text of that message. */
      note?: { at: number; text: string };
      /** The request that made the summary in the note. */
      summary?: Paid & { model: string; duration_ms: number };
    }
  /** The model's answer is whole; `message` is what the conversation keeps of it. */
  | {
      type: "turn_end";
      turn: number;
      message: Extract<Message, { role: "assistant" }>;
      stop: StopReason;
      /** The model that gave it. */
      model?: string;
      usage: Usage;
      /** In US dollars; absent where the price is not known. */
      cost?: number;
      /** The cost is what a list says and not what is billed. */
      notional?: true;
      /** The service told no usage: it is counted from what came. So it is for an answer that was ended before its end. */
      estimated?: true;
      /** Nothing was sent: the same request had been answered before. */
      from_cache?: true;
      duration_ms: number;
      /** Until the first text, reasoning or tool call arrived. */
      first_token_ms: number;
    }
  /** A tool is about to run. */
  | {
      type: "call_start";
      turn: number;
      call: ToolCall;
      effects: Effects;
      /** What was wrong with arguments that were almost JSON. `call` has them put right. */
      repaired?: string[];
    }
  /** A call is over; `content` is what the model reads of it. */
  | {
      type: "call_end";
      turn: number;
      id: string;
      name: string;
      content: string;
      error: boolean;
      duration_ms: number;
      /** The images and PDFs that the model is shown with it. */
      attachments?: AttachmentFacts[];
      /** The tool knew it from an earlier call, and nothing had changed since. */
      cached?: true;
      /** What `content` shows only the start and the end of: `rein sessions show RUN --whole SHA256` prints it. */
      whole?: KeptText;
      /** The tool was not run: the arguments did not fit it. */
      misfit?: true;
      /** The run was ended meanwhile, and the call with it: where it goes on, a call without effects is made again. */
      interrupted?: true;
    }
  /** In a conversation a tool is about to change a file: what it was, so that a person can have it back. */
  | {
      type: "file_change";
      call: string;
      /** Absolute. */
      path: string;
      /** What was there; null where there was nothing. Absent where it is not kept: it may not be read, is no file, or is too large. */
      before?: KeptText | null;
      /** The SHA-256 of what is there from now on; null where it was deleted. */
      after: string | null;
    }
  /** A person has taken back earlier runs of this session: the conversation goes on as if they had not been. */
  | { type: "undo"; runs: string[] }
  /** A tool drew something for the user. */
  | {
      type: "canvas";
      call: string;
      picture: Picture;
      /** How it looks without colours, 80 columns wide. */
      text: string;
    }
  /** The gate allowed or refused something. */
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
  /** What came of a request is void, and paid for as far as it is known: it is made anew, or the run ends. */
  | {
      type: "attempt_discarded";
      turn: number;
      model: string;
      reason: string;
      /** Characters of its text that were passed on already. */
      shown: number;
      usage: Usage;
      cost?: number;
      notional?: true;
      estimated?: true;
    }
  /** A request failed and is made anew after a wait: the turn's text, reasoning and calls so far are void. */
  | {
      type: "retry";
      turn: number;
      attempt: number;
      of: number;
      wait_ms: number;
      reason: string;
      /** The HTTP status, where the service answered. */
      status?: number;
    }
  /** A route has decided which of its models a run has. `score` is null where the prompt is not judged. */
  | {
      type: "route";
      side: Side;
      model: string;
      scorer: Scorer;
      score: number | null;
      /** A score strictly above it goes to the complex model. */
      threshold: number;
      why: string;
    }
  /** A model cannot be had, and the next one is asked: the turn's text, reasoning and calls so far are void. */
  | {
      type: "fallback";
      /** Absent where it was known before the first one. */
      turn?: number;
      from: string;
      to: string;
      reason: string;
      /** The HTTP status, where the service answered. */
      status?: number;
    }
  /** What a route's simple model has answered was not good enough: its complex model goes on. */
  | { type: "escalate"; turn: number; from: string; to: string; reason: string }
  /** How an MCP server is, when the run begins and whenever that changes. */
  | {
      type: "mcp_server";
      name: string;
      transport: McpTransportName;
      state: McpState;
      /** How many tools it has. */
      tools: number;
      /** From its start to its list of tools. */
      ready_ms?: number;
      /** What went wrong with it last. */
      error?: string;
    }
  /** The run's model answered a question of an MCP server, which the file allows it to ask. */
  | {
      type: "sampling";
      server: string;
      model: string;
      usage: Usage;
      cost?: number;
      notional?: true;
      estimated?: true;
      duration_ms: number;
    }
  /** A limit was reached; the run ends. */
  | { type: "limit"; limit: LimitName; value: number; max: number }
  /** A check has judged the answer. */
  | { type: "check"; run: string[]; ok: boolean; detail: string }
  /**
   * The run is over. That of the whole run, without an `agent_id`, is the last event, unless the run goes on later. `interrupted`: it
   * is a sub-agent's that was ended together with the run around it, and would go on with that.
   */
  | { type: "run_end"; result: RunResult; interrupted?: true };

/** How a run was begun. */
export type Launch = {
  /** The absolute path of the agent file. */
  file?: string;
  /** The text of one that came on stdin, "" where there was none at all; absent where a secret is in it. */
  text?: string;
  /** The working folder. */
  cwd: string;
  /** The model that the caller named. */
  model?: string;
  grants: Grants;
  /** What the file requested and denied itself; absent where it did neither. */
  permissions?: PermissionLists;
  deny?: PermissionLists;
  /** The absolute paths of further files with MCP servers. */
  servers?: string[];
};

/** Places of messages, counted from 0 over all that the session ever had, the last included. */
export type Places = { from: number; to: number };

/** What was taken out of the conversation. */
export type CompactEvent = Extract<DurableEvent, { type: "compact" }>;

/** What only informs those who watch. May be joined or dropped when a reader is slow. */
export type PassingEvent =
  /** A piece of the model's answer as it comes. */
  | { type: "text"; turn: number; text: string }
  /** A piece of what the model thinks before it answers. */
  | { type: "reasoning"; turn: number; text: string }
  /** A piece of what a tool prints while it runs. */
  | { type: "output"; call: string; text: string }
  /** Something that the user should know and that ends nothing. */
  | { type: "warning"; message: string };

export type LimitName =
  "turns" | "tool_calls" | "tokens" | "cost" | "time" | "output_length" | "same_failure" | "same_denial";

/**
 * The sub-agent whose event it is, by its id: `a1`; `a1.a2` is the second that `a1` spawned. Absent: the run's own. Turns and ids
 * of calls are counted in each agent by itself.
 */
export type Nested = { agent_id?: string };

export type Event = (DurableEvent | PassingEvent) & Nested;

/** An event as it is journaled and printed: numbered within its run, with the time in milliseconds since 1970. */
export type Stamped<E extends DurableEvent | PassingEvent = Event> = { seq: number; time: number } & Nested & E;

/** Is told of each event. What it returns is waited for: no longer than a turn of the event loop takes. */
export type Observe = (event: Stamped) => void | Promise<void>;

/** A durable event, and whether it must be on disk before the call returns. */
export type Emit = (event: Event, durability?: "flush") => Promise<void>;

const passing: ReadonlySet<Event["type"]> = new Set<PassingEvent["type"]>(["text", "reasoning", "output", "warning"]);

export function isDurable(event: Event): event is DurableEvent {
  return !passing.has(event.type);
}

/** What a model call that an event tells of has used and cost, and the model; undefined where it tells of none. */
export function paidIn(event: Event): (Paid & { model?: string }) | undefined {
  switch (event.type) {
    case "turn_end":
    case "attempt_discarded":
    case "sampling":
      return event;
    case "compact":
      return event.summary;
    default:
      return undefined;
  }
}
