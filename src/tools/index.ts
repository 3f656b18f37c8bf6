import type { McpDoor } from "../core/mcp.ts";
import type { Need } from "../core/permission.ts";
import type { Plan } from "../core/plan.ts";
import type { Tool } from "../core/tool.ts";
import { agentManage } from "./agent-manage.ts";
import { bashExec } from "./bash-exec.ts";
import { makeCanvasRender } from "./canvas-render.ts";
import { contextRecall } from "./context-recall.ts";
import { fileDelete } from "./file-delete.ts";
import { fileEdit } from "./file-edit.ts";
import { fileList } from "./file-list.ts";
import { makeFileRead } from "./file-read.ts";
import { fileSearch } from "./file-search.ts";
import { fileWrite } from "./file-write.ts";
import { gitOperations } from "./git-operations.ts";
import { makeHttpRequest } from "./http-request.ts";
import { lspIntegration } from "./lsp-integration.ts";
import { mcpReadResource } from "./mcp-read-resource.ts";
import { mcpServerList } from "./mcp-server-list.ts";
import { memoryRead } from "./memory-read.ts";
import { memoryWrite } from "./memory-write.ts";
import { oauthFlow } from "./oauth-flow.ts";
import { skillRead } from "./skill-read.ts";
import { spawnAgent } from "./spawn-agent.ts";
import { makeWebScrape } from "./web-scrape.ts";
import { webSearch } from "./web-search.ts";

/** What of a plan some tools are made of, and the MCP servers of its run, which are there when a tool is called. */
export type RunSetting = Pick<Plan, "agents" | "skills" | "memory" | "lsp" | "secrets" | "oauth"> & { servers?: () => McpDoor };

export const noSetting: RunSetting = { agents: {}, skills: [], lsp: {}, secrets: {}, oauth: {} };

/**
 * All tools, in the order in which they are listed; a function makes one that keeps something for the run, or that depends on its
 * agent file. What is heavy in one (protocols, diffs) it loads when it runs.
 */
const tools: ReadonlyArray<Tool | ((setting: RunSetting) => Tool)> = [
  makeFileRead,
  fileWrite,
  fileEdit,
  fileDelete,
  fileList,
  fileSearch,
  bashExec,
  gitOperations,
  ({ lsp }) => lspIntegration(lsp),
  makeWebScrape,
  webSearch,
  makeHttpRequest,
  oauthFlow,
  spawnAgent,
  agentManage,
  skillRead,
  memoryRead,
  memoryWrite,
  mcpServerList,
  mcpReadResource,
  contextRecall,
  makeCanvasRender,
];

const made = tools.map((tool) => make(tool, noSetting));

export const toolNames: readonly string[] = made.map((tool) => tool.name);

/** What each tool cannot work without, by its name. */
export const toolNeeds: Readonly<Record<string, readonly Need[]>> = Object.fromEntries(
  made.map((tool) => [tool.name, tool.needs]),
);

/** The tools of these names for one run, in their order. The names have been checked against `toolNames`. */
export async function loadTools(names: readonly string[], setting: RunSetting = noSetting): Promise<Tool[]> {
  return names.flatMap((name) =>
    tools.flatMap((tool, index) => (toolNames[index] === name ? make(tool, setting) : [])),
  );
}

function make(tool: (typeof tools)[number], setting: RunSetting): Tool {
  return typeof tool === "function" ? tool(setting) : tool;
}
