import type { AgentView } from "../core/agent-view.ts";
import type { Stamped } from "../core/event.ts";
import type { Person } from "../core/host.ts";
import type { Ask, Confirm, Grants } from "../core/permission.ts";
import type { InputValues, Plan } from "../core/plan.ts";
import type { Problem } from "../core/problem.ts";
import type { RunResult } from "../core/result-document.ts";
import type { Routed } from "../core/route.ts";
import type { Result } from "../core/result.ts";
import type { Tool } from "../core/tool.ts";
import type { Environment } from "../host/machine.ts";
import type { PolicyDescription } from "../permit/describe.ts";
import type { AttachedFile } from "./attach.ts";
import type { ModelFiles } from "./model.ts";

/** What a run is made from: a checked file, and what the caller says. */
export type RunRequest = {
  plan: Plan;
  grants: Grants;
  /** The --model flag. */
  model: string | undefined;
  session: string | undefined;
  cwd: string;
  environment: Environment;
  /** Absent where there is nobody to ask. */
  ask: Ask | undefined;
  /** Likewise. */
  confirm?: Confirm;
  /** Shows lines to a person; absent where there is nobody. */
  tell?: Person["tell"];
  /** Likewise: reads a line of theirs. */
  line?: NonNullable<Person["line"]>;
  /** Aborted with an Interruption. */
  interrupts: AbortSignal;
  files: ModelFiles;
  /** Whether text is shown as it comes: then a request is not made anew after its first text. */
  streamed: boolean;
  /** A look at the plan: no model need be named, nothing need be granted. */
  dryRun: boolean;
};

/** What the caller has given: values for the plan's inputs, the PROMPT argument, and files to attach. */
export type Texts = { input: InputValues; prompt: string | undefined; files: readonly AttachedFile[] };

/** What `--dry-run` shows. */
export type DryRun = {
  plan: Plan;
  model: string | null;
  fallback: string[];
  route: Routed | null;
  instructions: string;
  prompt: string;
  tools: Array<Pick<Tool, "name" | "description" | "input">>;
  agents: AgentView[];
  permissions: PolicyDescription;
};

/** A run that has passed every check that needs no input: it can be looked at or started. Close it in any case. */
export type PreparedRun = {
  id: string;
  /** Interrupted by the caller, or by the run's time limit, which counts from now on. */
  signal: AbortSignal;
  /** In bytes: a longer prompt the model could not hold. */
  promptLimit: number;
  look(texts: Texts): Promise<Result<DryRun, Problem>>;
  /** Runs to the end; `observe` is told of each event and never waits. */
  start(texts: Texts, observe: (event: Stamped) => void): Promise<Result<RunResult, Problem>>;
  close(): Promise<void>;
};
