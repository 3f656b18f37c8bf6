import type { Need } from "../core/permission.ts";
import type { Tool } from "../core/tool.ts";
import { bashExec } from "./bash-exec.ts";
import { fileList } from "./file-list.ts";
import { fileRead } from "./file-read.ts";
import { fileSearch } from "./file-search.ts";
import { fileWrite } from "./file-write.ts";
import { gitOperations } from "./git-operations.ts";

/**
 * All tools, in the order in which they are listed; a function makes one that keeps something for the run. What is heavy in one
 * (regular expressions, diffs) it loads when it runs.
 */
const tools: ReadonlyArray<Tool | (() => Tool)> = [fileRead, fileWrite, fileList, fileSearch, bashExec, gitOperations];

const made = tools.map(make);

export const toolNames: readonly string[] = made.map((tool) => tool.name);

/** What each tool cannot work without, by its name. */
export const toolNeeds: Readonly<Record<string, readonly Need[]>> = Object.fromEntries(
  made.map((tool) => [tool.name, tool.needs]),
);

/** The tools of these names for one run, in their order. The names have been checked against `toolNames`. */
export async function loadTools(names: readonly string[]): Promise<Tool[]> {
  const fresh = tools.map(make);
  return names.flatMap((name) => fresh.find((tool) => tool.name === name) ?? []);
}

function make(tool: Tool | (() => Tool)): Tool {
  return typeof tool === "function" ? tool() : tool;
}
