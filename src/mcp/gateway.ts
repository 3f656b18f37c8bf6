import {
  CLIENT_CAPABILITIES_META_KEY,
  isSpecType,
  LOG_LEVEL_META_KEY,
  ProtocolError,
  ProtocolErrorCode,
  type CallToolResult,
  type LoggingLevel,
  type McpServerFactory,
  type Server,
  type ServerCapabilities,
  type ServerContext,
  type Tool,
} from "@modelcontextprotocol/server";
import type { McpRequest, OfferedTool } from "../core/mcp.ts";
import { Catalogue } from "./catalogue.ts";
import type { Heard } from "./heard.ts";
import { isObject, NoAnswer, Relay, type Asker } from "./relay.ts";
import { callServed, failed, listedTool, newServer, unknownTool, type ServedTool } from "./serve.ts";
import type { Servers } from "./servers.ts";
import { Subscriptions } from "./subscriptions.ts";

export type GatewayOptions = {
  servers: Servers;
  /** Their names, in the order of the file. */
  names: readonly string[];
  /** Tools that are not of servers. */
  own: readonly ServedTool[];
  /** What clients' models are told of the tools; empty for nothing. */
  instructions(): string;
  /** Whether the servers' resources are offered. */
  resources: boolean;
  /** What the entry of a server lets it ask for. */
  allow(server: string): readonly McpRequest[];
  mask(text: string): string;
  /** Told of each call, for a log. */
  log(text: string): void;
};

/** Told of changes to what is offered: as the protocol names them. */
export type Changes = {
  toolsChanged(): void;
  promptsChanged(): void;
  resourcesChanged(): void;
};

/** What lasts as long as a client is there, before 2026-07-28. */
type Connected = { server: Server; uris: Set<string> };

/** Offers the tools of a file to clients, and what else its servers have. */
export class Gateway {
  /** Told of changes too: what serves single requests. */
  also: Changes | undefined;
  readonly #options: GatewayOptions;
  readonly #relay: Relay;
  readonly #catalogue: Catalogue;
  readonly #subscriptions: Subscriptions;
  readonly #connected = new Set<Connected>();

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#relay = new Relay(options);
    this.#catalogue = new Catalogue(options, this.#relay);
    this.#subscriptions = new Subscriptions(options.servers);
  }

  /** Makes the server of one connection, or of one request over HTTP since 2026-07-28. */
  readonly factory: McpServerFactory = ({ era, requestInfo }) => {
    const lasts = era === "legacy" || requestInfo === undefined;
    const server = newServer(this.#capabilities(lasts, era === "legacy"), this.#options.instructions());
    const connected: Connected = { server, uris: new Set() };
    if (lasts) {
      this.#connected.add(connected);
      const gone = () => {
        this.#connected.delete(connected);
        for (const uri of connected.uris) void this.#subscriptions.leave(uri);
      };
      // The SDK has a property for it, and no events.
      Object.assign(server, { onclose: gone });
    }
    /** Before 2026-07-28 a client says once what it wants to hear. */
    let level: LoggingLevel = "info";
    const asker = (context: ServerContext): Asker =>
      era === "legacy"
        ? { context, level, capabilities: server.getClientCapabilities() }
        : {
            context,
            ...saidWith(context),
          };
    server.setRequestHandler("tools/list", () => ({ tools: this.#tools() }));
    server.setRequestHandler("tools/call", ({ params }, context) => this.#call(params, asker(context)));
    const { logging, prompts, completions, resources } = this.#capabilities(lasts, era === "legacy");
    if (logging !== undefined) {
      server.setRequestHandler("logging/setLevel", ({ params }) => {
        level = params.level;
        return {};
      });
    }
    if (prompts !== undefined) {
      server.setRequestHandler("prompts/list", async (_, context) => {
        const listed = await this.#catalogue.prompts(asker(context));
        return { prompts: listed.map(({ prompt }) => prompt) };
      });
      server.setRequestHandler("prompts/get", async ({ params }, context) => {
        const from = await this.#catalogue.promptOf(params.name, asker(context));
        return this.#relay.ask(from, `the prompt '${params.name}'`, asker(context), (client, how, carried) =>
          client.getPrompt({ ...params, ...carried }, how),
        );
      });
    }
    if (completions !== undefined) {
      server.setRequestHandler("completion/complete", async ({ params }, context) => {
        const { ref } = params;
        const from =
          ref.type === "ref/prompt"
            ? await this.#catalogue.promptOf(ref.name, asker(context))
            : await this.#templateOf(ref.uri, asker(context));
        return this.#relay.ask(from, "the completion of a value", asker(context), (client, how, carried) =>
          client.complete({ ...params, ...carried }, how),
        );
      });
    }
    if (resources !== undefined) this.#serveResources(connected, asker, resources);
    return server;
  };

  /** A server has said something by itself. */
  heard(name: string, heard: Heard): void {
    if (heard.kind === "log") this.#relay.logged(name, heard.entry);
    if (heard.kind === "prompts") this.#tell("promptsChanged", (server) => server.sendPromptListChanged());
    if (heard.kind === "resources") this.#tell("resourcesChanged", (server) => server.sendResourceListChanged());
    if (heard.kind !== "updated") return;
    for (const { server, uris } of this.#connected)
      if (uris.has(heard.uri)) void server.sendResourceUpdated({ uri: heard.uri }).catch(() => undefined);
  }

  /** A server, or its tools, are others. */
  toolsChanged(): void {
    this.#tell("toolsChanged", (server) => server.sendToolListChanged());
  }

  #tell(what: keyof Changes, send: (server: Server) => Promise<void>): void {
    this.also?.[what]();
    // Whoever went away is told nothing any more.
    for (const { server } of this.#connected) void send(server).catch(() => undefined);
  }

  /** `hears`: whether it can be told of something without asking; `subscribes`: by the older way. */
  #capabilities(hears: boolean, subscribes: boolean): ServerCapabilities {
    const { servers, names, resources } = this.#options;
    const of = names.flatMap((name) => servers.abilities(name) ?? []);
    const has = (what: keyof ServerCapabilities) => of.some((one) => one[what] !== undefined);
    const listChanged = { listChanged: true };
    const subscribe = subscribes && of.some((one) => one.resources?.subscribe === true) ? { subscribe: true } : {};
    return {
      tools: listChanged,
      ...(has("prompts") ? { prompts: listChanged } : {}),
      ...(has("resources") && resources ? { resources: { ...listChanged, ...(hears ? subscribe : {}) } } : {}),
      ...(has("completions") ? { completions: {} } : {}),
      ...(has("logging") ? { logging: {} } : {}),
    };
  }

  #tools(): Tool[] {
    const { own, servers } = this.#options;
    const theirs = servers.door.tools().flatMap((offered) => toolOf(offered) ?? []);
    return [...own.map(listedTool), ...theirs];
  }

  async #call(params: { name: string; arguments?: Record<string, unknown> | undefined }, asker: Asker) {
    const { own, servers, log } = this.#options;
    const tool = own.find(({ name }) => name === params.name);
    if (tool !== undefined) {
      log(`${tool.name}: called`);
      return callServed(tool, params.arguments ?? {}, asker.context);
    }
    const offered = servers.door.tools().find(({ name }) => name === params.name);
    if (offered === undefined) {
      const names = [...own, ...servers.door.tools()].map(({ name }) => name);
      throw unknownTool(params.name, names);
    }
    log(`${offered.name}: called`);
    const { name } = offered.facts;
    // What it answers is for the client to check, by the same schema.
    const { outputSchema: _, ...definition } = toolOf({ ...offered, name }) ?? {};
    const toolDefinition = isSpecType.Tool(definition) ? { toolDefinition: definition } : {};
    try {
      return await this.#relay.ask<CallToolResult>(
        offered.server,
        `the tool '${name}'`,
        asker,
        (client, how, carried) => client.callTool({ ...params, name, ...carried }, { ...how, ...toolDefinition }),
      );
    } catch (error) {
      if (error instanceof NoAnswer) return failed(error.message);
      throw error;
    }
  }

  #serveResources(
    { server, uris }: Connected,
    asker: (context: ServerContext) => Asker,
    { subscribe }: NonNullable<ServerCapabilities["resources"]>,
  ): void {
    server.setRequestHandler("resources/list", async (_, context) => {
      const listed = await this.#catalogue.resources(asker(context));
      return { resources: listed.map(({ resource }) => resource) };
    });
    server.setRequestHandler("resources/templates/list", async (_, context) => {
      const listed = await this.#catalogue.templates(asker(context));
      return { resourceTemplates: listed.map(({ template }) => template) };
    });
    server.setRequestHandler("resources/read", async ({ params }, context) => {
      const from = await this.#catalogue.resourceOf(params.uri, asker(context));
      return this.#relay.ask(from, `the resource '${params.uri}'`, asker(context), (client, how, carried) =>
        client.readResource({ ...params, ...carried }, how),
      );
    });
    if (subscribe !== true) return;
    server.setRequestHandler("resources/subscribe", async ({ params: { uri } }, context) => {
      const from = await this.#catalogue.resourceOf(uri, asker(context));
      if (!uris.has(uri)) {
        uris.add(uri);
        await this.#subscriptions.join(from, uri);
      }
      return {};
    });
    server.setRequestHandler("resources/unsubscribe", async ({ params: { uri } }) => {
      if (uris.delete(uri)) await this.#subscriptions.leave(uri);
      return {};
    });
  }

  /** Whose template it is, where resources are offered at all. */
  #templateOf(uri: string, asker: Asker): Promise<string> {
    if (this.#options.resources) return this.#catalogue.resourceOf(uri, asker);
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, `No resource template '${uri}'`);
  }
}

/** What a client says of itself with each request, since 2026-07-28. */
function saidWith({ mcpReq }: ServerContext): Pick<Asker, "capabilities" | "level"> {
  const envelope: Readonly<Record<string, unknown>> = mcpReq.envelope ?? {};
  const level = envelope[LOG_LEVEL_META_KEY];
  const capabilities = envelope[CLIENT_CAPABILITIES_META_KEY];
  return {
    level: isSpecType.LoggingLevel(level) ? level : undefined,
    capabilities: isObject(capabilities) ? capabilities : undefined,
  };
}

/** As its server has it, by the name of the file; undefined where it is no tool by the protocol. */
function toolOf({ name, facts }: OfferedTool): Tool | undefined {
  const tool: unknown = { ...facts.raw, name };
  return isSpecType.Tool(tool) ? tool : undefined;
}
