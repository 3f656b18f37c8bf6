import type { AgentView } from "./agent-view.ts";
import type { ToolSpec } from "./model.ts";
import type { PermissionLists } from "./permission.ts";
import type { Plan } from "./plan.ts";
import type { Routed } from "./route.ts";

/** What `--dry-run` shows: all that a run would begin with. */
export type PlanView = {
  plan: Plan;
  /** `provider/model`; null when none was chosen. */
  model: string | null;
  /** Those that stand in for it, in their order. */
  fallback: string[];
  /** How a route came to it; null where there is none. */
  route: Routed | null;
  /** With the values filled in. */
  instructions: string;
  prompt: string;
  tools: ToolSpec[];
  agents: AgentView[];
  permissions: PermissionView;
};

/** What an agent may touch, and its children. */
export type PermissionView = {
  allowed: PermissionLists;
  /** Requested by the file and not granted. */
  ungranted: PermissionLists;
  denied: PermissionLists;
  /**
   * What child processes see. `contained` is false: the kernel does not hold a child to the rules yet, it can do what its user
   * can. `env`: the variables it gets where they are set.
   */
  children: { contained: false; env: string[] };
};
