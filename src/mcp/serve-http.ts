import { timingSafeEqual, createHash } from "node:crypto";
import {
  createMcpHandler,
  isLegacyRequest,
  WebStandardStreamableHTTPServerTransport,
  type McpServerFactory,
} from "@modelcontextprotocol/server";
import type { Respond } from "../core/host.ts";

/** Where MCP is on an HTTP server. */
export const mcpPath = "/mcp";

/** A session that is over without having been ended is closed when there are more than this many, the longest unused first. */
const mostSessions = 256;

type Session = { transport: WebStandardStreamableHTTPServerTransport; close(): Promise<void> };

export type HttpServing = {
  /** The port that answers, once it is known. */
  port(): number;
  /** What a client must show; undefined: nothing. */
  token: string | undefined;
  /** Makes the name of a session that nobody can guess. */
  id(): string;
};

/**
 * Answers MCP over HTTP: sessions for the revisions that have them, single requests for those that do not. Whoever asks must name
 * this machine, so that no page reaches it by a name of its own (DNS rebinding), come from no other origin, and show the token.
 */
export function serveHttp(factory: McpServerFactory, { port, token, id }: HttpServing) {
  const modern = createMcpHandler(factory, { legacy: "reject" });
  /** By their names, the longest unused first. */
  const sessions = new Map<string, Session>();

  async function newSession(request: Request): Promise<Response> {
    const server = await factory({ era: "legacy", requestInfo: request });
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: id,
      onsessioninitialized: async (name) => {
        sessions.set(name, { transport, close: () => server.close() });
        const [oldest] = sessions.size > mostSessions ? sessions : [];
        if (oldest === undefined) return;
        sessions.delete(oldest[0]);
        await oldest[1].close();
      },
      onsessionclosed: (name) => void sessions.delete(name),
    });
    await server.connect(transport);
    const response = await transport.handleRequest(request);
    // A request that begins no session has been refused.
    if (transport.sessionId === undefined) await server.close();
    return response;
  }

  async function legacy(request: Request): Promise<Response> {
    const name = request.headers.get("mcp-session-id");
    if (name === null) return newSession(request);
    const session = sessions.get(name);
    // The protocol's word for it: the client begins a new one.
    if (session === undefined) return refuse(404, -32001, "Session not found");
    sessions.delete(name);
    sessions.set(name, session);
    return session.transport.handleRequest(request);
  }

  const respond: Respond = async (request) => {
    const here = [`127.0.0.1:${port()}`, `localhost:${port()}`, `[::1]:${port()}`];
    const host = (request.headers.get("host") ?? "").toLowerCase();
    if (!here.includes(host)) return refuse(403, -32000, `This is no server of '${host}'`);
    const origin = request.headers.get("origin");
    if (origin !== null && !here.some((name) => origin === `http://${name}`))
      return refuse(403, -32000, `Pages of '${origin}' may not ask here`);
    if (new URL(request.url).pathname !== mcpPath) return refuse(404, -32000, `Nothing is here: MCP is at ${mcpPath}`);
    if (token !== undefined && !shows(request, token)) {
      const answer = refuse(401, -32000, "Send the token of this server: 'Authorization: Bearer …'");
      answer.headers.set("www-authenticate", "Bearer");
      return answer;
    }
    return (await isLegacyRequest(request)) ? legacy(request) : modern.fetch(request);
  };

  return {
    respond,
    /** Tells clients since 2026-07-28 that something is another; older ones have a server each that tells them. */
    changes: modern.notify,
    async close(): Promise<void> {
      await Promise.all([modern.close(), ...[...sessions.values()].map((session) => session.close())]);
      sessions.clear();
    },
  };
}

/** Compared by their hashes, which have one length and take one time. */
function shows(request: Request, token: string): boolean {
  const shown = request.headers.get("authorization")?.match(/^Bearer +(\S+)$/i)?.[1] ?? "";
  return timingSafeEqual(sha256(shown), sha256(token));
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function refuse(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", error: { code, message }, id: null }, { status });
}
