import { keyVariables, providerKeys } from "../models/providers.ts";
import { toolNames, toolNeeds } from "../tools/index.ts";

/** What `rein check` must know of the other rooms: which tools and providers there are. */
export const known = {
  tools: toolNames.map((name) => ({ name, needs: [...(toolNeeds[name] ?? [])] })),
  providers: providerKeys,
  secrets: keyVariables,
};
