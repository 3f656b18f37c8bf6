import type { McpServer } from "@agentclientprotocol/sdk";

/**
 * The MCP servers of an editor as an `.mcp.json` has them: they are read, requested and granted like those of a file that the caller
 * names.
 */
export function mcpJson(servers: readonly McpServer[]): string {
  const entries = servers.map((server) => [server.name, entryOf(server)] as const);
  return JSON.stringify({ mcpServers: Object.fromEntries(entries) });
}

function entryOf(server: McpServer) {
  if ("type" in server) {
    const { type, url, headers } = server;
    return { type, url, headers: pairs(headers) };
  }
  const { command, args, env } = server;
  return { command, args, env: pairs(env) };
}

function pairs(list: ReadonlyArray<{ name: string; value: string }>): Record<string, string> {
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}
