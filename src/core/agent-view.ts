import type { PermissionLists } from "./permission.ts";

/** A sub-agent as it is shown before a run: what it would have, and what it could do where it is spawned from. */
export type AgentView = {
  name: string;
  description: string | null;
  /** The model that it asks, and those that stand in for it; empty: that of the agent that spawns it. */
  models: string[];
  /** Names; of what only a module's code could tell, the pattern. */
  tools: string[];
  skills: string[];
  permissions: {
    /** Requested by it, and allowed to the agent that spawns it. */
    allowed: PermissionLists;
    /** Allowed to it by its file alone: somebody would be asked. */
    ungranted: PermissionLists;
    denied: PermissionLists;
  };
  /** Those that it can spawn. Where they were shown already, they are not shown again. */
  agents: AgentView[];
};
