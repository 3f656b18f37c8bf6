import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import type { McpDoor } from "../src/core/mcp.ts";
import { oneServer } from "../tests/helpers/mcp-session.ts";
import { here, stdioServer } from "../tests/contracts/mcp-rows.ts";

/** One server over stdio, by our door and by a bare client of the SDK, which is a process of its own. */
export type Mcp = { door: McpDoor; bare: Client; stop(): Promise<void> };

const server = here("fixtures/mcp-stdio.ts");

export async function startMcp(): Promise<Mcp> {
  const started = stdioServer([process.execPath, server]);
  const one = await oneServer(started.link);
  if (!one.started.ok) throw new Error(one.started.error.message);
  const bare = new Client({ name: "bench", version: "1" });
  await bare.connect(new StdioClientTransport({ command: process.execPath, args: [server] }));
  const stop = async () => {
    await Promise.all([one[Symbol.asyncDispose](), bare.close()]);
    await started[Symbol.asyncDispose]();
  };
  return { door: one.servers.door, bare, stop };
}

/** A server that is ready after a second, and costs nothing until then. */
const late = `sleep 1
while read -r line; do
  id=\${line##*\\"id\\":}; id=\${id%%[,\\}]*}
  case $line in
  *'"initialize"'*) result='"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"late","version":"1"}}' ;;
  *'"tools/list"'*) result='"result":{"tools":[]}' ;;
  *) result='"error":{"code":-32601,"message":"no"}' ;;
  esac
  case $line in *'"id"'*) echo "{\\"jsonrpc\\":\\"2.0\\",\\"id\\":$id,$result}" ;; esac
done`;

/** How long ten servers take until all are ready, and how long one does alone. In milliseconds. */
export async function tenServers(): Promise<{ one: number; ten: number; ratio: number }> {
  const ready = async () => {
    await using started = stdioServer(["sh", "-c", late]);
    await using server = await oneServer(started.link);
    if (!server.started.ok) throw new Error(server.started.error.message);
    return performance.now();
  };
  let begun = performance.now();
  const one = (await ready()) - begun;
  begun = performance.now();
  const ten = Math.max(...(await Promise.all(Array.from({ length: 10 }, ready)))) - begun;
  return { one, ten, ratio: ten / one };
}

if (import.meta.main) console.table(await tenServers());
