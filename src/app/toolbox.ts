import type { PlannedTool } from "../core/planned-tool.ts";
import type { Tool } from "../core/tool.ts";
import { loadTools } from "../tools/index.ts";
import { httpTool, variablesOf } from "../tools/own-http.ts";
import { runTool } from "../tools/own-run.ts";

/** The tools of one run, in the order of the file. */
export async function openToolbox(planned: readonly PlannedTool[]): Promise<Tool[]> {
  const builtins = await loadTools(planned.flatMap((tool) => (tool.kind === "builtin" ? [tool.name] : [])));
  return planned.map((tool) => {
    switch (tool.kind) {
      case "builtin":
        return found(builtins, tool.name);
      case "run":
        return runTool(tool);
      case "http":
        return httpTool(tool);
      case "module":
      case "unloaded":
        throw new Error(`A run cannot begin with the modules of '${tool.name ?? "*"}' not loaded`);
    }
  });
}

function found(tools: readonly Tool[], name: string): Tool {
  const tool = tools.find((one) => one.name === name);
  if (tool === undefined) throw new Error(`The plan names a tool that is not there: '${name}'`);
  return tool;
}

/** The variables that tools of a plan work with: their values are masked wherever they come back. */
export function toolVariables(planned: readonly PlannedTool[]): string[] {
  return planned.flatMap((tool) => {
    if (tool.kind === "builtin" || tool.kind === "unloaded") return [];
    const inHeaders = tool.kind === "http" ? tool.headers.flatMap(([, value]) => variablesOf(value)) : [];
    return [...(tool.permissions.env ?? []), ...inHeaders];
  });
}
