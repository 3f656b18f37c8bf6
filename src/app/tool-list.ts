import type { PlannedTool } from "../core/planned-tool.ts";
import type { Tool } from "../core/tool.ts";
import type { ToolRow } from "../core/tool-row.ts";
import { loadTools, toolNames } from "../tools/index.ts";

/** The tools of a file, in its order; without one those that rein brings. */
export async function toolRows(planned: readonly PlannedTool[] | undefined): Promise<ToolRow[]> {
  const tools = planned ?? toolNames.map((name): PlannedTool => ({ kind: "builtin", name }));
  const builtins = await loadTools(toolNames);
  return tools.flatMap((tool): ToolRow[] => {
    if (tool.kind === "builtin") return builtins.filter(({ name }) => name === tool.name).map(builtinRow);
    if (tool.kind === "unloaded") {
      const unknown = { name: tool.name ?? "custom/*", effects: null, description: null, input: null };
      return tool.modules.map((origin) => ({ ...unknown, origin }));
    }
    const { name, origin, effects, description, input } = tool;
    return [{ name, origin, effects: [effects], description, input: input ?? null }];
  });
}

/** What a call can do depends on its arguments: the examples have those that matter. */
function builtinRow({ name, description, input, examples = [], effects }: Tool): ToolRow {
  const all = [{}, ...examples.map((example) => example.input)].map((given) => effects(given));
  return { name, origin: "rein", effects: [...new Set(all)], description, input };
}
