import type { Clock, Decided, Host } from "../core/host.ts";
import type { McpServer, McpTransport, StartFailure } from "../core/mcp.ts";
import { moduleServer } from "../core/module-protocol.ts";
import type { Result } from "../core/result.ts";
import { openHost, type HostOptions, type OpenHost } from "../host/host.ts";
import type { Link, OpenLink } from "../mcp/link.ts";
import type { SignInDoors } from "../mcp/server-tokens.ts";
import { makePolicy, type Policy } from "../permit/policy.ts";
import { policyWithin } from "../permit/within.ts";

/** The doors of a run, but for the inputs: a server gets what its entry says, and nothing else of the run. */
export type RunDoors = Omit<HostOptions, "inputs">;

/** The doors of one server: of what the run may do, what its entry leaves it. */
export function serverHost(server: McpServer, doors: RunDoors, requests: { run: string[]; net: string[] }): OpenHost {
  const policy = server.permissions === undefined ? doors.policy : narrowed(server, doors, requests);
  return openHost({ ...doors, policy, inputs: new Map() });
}

/** By its own permissions, and that it is started or reached at all. */
function narrowed(
  { permissions = {} }: McpServer,
  { machine, policy }: RunDoors,
  { run, net }: { run: string[]; net: string[] },
): Policy {
  const own = {
    ...permissions,
    run: [...(permissions.run ?? []), ...run],
    net: [...(permissions.net ?? []), ...net],
  };
  const made = makePolicy({ permissions: own, deny: {} }, { all: true, allow: {}, deny: {} }, machine);
  if (!made.ok) throw new Error(`The permissions of a checked server cannot be read: ${made.error.join("; ")}`);
  return policyWithin(policy, made.value);
}

export type Opening = {
  server: McpServer;
  transport: McpTransport<string>;
  host: OpenHost;
  clock: Clock;
  decided: Decided;
};

/** Makes connections to one server, by its transport. */
export function linkTo({ server, transport, host, clock, decided }: Opening): OpenLink {
  return async (signal): Promise<Result<Link, StartFailure>> => {
    const doors = host.scoped(decided, signal);
    switch (transport.kind) {
      case "stdio": {
        const { openStdio } = await import("../mcp/stdio.ts");
        const { command, cwd, env } = transport;
        const around = { ...environmentOf(server, env), ...(cwd === undefined ? {} : { cwd }) };
        return openStdio((options) => doors.process.start(command, { ...options, ...around }), clock, signal);
      }
      case "sdk": {
        const { openStdio } = await import("../mcp/stdio.ts");
        const around = environmentOf(server, transport.env);
        const start = ({ input: _ours, ...options }: Parameters<Parameters<typeof openStdio>[0]>[0]) =>
          host.startModule(moduleServer, transport.module, { ...options, ...around });
        return openStdio(start, clock, signal);
      }
      default: {
        const { openRemote } = await import("../mcp/remote.ts");
        const signIn = signInDoors(transport, doors, clock, signal);
        const around = { net: doors.net, clock, ...(signIn === undefined ? {} : { signIn }) };
        return openRemote({ name: server.name, transport }, around, signal);
      }
    }
  };
}

/** What a sign-in to a remote server needs; undefined where its URL is none. */
export function signInDoors(
  { url, oauth }: Extract<McpTransport<string>, { url: string }>,
  host: Host,
  clock: Clock,
  signal: AbortSignal,
): SignInDoors | undefined {
  const parsed = URL.parse(url);
  if (parsed === null) return undefined;
  const { person } = host;
  return {
    fetch: host.net.fetch,
    clock,
    kept: host.oauth.server(parsed, oauth?.client_id),
    ...(person === undefined ? {} : { browser: { host, person, clock, signal } }),
  };
}

/** What its entry gives it, and nothing else that was granted. */
function environmentOf({ permissions }: McpServer, env: Array<[string, string]>) {
  return { env: Object.fromEntries(env), variables: permissions?.env ?? [] };
}
