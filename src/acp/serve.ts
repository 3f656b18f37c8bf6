import {
  agent,
  DEFAULT_MAX_MESSAGE_BYTES,
  MessageTooLargeError,
  ndJsonStream,
  PROTOCOL_VERSION,
  RequestError,
  type AgentConnection,
  type AgentContext,
  type McpServer,
} from "@agentclientprotocol/sdk";
import { bytes } from "../core/bytes.ts";
import type { Clock } from "../core/host.ts";
import type { Ask } from "../core/permission.ts";
import type { Problem } from "../core/problem.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Talk } from "../core/talk.ts";
import { version } from "../core/version.ts";
import { errorOf } from "./ending.ts";
import { Session, type Around } from "./session.ts";

/** A session as an editor asks for it: `known` is the name of one that was before. */
export type Wanted = { cwd: string; servers: readonly McpServer[]; session: string; known: boolean };

/** Who holds conversations for editors. */
export type Hosting = Around & {
  sleep: Clock["sleep"];
  /** A name for a new session, that nobody else has. */
  newSession(): string;
  open(wanted: Wanted, ask: Ask, signal: AbortSignal): Promise<Result<Talk, Problem>>;
};

export type Streams = { input: ReadableStream<Uint8Array>; output: WritableStream<Uint8Array> };

/**
 * Speaks the Agent Client Protocol with the one editor at the other end, until it goes away or `signal` ends it. A failure where it
 * sent what cannot be read on behind.
 */
export async function serveEditor(
  hosting: Hosting,
  { input, output }: Streams,
  signal: AbortSignal,
): Promise<Result<void>> {
  const sessions = new Map<string, Session>();
  let notices = false;

  const find = (id: string): Session => {
    const session = sessions.get(id);
    if (session === undefined) throw RequestError.sessionNotFound(id);
    return session;
  };

  const begin = async (wanted: Wanted, client: AgentContext): Promise<Session> => {
    if (!wanted.cwd.startsWith("/")) throw RequestError.invalidParams({}, `'cwd' must be absolute: '${wanted.cwd}'`);
    const open = (ask: Ask, until: AbortSignal) => hosting.open(wanted, ask, until);
    const session = new Session({ id: wanted.session, cwd: wanted.cwd }, open, client, hosting, notices);
    sessions.set(session.id, session);
    try {
      // One that the editor named it knows already.
      if (wanted.known) session.known();
      await session.begun();
      return session;
    } catch (error) {
      sessions.delete(session.id);
      await session.close();
      throw error;
    }
  };

  /** Goes on with a session of before, or with one that is open. */
  const resumed = async (
    { sessionId, cwd, mcpServers }: { sessionId: string; cwd: string; mcpServers?: McpServer[] },
    client: AgentContext,
  ): Promise<Session> => {
    const open = sessions.get(sessionId);
    if (open !== undefined) return open;
    const session = await begin({ cwd, servers: mcpServers ?? [], session: sessionId, known: true }, client);
    const all = await (await session.talk()).sessions();
    if (all.ok && all.value.some(({ name }) => name === sessionId)) return session;
    sessions.delete(sessionId);
    await session.close();
    throw all.ok ? RequestError.sessionNotFound(sessionId) : errorOf(all.error);
  };

  const app = agent({ name: "rein" })
    .onRequest("initialize", ({ params }) => {
      notices = params.clientCapabilities?.session?.notices != null;
      return {
        protocolVersion: PROTOCOL_VERSION,
        agentInfo: { name: "rein", title: hosting.agent, version },
        agentCapabilities: {
          loadSession: true,
          promptCapabilities: { image: true, audio: false, embeddedContext: true },
          mcpCapabilities: { http: true, sse: true },
          sessionCapabilities: { close: {}, resume: {} },
        },
        authMethods: [],
      };
    })
    .onRequest("session/new", async ({ params: { cwd, mcpServers } }) => {
      const wanted = { cwd, servers: mcpServers, session: hosting.newSession(), known: false };
      const session = await begin(wanted, connection.client);
      // Once this answer is written.
      void hosting.sleep(0, signal).then(() => session.known());
      return { sessionId: session.id, ...optionsOf(session) };
    })
    .onRequest("session/load", async ({ params }) => {
      const session = await resumed(params, connection.client);
      await session.replay();
      return optionsOf(session);
    })
    .onRequest("session/resume", async ({ params }) => optionsOf(await resumed(params, connection.client)))
    // A message passes the handlers before its own one by one, and meanwhile the next one comes: it is here that neither this one nor
    // the next overtakes the other.
    .onNotification("session/cancel", ({ params }) => sessions.get(params.sessionId)?.cancel())
    .onRequest("session/prompt", async ({ params }) => ({
      stopReason: await find(params.sessionId).prompt(params.prompt),
    }))
    .onRequest("session/set_config_option", async ({ params }) => ({
      configOptions: await find(params.sessionId).choose(params.configId, params.value),
    }))
    .onRequest("session/close", async ({ params }) => {
      const session = find(params.sessionId);
      sessions.delete(session.id);
      await session.close();
      return {};
    });

  const connection: AgentConnection = app.connect(ndJsonStream(output, input));
  const end = () => connection.close();
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  await connection.closed;
  await Promise.all([...sessions.values()].map((session) => session.close()));
  if (!(connection.signal.reason instanceof MessageTooLargeError)) return ok(undefined);
  const most = bytes(DEFAULT_MAX_MESSAGE_BYTES);
  return fail("too_large", `Cannot go on: the editor sent a message of more than ${most}`);
}

function optionsOf(session: Session) {
  const configOptions = session.configOptions();
  return configOptions.length === 0 ? {} : { configOptions };
}
