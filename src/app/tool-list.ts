import { validate } from "../core/json-schema.ts";
import { isJsonObject, type Json, type JsonObject, type JsonSchema } from "../core/json.ts";
import type { McpServer, ServerPick } from "../core/mcp.ts";
import type { PlannedTool } from "../core/planned-tool.ts";
import type { Tool } from "../core/tool.ts";
import type { ToolRow } from "../core/tool-row.ts";
import { loadTools, toolNames } from "../tools/index.ts";

/** The tools of a file, in its order; without one those that rein brings. */
export async function toolRows(
  planned: readonly PlannedTool[] | undefined,
  servers: readonly McpServer[] = [],
): Promise<ToolRow[]> {
  const tools = planned ?? toolNames.map((name): PlannedTool => ({ kind: "builtin", name }));
  const builtins = await loadTools(toolNames);
  const own = tools.flatMap((tool): ToolRow[] => {
    if (tool.kind === "builtin") return builtins.filter(({ name }) => name === tool.name).map(builtinRow);
    if (tool.kind === "unloaded") {
      const unknown = { name: tool.name ?? "custom/*", effects: null, description: null, input: null };
      return tool.modules.map((origin) => ({ ...unknown, origin }));
    }
    const { name, origin, effects, description, input } = tool;
    return [{ name, origin, effects: [effects], description, input: input ?? null }];
  });
  const named = new Set(tools.flatMap((tool) => (tool.kind === "mcp" ? [tool.server] : [])));
  return [
    ...own,
    ...servers.filter((server) => server.picks !== undefined || !named.has(server.name)).flatMap(serverRows),
  ];
}

/** What a file picks of a server, of which only the server could tell more. */
function serverRows({
  name: server,
  picks = [{ name: "*" }],
}: Pick<McpServer, "name"> & { picks?: Picked[] }): ToolRow[] {
  const unknown = { origin: `mcp ${server}`, effects: null, description: null, input: null };
  return picks.map(({ name, as = name }) => ({ name: as, ...unknown }));
}

type Picked = Pick<ServerPick, "name" | "as">;

/** What a call can do depends on its arguments: the examples and the choices have those that matter. */
function builtinRow({ name, description, input, examples = [], effects }: Tool): ToolRow {
  const calls = [...plainCalls(input), ...examples.map((example) => example.input)];
  const all = calls.filter((given) => validate(input, given).length === 0).map((given) => effects(given));
  return { name, origin: "rein", effects: [...new Set(all)], description, input };
}

/** Calls with no more than they need: the plainest one first, then one for each choice of a required argument. */
export function plainCalls({ properties, required = [] }: JsonSchema): JsonObject[] {
  if (!isJsonObject(properties) || !Array.isArray(required)) return [];
  const needed = required.flatMap((name): Array<[string, Json[]]> => {
    const schema = typeof name === "string" ? properties[name] : undefined;
    if (typeof name !== "string" || !isJsonObject(schema)) return [];
    return [[name, Array.isArray(schema["enum"]) ? schema["enum"] : ["x"]]];
  });
  const base = Object.fromEntries(needed.map(([name, [first = "x"]]) => [name, first]));
  return [base, ...needed.flatMap(([name, choices]) => choices.map((choice) => ({ ...base, [name]: choice })))];
}
