import type { Observe } from "../core/event.ts";
import type { Person } from "../core/host.ts";
import type { Mask } from "../core/mask.ts";
import type { Model } from "../core/model.ts";
import type { Ask, Confirm, Grants } from "../core/permission.ts";
import type { InputValues, Plan } from "../core/plan.ts";
import type { PlanView } from "../core/plan-view.ts";
import type { Problem } from "../core/problem.ts";
import type { RunResult } from "../core/result-document.ts";
import type { Result } from "../core/result.ts";
import type { NewRun } from "../core/store.ts";
import type { Tool } from "../core/tool.ts";
import type { OpenHost } from "../host/host.ts";
import type { Environment } from "../host/machine.ts";
import type { Policy } from "../permit/policy.ts";
import type { AttachedFile } from "./attach.ts";
import type { Journaling, OpenJournal } from "./journal.ts";
import type { McpRun } from "./mcp.ts";
import type { ModelFiles } from "./model.ts";
import type { Resumed } from "./resume.ts";

/** What a run is made from: a checked file, and what the caller says. */
export type RunRequest = {
  plan: Plan;
  grants: Grants;
  /** The --model flag. */
  model: string | undefined;
  session: string | undefined;
  /** How else it is to be journaled. */
  journaling?: Omit<Journaling, "session">;
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
  /** Only whether it could run is asked: no server is started. */
  judged?: true;
  /** The absolute paths of further files with MCP servers. */
  servers?: string[];
  /** A run that goes on. */
  resumed?: Resumed;
  /** A conversation, in which runs are started one after another: the time limit is that of each, and counts from its start. */
  lasting?: true;
};

/** What the caller has given: values for the plan's inputs, the PROMPT argument, and files to attach. */
export type Texts = { input: InputValues; prompt: string | undefined; files: readonly AttachedFile[] };

/** A run that has passed every check that needs no input: it can be looked at or started. Close it in any case. */
export type PreparedRun = {
  id: string;
  /** Interrupted by the caller, or by the run's time limit, which counts from now on. */
  signal: AbortSignal;
  /** In bytes: a longer prompt the model could not hold. */
  promptLimit: number;
  look(texts: Texts): Promise<Result<PlanView, Problem>>;
  /** Runs to the end. `turn`: it is one of several of a conversation. */
  start(texts: Texts, observe: Observe, turn?: Turn): Promise<Result<RunResult, Problem>>;
  /** Another model from the next start on. */
  useModel(name: string): Promise<Result<void, Problem>>;
  /** What runs are made of. */
  parts: Parts;
  close(): Promise<void>;
};

/** One run of a conversation. */
export type Turn = {
  id: string;
  signal: AbortSignal;
  /** Whose journal must not be lost. */
  session: string | undefined;
  open(run: NewRun): Promise<Result<OpenJournal>>;
  /** Whether the file's own prompt goes before the person's. */
  first: boolean;
};

/** What stays the same for all runs of a conversation. */
export type Parts = {
  host: OpenHost;
  policy: Policy;
  mask: Mask;
  /** The instructions as the model reads them. */
  instructions(input: InputValues): Result<string, Problem>;
  servers: McpRun | undefined;
  /** Starts what was not started yet. */
  tools(input: InputValues, signal: AbortSignal): Promise<Result<Tool[], Problem>>;
  /** The model that the next run has, unless a route decides by its prompt; undefined where there is none. */
  model(): Promise<Model | undefined>;
};
