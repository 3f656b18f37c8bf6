import { clock } from "../app.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import { ok, type Result } from "../core/result.ts";
import { listenAt } from "../host/listen.ts";
import type { Changes } from "../mcp/gateway.ts";
import type { Factory } from "../mcp/serve.ts";
import { mcpPath, serveHttp } from "../mcp/serve-http.ts";
import { serveOnStdio, type StdioStreams } from "../mcp/serve-stdio.ts";

/** What clients are offered. */
export type Served = {
  factory: Factory;
  /** Told what is to be told of changes, where they can come. */
  tellChanges?(changes: Changes): void;
  /** Ends what goes on for clients. */
  end(): Promise<void>;
};

/** Serves the client at the other end of stdin and stdout, until it goes away or the signal ends it. */
export async function serveStdio(served: Served, streams: StdioStreams, signal: AbortSignal): Promise<void> {
  const { gone, close } = serveOnStdio(served.factory, streams);
  await Promise.race([gone, aborted(signal)]);
  await served.end();
  await close();
}

export type HttpAddress = { hostname: string; port: number; token: string | undefined };

/** Serves over HTTP until the signal ends it. `listening` is told the URL. */
export async function serveOverHttp(
  served: Served,
  { hostname, port, token }: HttpAddress,
  listening: (url: string) => Promise<void>,
  signal: AbortSignal,
): Promise<Result<void, Problem>> {
  const id = () => clock.id() + clock.id();
  const serving = serveHttp(served.factory, { port: () => (listener.ok ? listener.value.port : 0), token, id });
  served.tellChanges?.(serving.changes);
  const listener = listenAt({ hostname, port }, serving.respond);
  if (!listener.ok) {
    await served.end();
    return problemOf("usage", listener.error.message);
  }
  await listening(`http://${hostname}:${listener.value.port}${mcpPath}`);
  await aborted(signal);
  await served.end();
  await serving.close();
  await listener.value.close();
  return ok(undefined);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
