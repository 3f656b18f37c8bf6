import type { DurableEvent, Stamped } from "./event.ts";
import type { McpPrompt, McpStatus } from "./mcp.ts";
import type { Attachment } from "./message.ts";
import type { PermissionLists } from "./permission.ts";
import type { Problem } from "./problem.ts";
import type { RunResult } from "./result-document.ts";
import type { Result } from "./result.ts";
import type { SessionSummary } from "./store.ts";

/** A file that goes to the model with what a person says: a text as a part of it, an image or a PDF beside it. */
export type TalkFile = { name: string } & ({ text: string } | { attachment: Attachment; what: string });

/** A file that the last turn has changed, and what taking that back would do. `diff` is from what is there now. */
export type UndoneFile = { path: string; diff: string } & ({ can: true } | { can: false; why: string });

/** What taking back the last turn takes back. */
export type Undone = { prompt: string; files: UndoneFile[] };

/** What the next request is made of, as it is estimated. `limit`: absent where nothing tells how much the model reads. */
export type TalkSize = {
  tokens: number;
  limit?: number;
  messages: number;
  parts: Array<{ name: string; tokens: number }>;
};

/** The text of a file before and after a change; null where there was no file. */
export type ChangedText = { before: string | null; after: string | null };

/** One row of a list of what an agent has. */
export type Named = { name: string; description: string };

/** A conversation with an agent, whose model, tools and servers are made once. Each turn is a run of its session. */
export type Talk = {
  agent: string;
  session(): string;
  /** Of the model that answers next; undefined where a route decides by what is asked. */
  model(): string | undefined;
  /** Runs one turn; `observe` is told of each event. An abort ends it, and what came of the answer stays. */
  turn(
    prompt: string,
    files: readonly TalkFile[],
    observe: (event: Stamped) => void,
    signal: AbortSignal,
  ): Promise<Result<RunResult, Problem>>;
  /** Another model from the next turn on. */
  useModel(name: string): Promise<Result<void, Problem>>;
  /** What the model is offered. Starts servers that were not needed yet. */
  tools(signal: AbortSignal): Promise<Result<Named[], Problem>>;
  agents: readonly Named[];
  servers(): McpStatus[];
  /** What the servers offer as commands; a server that does not answer has none. */
  prompts(signal: AbortSignal): Promise<McpPrompt[]>;
  /** The text of a server's prompt. */
  prompt(server: string, name: string, values: Record<string, string>, signal: AbortSignal): Promise<Result<string>>;
  permissions: { allowed: PermissionLists; ungranted: PermissionLists; denied: PermissionLists };
  size(signal: AbortSignal): Promise<Result<TalkSize, Problem>>;
  /** What a change did to a file, as long as nothing has changed it since; undefined where that is not known, or is no text. */
  changed(change: Extract<DurableEvent, { type: "file_change" }>): Promise<ChangedText | undefined>;
  /** Makes requests shorter: tokens before and after; undefined where nothing can go. */
  compact(signal: AbortSignal): Promise<Result<{ before: number; after: number } | undefined, Problem>>;
  /** The next turn begins anew; the journal keeps what was. Says how many turns went. */
  clear(): Promise<Result<number, Problem>>;
  /** What `undo` would take back; undefined where there is no turn. */
  undoable(): Promise<Result<Undone | undefined, Problem>>;
  /** Takes back the last turn: what was asked in it. With `files` also what it changed in files; the failures of that. */
  undo(files: boolean): Promise<Result<{ prompt: string; failed: string[] } | undefined, Problem>>;
  /** The turns of the session, with what was asked and answered, but for those taken back; or a run, by its id, whatever became of it. */
  events(run?: string): Promise<Result<Stamped<DurableEvent>[], Problem>>;
  sessions(): Promise<Result<SessionSummary[], Problem>>;
  /** Goes on with another session, by its name, the start of it, or `last`: what it is called, and how many turns it had. */
  resume(name: string): Promise<Result<{ name: string; turns: number }, Problem>>;
  /** Goes on in a copy of the session, which stays as it is: what the copy is called. */
  fork(name: string | undefined): Promise<Result<string, Problem>>;
  /** All of the session, with the bytes that its events name, by SHA-256. */
  exported(): Promise<
    Result<{ name: string; events: Stamped<DurableEvent>[]; kept: Map<string, Uint8Array> }, Problem>
  >;
  close(): Promise<void>;
};
