import type { SessionUpdate, ToolCallContent, ToolKind } from "@agentclientprotocol/sdk";
import type { Stamped } from "../core/event.ts";
import { isJsonObject, type Json } from "../core/json.ts";
import type { ToolCall } from "../core/message.ts";
import type { ChangedText } from "../core/talk.ts";

/** How a call is named on one line. */
export type Label = (call: ToolCall) => string;

/** Of what a tool prints while it runs an editor is shown the end, so many characters, and not more often than this. */
const mostOutput = 4000;
const outputEveryMs = 300;

type Call = { label: string; printed: string; shownAt: number; pictures: ToolCallContent[] };

/** What an editor is told of a session's events, as they come or when they are told again (`replayed`). */
export class Updates {
  readonly #label: Label;
  readonly #cwd: string;
  readonly #replayed: boolean;
  readonly #calls = new Map<string, Call>();
  #run = "";

  constructor(label: Label, cwd: string, replayed: boolean) {
    this.#label = label;
    this.#cwd = cwd;
    this.#replayed = replayed;
  }

  /** The call that is under way, where it is one alone. */
  only(): { id: string; label: string } | undefined {
    const [first, ...others] = this.#calls;
    return first === undefined || others.length > 0 ? undefined : { id: first[0], label: first[1].label };
  }

  /** Ids of calls are unique within one agent of one run. */
  idOf(event: Stamped, call: string): string {
    return [this.#run, ...(event.agent_id === undefined ? [] : [event.agent_id]), call].join("/");
  }

  /** `changes`: what the call did to files, where it ended. */
  of(event: Stamped, changes: ReadonlyArray<ChangedText & { path: string }> = []): SessionUpdate[] {
    const own = event.agent_id === undefined;
    switch (event.type) {
      case "run_start":
        if (own) this.#run = event.run_id;
        return [];
      case "user":
        return own && this.#replayed && event.reason === undefined ? [said("user_message_chunk", event.text)] : [];
      // What was streamed need not be told again.
      case "text":
        return own ? [said("agent_message_chunk", event.text, this.#message(event.turn))] : [];
      case "reasoning":
        return own ? [said("agent_thought_chunk", event.text, this.#message(event.turn))] : [];
      case "turn_end":
        return own && this.#replayed && event.message.text !== ""
          ? [said("agent_message_chunk", event.message.text, this.#message(event.turn))]
          : [];
      case "call_start":
        return [this.#begun(event)];
      case "output":
        return this.#printed(event);
      case "canvas":
        this.#calls.get(this.idOf(event, event.call))?.pictures.push(textContent(`\`\`\`\n${event.text}\n\`\`\``));
        return [];
      case "call_end":
        return [this.#ended(event, changes)];
      default:
        return [];
    }
  }

  #message(turn: number): string {
    return `${this.#run}/${turn}`;
  }

  #begun(event: Extract<Stamped, { type: "call_start" }>): SessionUpdate {
    const toolCallId = this.idOf(event, event.call.id);
    const who = event.agent_id === undefined ? "" : `${event.agent_id}: `;
    const label = `${who}${this.#label(event.call)}`;
    this.#calls.set(toolCallId, { label, printed: "", shownAt: event.time, pictures: [] });
    const rawInput = argumentsOf(event.call);
    const path = isJsonObject(rawInput) ? rawInput["path"] : undefined;
    const kind = kinds[event.call.name] ?? "other";
    const locations =
      typeof path === "string" && kind !== "other" && path !== "" ? [{ path: absolute(path, this.#cwd) }] : [];
    return { sessionUpdate: "tool_call", toolCallId, title: label, kind, status: "in_progress", rawInput, locations };
  }

  #printed(event: Extract<Stamped, { type: "output" }>): SessionUpdate[] {
    const toolCallId = this.idOf(event, event.call);
    const call = this.#calls.get(toolCallId);
    if (call === undefined) return [];
    call.printed = `${call.printed}${event.text}`.slice(-mostOutput);
    if (event.time - call.shownAt < outputEveryMs) return [];
    call.shownAt = event.time;
    const content = [textContent(fenced(call.printed.toWellFormed()))];
    return [{ sessionUpdate: "tool_call_update", toolCallId, status: "in_progress", content }];
  }

  #ended(
    event: Extract<Stamped, { type: "call_end" }>,
    changes: ReadonlyArray<ChangedText & { path: string }>,
  ): SessionUpdate {
    const toolCallId = this.idOf(event, event.id);
    const pictures = this.#calls.get(toolCallId)?.pictures ?? [];
    this.#calls.delete(toolCallId);
    const diffs = changes.map(({ path, before, after }): ToolCallContent => ({
      type: "diff",
      path,
      oldText: before,
      newText: after ?? "",
    }));
    const text = diffs.length > 0 && !event.error ? [] : [textContent(fenced(event.content))];
    const status = event.error ? "failed" : "completed";
    return { sessionUpdate: "tool_call_update", toolCallId, status, content: [...diffs, ...pictures, ...text] };
  }
}

function said(
  sessionUpdate: "user_message_chunk" | "agent_message_chunk" | "agent_thought_chunk",
  text: string,
  messageId?: string,
): SessionUpdate {
  return { sessionUpdate, content: { type: "text", text }, ...(messageId === undefined ? {} : { messageId }) };
}

export function textContent(text: string): ToolCallContent {
  return { type: "content", content: { type: "text", text } };
}

/** Editors read texts as Markdown, which what tools return mostly is not. */
function fenced(text: string): string {
  if (!text.includes("\n")) return text;
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text.replace(/\n$/, "")}\n${fence}`;
}

function argumentsOf({ arguments: text }: ToolCall): Json {
  try {
    const value: Json = JSON.parse(text === "" ? "{}" : text);
    return value;
  } catch {
    return text; // As the model wrote it.
  }
}

/** Where a file is that a tool was given by a path. */
function absolute(path: string, cwd: string): string {
  return path.startsWith("/") || path.startsWith("~") ? path : `${cwd}/${path.replace(/^(\.\/)+/, "")}`;
}

/** What editors draw the tools that rein brings as. Those whose `path` is a file of the disk are not `other`. */
const kinds: Readonly<Record<string, ToolKind>> = {
  file_read: "read",
  file_list: "search",
  file_search: "search",
  lsp_integration: "search",
  file_write: "edit",
  file_edit: "edit",
  memory_write: "edit",
  memory_read: "read",
  file_delete: "delete",
  bash_exec: "execute",
  git_operations: "execute",
  web_scrape: "fetch",
  web_search: "fetch",
  http_request: "fetch",
};
