import type { Clock } from "../../src/core/host.ts";
import type { McpServer, StartFailure } from "../../src/core/mcp.ts";
import type { Result } from "../../src/core/result.ts";
import { systemClock } from "../../src/host/clock.ts";
import type { Answers } from "../../src/mcp/answers.ts";
import type { OpenLink } from "../../src/mcp/link.ts";
import { makeServers, type Servers } from "../../src/mcp/servers.ts";

/** An entry of `mcp:` as a plan has it. */
export function entry(name: string, rest: Partial<McpServer> = {}): McpServer {
  const place = { file: "agent.yaml", line: 1, column: 1 };
  const transport = { kind: "sdk" as const, module: "/module.ts", env: [] };
  return { name, place, transport, required: true, deadline: 10_000, timeout: 10_000, allow: [], ...rest };
}

export type OneServer = AsyncDisposable & {
  servers: Servers;
  started: Result<void, StartFailure>;
  /** What a user would have been told. */
  warnings: string[];
};

/** One server by the name `one`, started. */
export async function oneServer(
  link: OpenLink,
  {
    answers = {},
    clock = systemClock,
    ...rest
  }: Partial<McpServer> & { answers?: Answers; clock?: Pick<Clock, "now" | "sleep"> } = {},
): Promise<OneServer> {
  const warnings: string[] = [];
  const servers = makeServers({
    servers: [entry("one", rest)],
    named: new Set(),
    answers: () => answers,
    version: "0.0.0-test",
    clock,
    warn: (message) => void warnings.push(message),
  });
  const started = await servers.start("one", link);
  return { servers, started, warnings, [Symbol.asyncDispose]: () => servers.close() };
}

export const calm = (): AbortSignal => new AbortController().signal;
