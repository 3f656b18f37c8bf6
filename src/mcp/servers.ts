import type { Client, RequestOptions, ServerCapabilities } from "@modelcontextprotocol/client";
import type { Clock } from "../core/host.ts";
import type {
  LeftOutTool,
  McpCall,
  McpDoor,
  McpPrompt,
  McpResource,
  McpServer,
  McpToolFacts,
  OfferedTool,
  StartFailure,
} from "../core/mcp.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Answers } from "./answers.ts";
import { contentOf, resourceOf, resultOf } from "./facts.ts";
import type { Heard } from "./heard.ts";
import type { OpenLink } from "./link.ts";
import { matches, pickTools, type Unmatched } from "./picks.ts";
import { Session } from "./session.ts";

/** How long a turn waits for a list of tools that a server has said is another. */
const listPatienceMs = 5_000;

export type ServersOptions = {
  servers: readonly McpServer[];
  /** The servers that own tools of the file name. */
  named: ReadonlySet<string>;
  answers(server: McpServer): Answers;
  /** Of rein, as servers are told it. */
  version: string;
  clock: Pick<Clock, "now" | "sleep">;
  /** Told whenever the state or the tools of one are others. */
  changed?(): void;
  warn(message: string): void;
  /** Told what a server says by itself; absent where nobody listens. */
  heard?(server: string, heard: Heard): void;
};

/** The servers of one run. */
export type Servers = {
  door: McpDoor;
  /** Starts one. */
  start(name: string, open: OpenLink): Promise<Result<void, StartFailure>>;
  refuse(name: string, failure: StartFailure): void;
  /** What the file picks of a server that is ready, and the server has not. */
  unmatched(name: string): readonly Unmatched[];
  /** The tools that the file wants of one, by name or not, and that cannot be used. */
  leftOut(name: string): readonly LeftOutTool[];
  /** All tools of one, picked or not. */
  listed(name: string): readonly McpToolFacts[];
  /** What one can do, as it says; undefined where it is not ready. */
  abilities(name: string): ServerCapabilities | undefined;
  /** Asks one as the protocol has it. `what` is for messages: "the tool 'x'". */
  ask<T>(
    name: string,
    what: string,
    call: McpCall,
    act: (client: Client, options: RequestOptions) => Promise<T>,
  ): Promise<Result<T>>;
  /** Resolves when no server is about to tell that its tools are others. */
  settled(): Promise<void>;
  /** Ends all of them. */
  close(): Promise<void>;
};

export function makeServers(options: ServersOptions): Servers {
  const { servers, named, answers, version, clock, warn } = options;
  let changes = 0;
  const changed = () => {
    changes++;
    options.changed?.();
  };
  const sessions = new Map(
    servers.map((server): [string, { server: McpServer; session: Session }] => {
      const { name, required, deadline, timeout, transport, instructions, pin } = server;
      const read = instructions === undefined ? {} : { instructions };
      const about = { name, required, deadline, timeout, transport: transport.kind, ...read };
      const pinned = pin !== undefined;
      const { heard } = options;
      const session = new Session({
        server: about,
        pinned,
        version,
        answers: answers(server),
        clock,
        changed,
        warn,
        ...(heard === undefined ? {} : { heard: (said: Heard) => heard(name, said) }),
      });
      return [name, { server, session }];
    }),
  );
  const all = () => [...sessions.values()];
  const find = (name: string): Session => {
    const found = sessions.get(name);
    if (found === undefined) throw new Error(`There is no MCP server '${name}'`);
    return found.session;
  };
  const picked = ({ server, session }: { server: McpServer; session: Session }) =>
    pickTools(server, session.tools, named.has(server.name));
  const known = (name: string): Result<Session> => {
    const found = sessions.get(name);
    const names = [...sessions.keys()].join(", ");
    return found === undefined
      ? fail("not_found", `There is no MCP server '${name}': ${names || "none"}`)
      : ok(found.session);
  };

  const door: McpDoor = {
    status: () => all().map(({ session }) => session.status()),
    tools: (): OfferedTool[] => all().flatMap((one) => picked(one).offered),
    facts: (server, tool) => sessions.get(server)?.session.tools.find(({ name }) => name === tool),
    version: () => changes,
    async call(server, tool, input, call) {
      const session = known(server);
      if (!session.ok) return session;
      const said = await session.value.ask(`the tool '${tool}'`, call, (client, how) =>
        client.callTool({ name: tool, arguments: input }, how),
      );
      return said.ok ? ok(resultOf(said.value)) : said;
    },
    async resources(server, signal) {
      const session = known(server);
      if (!session.ok) return session;
      return session.value.ask("the list of resources", { signal }, async (client, how) => {
        const listed = await client.listResources(undefined, how);
        // Servers without templates may not know the question.
        const templates = await client.listResourceTemplates(undefined, how).catch(() => undefined);
        return [
          ...listed.resources.map((one) => resource(server, one.uri, false, one)),
          ...(templates?.resourceTemplates ?? []).map((one) => resource(server, one.uriTemplate, true, one)),
        ];
      });
    },
    async readResource(server, uri, call) {
      const session = known(server);
      if (!session.ok) return session;
      const read = await session.value.ask(`the resource '${uri}'`, call, (client, how) =>
        client.readResource({ uri }, how),
      );
      return read.ok ? ok(read.value.contents.map(resourceOf)) : read;
    },
    async prompts(server, signal) {
      const session = known(server);
      if (!session.ok) return session;
      return session.value.ask("the list of prompts", { signal }, async (client, how) => {
        const { prompts } = await client.listPrompts(undefined, how);
        return prompts.map(({ name, description, arguments: args = [] }): McpPrompt => ({
          server,
          name,
          ...(description === undefined ? {} : { description }),
          arguments: args.map((one) => ({
            name: one.name,
            ...(one.description === undefined ? {} : { description: one.description }),
            required: one.required === true,
          })),
        }));
      });
    },
    async prompt(server, name, values, signal) {
      const session = known(server);
      if (!session.ok) return session;
      return session.value.ask(`the prompt '${name}'`, { signal }, async (client, how) => {
        const { messages } = await client.getPrompt({ name, arguments: values }, how);
        return messages.map(({ role, content }) => ({ role, content: contentOf(content) }));
      });
    },
  };

  return {
    door,
    start: (name, open) => find(name).start(open),
    refuse: (name, failure) => find(name).refuse(failure),
    unmatched: (name) => {
      const one = sessions.get(name);
      return one === undefined ? [] : picked(one).unmatched;
    },
    leftOut: (name) => {
      const one = sessions.get(name);
      if (one === undefined) return [];
      const { picks } = one.server;
      return one.session.leftOut.filter(
        ({ tool }) => picks?.some((pick) => matches(pick.name, tool)) ?? !named.has(name),
      );
    },
    listed: (name) => find(name).tools,
    abilities: (name) => sessions.get(name)?.session.abilities(),
    ask: (name, what, call, act) => find(name).ask(what, call, act),
    settled: async () => {
      await Promise.all(all().map(({ session }) => session.settled(listPatienceMs)));
    },
    close: async () => {
      await Promise.all(all().map(({ session }) => session.close()));
    },
  };
}

type Listed = {
  name: string;
  description?: string | undefined;
  mimeType?: string | undefined;
  size?: number | undefined;
};

function resource(server: string, uri: string, template: boolean, listed: Listed): McpResource {
  const { name, description, mimeType, size } = listed;
  return {
    server,
    uri,
    template,
    name,
    ...(description === undefined ? {} : { description }),
    ...(mimeType === undefined ? {} : { mediaType: mimeType }),
    ...(size === undefined ? {} : { size }),
  };
}
