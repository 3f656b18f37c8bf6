import type { Need } from "../core/permission.ts";
import { neededVariables, type ModuleTool } from "../core/planned-tool.ts";
import type { Tool } from "../core/tool.ts";
import type { ModuleWorker } from "./module-worker.ts";
import { grantedVariables } from "./variables.ts";

/** A module's tool. `variables` are those of all tools that its process serves; absent: all that were granted. */
export function moduleTool(planned: ModuleTool, worker: ModuleWorker, variables: readonly string[] | undefined): Tool {
  const { name, description, input, effects, permissions, timeout } = planned;
  const needs = [
    ...neededVariables(permissions).map((target): Need => ({ kind: "env", target })),
    ...(permissions.net ?? []).map((target): Need => ({ kind: "net", target })),
  ];
  return {
    name,
    description,
    input,
    needs,
    effects: () => effects,
    run: async (given, { host, signal, clock, output }) => {
      const outcome = await worker.call({
        export: planned.export,
        input: given,
        timeoutMs: timeout,
        signal,
        clock,
        environment: () => grantedVariables(variables, host),
        show: output,
      });
      return outcome.error === true ? { ...outcome, content: `'${name}' failed: ${outcome.content}` } : outcome;
    },
  };
}
