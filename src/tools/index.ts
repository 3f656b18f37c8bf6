import type { Need } from "../core/permission.ts";
import type { Tool } from "../core/tool.ts";
import { bashExec } from "./bash-exec.ts";
import { fileList } from "./file-list.ts";
import { fileRead } from "./file-read.ts";
import { fileSearch } from "./file-search.ts";
import { fileWrite } from "./file-write.ts";

/** All tools, in the order in which they are listed. What is heavy in one (regular expressions, diffs) it loads when it runs. */
const tools: readonly Tool[] = [fileRead, fileWrite, fileList, fileSearch, bashExec];

export const toolNames: readonly string[] = tools.map((tool) => tool.name);

/** What each tool cannot work without, by its name. */
export const toolNeeds: Readonly<Record<string, readonly Need[]>> = Object.fromEntries(
  tools.map((tool) => [tool.name, tool.needs]),
);

/** The tools of these names, in their order. The names have been checked against `toolNames`. */
export async function loadTools(names: readonly string[]): Promise<Tool[]> {
  return names.flatMap((name) => tools.find((tool) => tool.name === name) ?? []);
}
