import type { Clock, Listener, Respond } from "../core/host.ts";
import { fail, ok, type Result } from "../core/result.ts";

/** How long an answer that is under way may take once nobody listens any more. */
const graceMs = 2_000;

/** Listens on a free port of 127.0.0.1, for requests that name it so: a page cannot reach it by a name of its own. */
export function listenOnLoopback(respond: Respond, clock: Pick<Clock, "sleep">, signal: AbortSignal): Listener {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 10,
    maxRequestBodySize: 1024,
    fetch: (request, { port }): Response | Promise<Response> =>
      request.headers.get("host") === `127.0.0.1:${port}`
        ? respond(request)
        : new Response("Not here\n", { status: 421 }),
    error: () => new Response("Failed\n", { status: 500 }),
  });
  const stop = () => void server.stop(true);
  signal.addEventListener("abort", stop, { once: true });
  return {
    origin: `http://127.0.0.1:${server.port}`,
    close: async () => {
      signal.removeEventListener("abort", stop);
      const settled = new AbortController();
      await Promise.race([server.stop(), clock.sleep(graceMs, settled.signal)]);
      settled.abort();
      await server.stop(true);
    },
  };
}

/** Listens on an address of this machine. Answers may take as long as they need: what is said of a run comes in pieces. */
export function listenAt(
  { hostname, port }: { hostname: string; port: number },
  respond: Respond,
): Result<{ port: number; close(): Promise<void> }> {
  try {
    const server = Bun.serve({
      hostname,
      port,
      idleTimeout: 0,
      maxRequestBodySize: 8_000_000,
      fetch: (request) => respond(request),
      error: () => new Response("Failed\n", { status: 500 }),
    });
    return ok({ port: server.port ?? port, close: () => server.stop(true) });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return fail("failed", `Cannot listen on ${hostname}:${port}: ${why}`);
  }
}
