import type { Readable, Writable } from "node:stream";
import type { McpServerFactory } from "@modelcontextprotocol/server";
import { serveStdio, StdioServerTransport } from "@modelcontextprotocol/server/stdio";

/** What a client writes to, and reads from. */
export type StdioStreams = { input: Readable; output: Writable };

/** Answers the one client at the other end of these streams, until it goes away or `close` is called. */
export function serveOnStdio(factory: McpServerFactory, { input, output }: StdioStreams) {
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  input.once("close", resolve);
  input.once("end", resolve);
  output.once("error", () => resolve());
  // The transport gives up by itself where a message is too long.
  class Transport extends StdioServerTransport {
    override async close(): Promise<void> {
      resolve();
      await super.close();
    }
  }
  const handle = serveStdio(factory, { transport: new Transport(input, output) });
  return { gone, close: () => handle.close() };
}
