import type { McpDoor, McpStatus } from "../core/mcp.ts";
import type { Tool } from "../core/tool.ts";
import { builtIn, schemaOf } from "./built-in.ts";

const input = schemaOf({
  type: "object",
  properties: {
    tools: { type: "boolean", description: "Whether to name the tools of each server. Default: false" },
  },
  additionalProperties: false,
});

/** `mcp_server_list` of one run: it knows its servers. */
export function mcpServerList({ servers }: { servers?: (() => McpDoor) | undefined }): Tool {
  return builtIn({
    name: "mcp_server_list",
    description:
      "Lists the MCP servers of this run: whether each is ready, how it is reached, how many tools it has, and what went wrong with it last.",
    input,
    examples: [{ request: "Which MCP servers are there?", input: {} }],
    needs: [],
    effects: () => "none",
    run: async ({ tools = false }) => {
      const door = servers?.();
      const all = door?.status() ?? [];
      if (door === undefined || all.length === 0)
        return { content: "There are no MCP servers: the agent file names none" };
      const names = (server: string) =>
        door
          .tools()
          .filter((tool) => tool.server === server)
          .map(({ name }) => `\n  ${name}`);
      return { content: all.map((one) => [line(one), ...(tools ? names(one.name) : [])].join("")).join("\n") };
    },
  });
}

function line({
  name,
  transport,
  state,
  ready_ms,
  tools,
  left_out: leftOut = [],
  error,
  protocol,
  server,
}: McpStatus): string {
  const parts = [
    `${name}: ${state}`,
    transport,
    ...(state === "ready" ? [`${tools} ${tools === 1 ? "tool" : "tools"}`] : []),
    ...(leftOut.length === 0 ? [] : [`${leftOut.length} left out`]),
    ...(ready_ms === undefined ? [] : [`ready after ${ready_ms} ms`]),
    ...(server === undefined ? [] : [`${server.name} ${server.version}`]),
    ...(protocol === undefined ? [] : [`MCP ${protocol}`]),
  ];
  return `${parts.join(", ")}${error === undefined ? "" : `: ${error}`}`;
}
