import type { JsonObject } from "./json.ts";
import type { Result } from "./result.ts";
import type { RunResult } from "./result-document.ts";

/** What a sub-agent is to do: values for its inputs, and what follows the prompt of its own. */
export type AgentTask = { agent: string; input: JsonObject; prompt: string };

/** How far a sub-agent is. `tokens` are those of its own sub-agents too; `last` says what it did last. */
export type AgentProgress = { turns: number; calls: number; tokens: number; last: string };

/** A sub-agent that a run has started. It ends with the run at the latest. */
export type AgentRun = {
  /** `a1`, `a2`, …: within the run that started it. */
  id: string;
  agent: string;
  progress(): AgentProgress;
  /** Its result, once it has ended. */
  result(): RunResult | undefined;
  /** Never rejects. */
  ended: Promise<RunResult>;
  /** Ends it, with all that it started. */
  stop(): void;
  /** Whether it was told to end. */
  stopped(): boolean;
};

/** Starts the sub-agents of one run, and knows those that it has started. */
export type AgentDoor = {
  /** A failure when it could not begin; how it ends is its result. */
  start(task: AgentTask): Promise<Result<AgentRun>>;
  runs(): readonly AgentRun[];
};
