import { type Client, ProtocolError as Refusal, type RequestOptions } from "@modelcontextprotocol/client";
import {
  CLIENT_CAPABILITIES_META_KEY,
  isInputRequiredResult,
  LOG_LEVEL_META_KEY,
  ProtocolError,
  ProtocolErrorCode,
  SERVER_INFO_META_KEY,
  type LoggingLevel,
  type LoggingMessageNotificationParams,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import type { McpRequest } from "../core/mcp.ts";
import { endOf } from "./serve.ts";
import type { Servers } from "./servers.ts";

/** The levels of messages, the least first. */
const levels: readonly LoggingLevel[] = [
  "debug",
  "info",
  "notice",
  "warning",
  "error",
  "critical",
  "alert",
  "emergency",
];

/** Whose request it is, and what that client can do and wants to hear. */
export type Asker = {
  context: ServerContext;
  capabilities: Readonly<Record<string, unknown>> | undefined;
  /** Messages below it are not wanted; undefined: none are. */
  level: LoggingLevel | undefined;
};

export type RelayOptions = {
  servers: Servers;
  /** What the entry of a server lets it ask for. */
  allow(server: string): readonly McpRequest[];
  mask(text: string): string;
};

/** A server gave no answer: it is gone, or took too long. */
export class NoAnswer extends ProtocolError {
  constructor(message: string) {
    super(ProtocolErrorCode.InternalError, message);
  }
}

/** What a request carries to a server beside what it asks: go into its params. */
type Carried = JsonObject;

/**
 * Hands requests of clients on to servers. What a server wants to know in the middle of one (2026-07-28: its result says so) goes back
 * to the client, where its entry allows it; the client asks again, with the answers. Nothing of that is kept here.
 */
export class Relay {
  readonly #options: RelayOptions;
  /** Who hears what a server logs: the clients whose requests are under way there. */
  readonly #hearers = new Map<string, Set<(entry: LoggingMessageNotificationParams) => void>>();

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /** `what` is for messages: "the tool 'x'". Throws what the client is to be told. */
  async ask<T extends object>(
    server: string,
    what: string,
    asker: Asker,
    act: (client: Client, options: RequestOptions, carried: Carried) => Promise<T>,
  ): Promise<T> {
    const { servers, mask } = this.#options;
    const hear = (entry: LoggingMessageNotificationParams) => this.#tell(asker, entry);
    const hearers = this.#hearers.get(server) ?? new Set();
    this.#hearers.set(server, hearers.add(hear));
    try {
      const done = await servers.ask(server, what, { signal: endOf(asker.context) }, async (client, options) => {
        const modern = client.getProtocolEra() === "modern";
        try {
          const how = { ...options, ...progressOf(asker.context), allowInputRequired: modern };
          return { result: await act(client, how, modern ? this.#carried(server, asker) : {}) };
        } catch (error) {
          // What the server itself says goes on as it is.
          if (error instanceof Refusal) return { refusal: error };
          throw error;
        }
      });
      if (!done.ok) throw new NoAnswer(mask(done.error.message));
      const { result, refusal } = done.value;
      if (refusal !== undefined) throw new ProtocolError(refusal.code, mask(refusal.message), refusal.data);
      if (isInputRequiredResult(result)) this.#checkQuestions(server, result.inputRequests);
      return this.#masked(result);
    } finally {
      hearers.delete(hear);
    }
  }

  /** A server has logged something. */
  logged(server: string, entry: LoggingMessageNotificationParams): void {
    for (const hear of this.#hearers.get(server) ?? []) hear(entry);
  }

  #tell({ context, level }: Asker, entry: LoggingMessageNotificationParams): void {
    if (level === undefined || levels.indexOf(entry.level) < levels.indexOf(level)) return;
    // Whoever went away is told nothing any more.
    context.mcpReq.notify({ method: "notifications/message", params: this.#masked(entry) }).catch(() => undefined);
  }

  #carried(server: string, { context, capabilities = {}, level }: Asker): Carried {
    const { mcpReq } = context;
    const { progressToken: _ours, ...meta } = mcpReq._meta ?? {};
    const allowed = this.#options.allow(server);
    const able = Object.entries(capabilities).filter(([name]) => allowed.some((one) => one === name));
    const state = mcpReq.requestState();
    return plain({
      _meta: {
        ...meta,
        [CLIENT_CAPABILITIES_META_KEY]: Object.fromEntries(able),
        ...(level === undefined ? {} : { [LOG_LEVEL_META_KEY]: level }),
      },
      ...(mcpReq.inputResponses === undefined ? {} : { inputResponses: mcpReq.inputResponses }),
      ...(state === undefined ? {} : { requestState: state }),
    });
  }

  #checkQuestions(server: string, questions: unknown): void {
    const allowed = this.#options.allow(server);
    for (const question of isObject(questions) ? Object.values(questions) : []) {
      const method = isObject(question) ? question["method"] : undefined;
      const kind = typeof method === "string" ? method.split("/", 1)[0] : undefined;
      if (allowed.some((one) => one === kind)) continue;
      const message = `The MCP server '${server}' asks for '${kind}', which its entry does not allow`;
      throw new ProtocolError(ProtocolErrorCode.InternalError, message);
    }
  }

  /** The same, with secrets masked, and not said to be of the server that it is from. */
  #masked<T extends object>(value: T): T {
    const { mask } = this.#options;
    const text = mask(JSON.stringify(value, (key, part: unknown) => (key === SERVER_INFO_META_KEY ? undefined : part)));
    const parsed: T = JSON.parse(text);
    return parsed;
  }
}

/** Passes on how far a request is, where the client wants to know. */
function progressOf({ mcpReq }: ServerContext): Pick<RequestOptions, "onprogress"> {
  const token = mcpReq._meta?.progressToken;
  if (token === undefined) return {};
  return {
    onprogress: (progress) => {
      if (mcpReq.signal.aborted) return;
      const params = { ...progress, progressToken: token };
      mcpReq.notify({ method: "notifications/progress", params }).catch(() => undefined);
    },
  };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function plain(value: object): JsonObject {
  const parsed: unknown = JSON.parse(JSON.stringify(value));
  return isJsonObject(parsed) ? parsed : {};
}
