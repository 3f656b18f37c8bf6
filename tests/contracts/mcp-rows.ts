import { join } from "node:path";
import { systemClock } from "../../src/host/clock.ts";
import type { OpenLink } from "../../src/mcp/link.ts";
import { openMemory } from "../../src/mcp/memory.ts";
import { openRemote } from "../../src/mcp/remote.ts";
import { openStdio } from "../../src/mcp/stdio.ts";
import { moduleServer } from "../../src/core/module-protocol.ts";
import { httpServer, sseServer, webSocketServer, type RemoteServer } from "../helpers/mcp-remote.ts";
import { caseServer } from "../helpers/mcp-server.ts";
import { openRoom } from "../host/harness.ts";

/** A way to a server: `open` makes it ready to be reached, `kill` ends the server as a crash would. */
export type McpRow = {
  name: string;
  open(): Promise<AsyncDisposable & { link: OpenLink; kill?(): void }>;
};

/** Programs of this checkout, from their source. */
export const here = (file: string) => join(import.meta.dir, file);

/** A server's program in a room of its own. */
export function stdioServer(argv: readonly string[], env: Record<string, string> = {}) {
  const [program = ""] = argv;
  const room = openRoom({ permissions: { run: [program], read: ["/"], env: Object.keys(env) } });
  const link: OpenLink = (signal) =>
    openStdio((options) => room.host.process.start([...argv], { ...options, env }), systemClock, signal);
  return { link, room, [Symbol.asyncDispose]: () => room[Symbol.asyncDispose]() };
}

/** A way to a server on the loopback, through the doors of a room that may reach it. */
export function remoteServer(
  kind: "http" | "sse" | "websocket",
  server: Pick<RemoteServer, "url" | "rule"> & { stop?(): void },
  headers: Array<[string, string]> = [],
) {
  const room = openRoom({ permissions: { net: [server.rule] } });
  const link: OpenLink = (signal) =>
    openRemote(
      { name: "one", transport: { kind, url: server.url, headers } },
      { net: room.host.net, clock: systemClock },
      signal,
    );
  const end = async () => {
    await room[Symbol.asyncDispose]();
    server.stop?.();
  };
  return { link, room, [Symbol.asyncDispose]: end };
}

/** Every transport, each to the server of the cases. */
export const mcpRows: McpRow[] = [
  { name: "stdio", open: async () => stdioServer([process.execPath, here("fixtures/mcp-stdio.ts")]) },
  {
    name: "memory",
    open: async () => ({ link: async () => openMemory(caseServer()), [Symbol.asyncDispose]: async () => undefined }),
  },
  { name: "http", open: async () => remoteServer("http", httpServer()) },
  { name: "sse", open: async () => remoteServer("sse", sseServer()) },
  { name: "websocket", open: async () => remoteServer("websocket", webSocketServer()) },
  {
    name: "sdk",
    open: async () => {
      const room = openRoom({ permissions: {} });
      const link: OpenLink = (signal) =>
        openStdio(
          ({ input: _ours, ...options }) =>
            room.open.startModule(moduleServer, here("fixtures/mcp-module.ts"), { ...options, variables: [] }),
          systemClock,
          signal,
        );
      return { link, [Symbol.asyncDispose]: () => room[Symbol.asyncDispose]() };
    },
  },
];
