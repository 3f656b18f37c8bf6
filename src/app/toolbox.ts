import { neededVariables, type PlannedTool } from "../core/planned-tool.ts";
import { plansOf, type Plan } from "../core/plan.ts";
import type { Tool } from "../core/tool.ts";
import type { OpenHost } from "../host/host.ts";
import { loadTools, noSetting, type RunSetting } from "../tools/index.ts";
import { searchKeys } from "../tools/search-backends.ts";
import { variablesOf } from "../tools/variables.ts";

/**
 * The tools of one run, in the order of the file. What they hold ends with the host. `about` is what some work with. Only the code of
 * those that there are is loaded.
 */
export async function openToolbox(
  planned: readonly PlannedTool[],
  host: OpenHost,
  about: RunSetting = noSetting,
): Promise<Tool[]> {
  const modules = planned.filter((tool) => tool.kind === "module");
  const workers = modules.length === 0 ? undefined : (await import("./modules.ts")).openWorkers(modules, host);
  const names = planned.flatMap((tool) => (tool.kind === "builtin" ? [tool.name] : []));
  const builtins = await loadTools(names, about);
  const made = planned.map(async (tool) => {
    switch (tool.kind) {
      case "builtin":
        return found(builtins, tool.name);
      case "run":
        return (await import("../tools/own-run.ts")).runTool(tool);
      case "http":
        return (await import("../tools/own-http.ts")).httpTool(tool);
      case "agent": {
        const agent = about.agents[tool.agent];
        if (agent === undefined) throw new Error(`The plan names an agent that is not there: '${tool.agent}'`);
        return (await import("../tools/own-agent.ts")).agentTool(tool, agent);
      }
      case "module": {
        const serving = workers?.get(tool.module);
        if (serving === undefined) throw new Error(`No worker for '${tool.module}'`);
        const { moduleTool } = await import("../tools/module-tool.ts");
        return moduleTool(tool, serving.worker, serving.variables);
      }
      case "mcp":
        return (await import("../tools/mcp-tool.ts")).ownMcpTool(tool, about.servers);
      case "unloaded":
        throw new Error("A run cannot begin with modules that were not loaded");
    }
  });
  return Promise.all(made);
}

function found(tools: readonly Tool[], name: string): Tool {
  const tool = tools.find((one) => one.name === name);
  if (tool === undefined) throw new Error(`The plan names a tool that is not there: '${name}'`);
  return tool;
}

/** The variables that tools of a plan cannot work without: their values are masked wherever they come back. */
export function toolVariables(planned: readonly PlannedTool[]): string[] {
  return planned.flatMap((tool) => {
    if (tool.kind === "builtin") return tool.name === "web_search" ? searchKeys : [];
    if (tool.kind === "unloaded") return [];
    const inHeaders = tool.kind === "http" ? tool.headers.flatMap(([, value]) => variablesOf(value)) : [];
    return [...neededVariables(tool.permissions), ...inHeaders];
  });
}

/** The variables that no child of a run gets, though they are granted: keys which only their service may see. */
export function withheldVariables(plan: Plan): readonly string[] {
  const plans = plansOf(plan);
  const searches = plans.some(({ tools }) =>
    tools.some((tool) => tool.kind === "builtin" && tool.name === "web_search"),
  );
  return [...(searches ? searchKeys : []), ...plans.flatMap(({ withheld = [] }) => withheld)];
}
