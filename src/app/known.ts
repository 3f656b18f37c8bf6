import type { JsonSchema } from "../core/json.ts";
import { boundedSchema } from "../models/bounded-schema.ts";
import { isPath } from "../models/local-name.ts";
import { storeVariable } from "../core/store.ts";
import { keyVariables, localProvider, providerKeys } from "../models/providers.ts";
import { toolNames, toolNeeds } from "../tools/index.ts";

/** A local model's answers are made to fit: its schema must be one that a grammar can keep, whatever its bounds. */
const unkept = (schema: JsonSchema) => boundedSchema(schema, { characters: 1, items: 1 }).unkept;

const fileOf = (id: string) => (isPath(id) ? id : undefined);

/** What `rein check` must know of the other rooms: which tools and providers there are. */
export const known = {
  tools: toolNames.map((name) => ({ name, needs: [...(toolNeeds[name] ?? [])] })),
  providers: providerKeys.map((one) => (one.name === localProvider.name ? { ...one, unkept, fileOf } : one)),
  secrets: [...keyVariables, storeVariable],
};
