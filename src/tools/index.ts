import type { McpDoor } from "../core/mcp.ts";
import type { Need } from "../core/permission.ts";
import type { Plan } from "../core/plan.ts";
import type { Tool } from "../core/tool.ts";

/** What of a plan some tools are made of, and the MCP servers of its run, which are there when a tool is called. */
export type RunSetting = Pick<Plan, "agents" | "skills" | "memory" | "lsp" | "secrets" | "oauth"> & {
  servers?: () => McpDoor;
};

export const noSetting: RunSetting = { agents: {}, skills: [], lsp: {}, secrets: {}, oauth: {} };

/** What is known of a tool before its code is loaded: its name, what it cannot work without whatever its agent file says, and its code. */
type Row = { name: string; needs: readonly Need[]; make(setting: RunSetting): Promise<Tool> };

/** All tools, in the order in which they are listed. One that keeps something for a run, or depends on its agent file, is made for each. */
const tools: readonly Row[] = [
  { name: "file_read", needs: [{ kind: "read" }], make: async () => (await import("./file-read.ts")).makeFileRead() },
  { name: "file_write", needs: [{ kind: "write" }], make: async () => (await import("./file-write.ts")).fileWrite },
  {
    name: "file_edit",
    needs: [{ kind: "read" }, { kind: "write" }],
    make: async () => (await import("./file-edit.ts")).fileEdit,
  },
  { name: "file_delete", needs: [{ kind: "write" }], make: async () => (await import("./file-delete.ts")).fileDelete },
  { name: "file_list", needs: [{ kind: "read" }], make: async () => (await import("./file-list.ts")).fileList },
  { name: "file_search", needs: [{ kind: "read" }], make: async () => (await import("./file-search.ts")).fileSearch },
  {
    name: "bash_exec",
    needs: [{ kind: "run", target: "bash" }],
    make: async () => (await import("./bash-exec.ts")).bashExec(),
  },
  {
    name: "git_operations",
    needs: [{ kind: "run", target: "git" }],
    make: async () => (await import("./git-operations.ts")).gitOperations,
  },
  {
    name: "lsp_integration",
    needs: [{ kind: "run" }, { kind: "read" }],
    make: async ({ lsp }) => (await import("./lsp-integration.ts")).lspIntegration(lsp),
  },
  { name: "web_scrape", needs: [{ kind: "net" }], make: async () => (await import("./web-scrape.ts")).makeWebScrape() },
  {
    name: "web_search",
    needs: [{ kind: "net" }, { kind: "env" }],
    make: async () => (await import("./web-search.ts")).webSearch,
  },
  {
    name: "http_request",
    needs: [{ kind: "net" }],
    make: async (setting) => (await import("./http-request.ts")).makeHttpRequest(setting),
  },
  { name: "oauth_flow", needs: [], make: async (setting) => (await import("./oauth-flow.ts")).oauthFlow(setting) },
  { name: "spawn_agent", needs: [], make: async (setting) => (await import("./spawn-agent.ts")).spawnAgent(setting) },
  { name: "agent_manage", needs: [], make: async () => (await import("./agent-manage.ts")).agentManage },
  { name: "skill_read", needs: [], make: async (setting) => (await import("./skill-read.ts")).skillRead(setting) },
  { name: "memory_read", needs: [], make: async (setting) => (await import("./memory-read.ts")).memoryRead(setting) },
  {
    name: "memory_write",
    needs: [],
    make: async (setting) => (await import("./memory-write.ts")).memoryWrite(setting),
  },
  {
    name: "mcp_server_list",
    needs: [],
    make: async ({ servers }) => (await import("./mcp-server-list.ts")).mcpServerList({ servers }),
  },
  {
    name: "mcp_read_resource",
    needs: [],
    make: async ({ servers }) => (await import("./mcp-read-resource.ts")).mcpReadResource({ servers }),
  },
  { name: "context_recall", needs: [], make: async () => (await import("./context-recall.ts")).contextRecall },
  { name: "canvas_render", needs: [], make: async () => (await import("./canvas-render.ts")).makeCanvasRender() },
];

export const toolNames: readonly string[] = tools.map(({ name }) => name);

/** What each tool cannot work without, by its name. */
export const toolNeeds: Readonly<Record<string, readonly Need[]>> = Object.fromEntries(
  tools.map(({ name, needs }) => [name, needs]),
);

/** The tools of these names for one run, in their order. The names have been checked against `toolNames`. Only their code is loaded. */
export async function loadTools(names: readonly string[], setting: RunSetting = noSetting): Promise<Tool[]> {
  const rows = names.flatMap((name) => tools.filter((tool) => tool.name === name));
  return Promise.all(rows.map(({ make }) => make(setting)));
}
