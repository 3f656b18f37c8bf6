import { resolve } from "node:path";
import type { PlannedTool } from "../core/planned-tool.ts";
import type { Plan } from "../core/plan.ts";
import { find, itemsOf, type Node } from "./node.ts";
import type { Problem, Source } from "./source.ts";

const memoryTools = ["memory_read", "memory_write"];

/** The tools of an agent that has a memory: both that work with it, unless `tools` lists one of them. */
export function withMemoryTools(node: Node, planned: PlannedTool[]): PlannedTool[] {
  if (find(node, "memory")?.kind !== "text" || planned.some(isMemoryTool)) return planned;
  return [...planned, ...memoryTools.map((name) => ({ kind: "builtin" as const, name }))];
}

/** Tools that work with a memory where there is none. */
export function memoryProblems(node: Node): Problem[] {
  if (find(node, "memory") !== undefined) return [];
  return itemsOf(find(node, "tools")).flatMap((tool): Problem[] => {
    if (tool.kind !== "text" || !memoryTools.includes(tool.value)) return [];
    const message = `Tool '${tool.value}' can do nothing: there is no 'memory'`;
    return [{ code: "wrong_value", at: tool.at, message, hint: "write memory: notes.md" }];
  });
}

/** The file of a memory, by its absolute path. */
export function memoryOf(memory: string | undefined, source: Source): Pick<Plan, "memory"> {
  return memory === undefined ? {} : { memory: resolve(source.folder, memory) };
}

/** Whether one of the tools changes the memory. */
export function writesMemory(tools: readonly PlannedTool[]): boolean {
  return tools.some((tool) => isMemoryTool(tool) && tool.name === "memory_write");
}

function isMemoryTool({ kind, name }: PlannedTool): boolean {
  return kind === "builtin" && memoryTools.includes(name);
}
