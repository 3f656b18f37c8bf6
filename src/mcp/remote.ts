import {
  SSEClientTransport,
  StreamableHTTPClientTransport,
  type JSONRPCMessage,
  type Transport,
} from "@modelcontextprotocol/client";
import type { Clock, NetDoor, Socket, SocketOptions } from "../core/host.ts";
import type { StartFailure } from "../core/mcp.ts";
import type { Result } from "../core/result.ts";
import { Exchange, type ExchangeOptions } from "./exchange.ts";
import { explain, noMcp, type Remote } from "./explain.ts";
import { isMisread } from "./failure.ts";
import { inTurn } from "./in-turn.ts";
import type { Link, Target } from "./link.ts";
import { ServerTokens, type SignInDoors } from "./server-tokens.ts";
import { WebSocketTransport } from "./websocket.ts";

export type RemoteDoors = {
  net: Pick<NetDoor, "fetch" | "socket">;
  clock: Pick<Clock, "now" | "sleep">;
  /** Absent where nothing is kept of sign-ins. */
  signIn?: SignInDoors;
};

export type RemoteTarget = Target<"http" | "sse" | "websocket">;

/** How long a server may take to hear that its session is over, in milliseconds. */
const goodByeMs = 1_000;

/** A server that is reached over the network. Nothing is said yet, but where a person signs in before it starts. */
export async function openRemote(
  target: RemoteTarget,
  doors: RemoteDoors,
  signal: AbortSignal,
): Promise<Result<Link, StartFailure>> {
  const { kind, headers } = target.transport;
  const url = URL.parse(target.transport.url);
  const schemes = kind === "websocket" ? ["ws:", "wss:"] : ["http:", "https:"];
  if (url === null || !schemes.includes(url.protocol)) {
    const [one, other] = schemes;
    const message = `its url is none of \`transport: ${kind}\`: it begins with '${one}//' or '${other}//'`;
    return { ok: false, error: { why: "failed", message } };
  }
  const hasCredentials = headers.some(([name]) => name.toLowerCase() === "authorization");
  const signs = hasCredentials || doors.signIn === undefined ? undefined : doors.signIn;
  const { oauth } = target.transport;
  const asked = { name: target.name, headers, ...(oauth === undefined ? {} : { oauth }) };
  const tokens = signs === undefined ? undefined : new ServerTokens(asked, url, signs, signal);
  const ready = await tokens?.prepare();
  if (ready?.ok === false) return ready;

  let transport: Transport | undefined;
  const ending: Ending = { begun: false };
  const lost = (why: string) => {
    if (ending.begun) return;
    ending.by = why;
    void transport?.close();
  };
  const options: ExchangeOptions = {
    fetch: (input, init) => {
      // What the SDK asks for ends with the run, too.
      const signals = [signal, init?.signal].filter((one) => one instanceof AbortSignal);
      return doors.net.fetch(input, { ...init, signal: AbortSignal.any(signals) });
    },
    headers,
    ...(tokens === undefined ? {} : { tokens }),
    telling: kind === "http" ? "POST" : "GET",
    lost,
  };
  const exchange = new Exchange(options);
  const remote: Remote = {
    kind,
    url,
    headers,
    exchange,
    hasCredentials,
    opened: false,
    net: doors.net,
    clock: doors.clock,
  };
  if (kind === "websocket") {
    const socket = new WebSocketTransport({ url, signal, open: (how) => dial(remote, options, how) });
    const ended = () => socket.endedBy;
    const value: Link = {
      transport: socket,
      said: nothing,
      ended,
      explain: (thrown) => socket.odd ?? explain(remote, thrown, ended()),
    };
    return { ok: true, value };
  }
  let odd: StartFailure | undefined;
  const made =
    kind === "sse"
      ? new SseTransport(url, { fetch: exchange.fetch }, ending)
      : new HttpTransport(url, { fetch: exchange.fetch }, ending, doors.clock);
  // What comes in a stream the SDK passes over, also where it was to be the answer that the start waits for.
  const onerror = (error: Error) => {
    if (ending.agreed === true || !isMisread(error) || exchange.answered === undefined) return;
    odd = noMcp(remote, exchange.answered);
    lost(odd.message);
  };
  Object.assign(made, { onerror });
  transport = made;
  const value: Link = {
    transport,
    said: nothing,
    ended: () => ending.by,
    lapsed: () => kind === "http" && ending.by !== undefined,
    explain: (thrown) => odd ?? explain(remote, thrown, ending.by),
  };
  return { ok: true, value };
}

function nothing(): string {
  return "";
}

/** Whether a connection was closed, and what ended it where that was not us. */
type Ending = { begun: boolean; by?: string; /** Whether a version was agreed on. */ agreed?: true };

/** The SDK's, with messages in turns. */
class SseTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: <T extends JSONRPCMessage>(message: T) => void;
  readonly #inner: SSEClientTransport;
  readonly #ending: Ending;
  readonly #closed = Promise.withResolvers<never>();

  constructor(url: URL, options: ConstructorParameters<typeof SSEClientTransport>[1], ending: Ending) {
    this.#ending = ending;
    this.#inner = new SSEClientTransport(url, options);
    this.#closed.promise.catch(() => undefined);
    const report = (error: unknown) => this.onerror?.(error instanceof Error ? error : new Error(String(error)));
    Object.assign(this.#inner, {
      onclose: () => this.onclose?.(),
      onerror: report,
      onmessage: inTurn((message: JSONRPCMessage) => this.onmessage?.(message), report),
    });
  }

  /** The SDK's own goes on waiting for a stream that was closed. */
  start(): Promise<void> {
    return Promise.race([this.#inner.start(), this.#closed.promise]);
  }

  send(message: JSONRPCMessage): Promise<void> {
    return this.#inner.send(message);
  }

  setProtocolVersion(version: string): void {
    this.#ending.agreed = true;
    this.#inner.setProtocolVersion(version);
  }

  async close(): Promise<void> {
    if (this.#ending.begun) return;
    this.#ending.begun = true;
    await this.#inner.close();
    this.#closed.reject(new Error("the connection has ended"));
  }
}

/** Says good-bye to a session, which the SDK leaves to its users. */
class HttpTransport extends StreamableHTTPClientTransport {
  readonly #ending: Ending;
  readonly #clock: Pick<Clock, "sleep">;

  constructor(
    url: URL,
    options: ConstructorParameters<typeof StreamableHTTPClientTransport>[1],
    ending: Ending,
    clock: Pick<Clock, "sleep">,
  ) {
    super(url, options);
    this.#ending = ending;
    this.#clock = clock;
  }

  override setProtocolVersion(version: string): void {
    this.#ending.agreed = true;
    super.setProtocolVersion(version);
  }

  override async close(): Promise<void> {
    if (this.#ending.begun) return;
    this.#ending.begun = true;
    if (this.#ending.by === undefined) await this.#goodBye();
    await super.close();
  }

  async #goodBye(): Promise<void> {
    const settled = new AbortController();
    const done = this.terminateSession().catch(() => undefined);
    await Promise.race([done, this.#clock.sleep(goodByeMs, settled.signal)]);
    settled.abort();
  }
}

/** Opens the socket, with a token where the server wants one. */
async function dial(remote: Remote, options: ExchangeOptions, how: SocketOptions): Promise<Socket> {
  const { url, net } = remote;
  let opened: Socket | undefined;
  /** The handshake is a request like any other, but for what comes of it. */
  const handshake = new Exchange({
    ...options,
    fetch: async (_, init) => {
      const answer = await net.socket(url, { ...how, headers: new Headers(init?.headers) });
      if (answer instanceof Response) return answer;
      opened = answer;
      return new Response(null, { status: 200 });
    },
  });
  try {
    await handshake.fetch(url);
  } finally {
    remote.exchange = handshake;
  }
  remote.opened = opened !== undefined;
  if (opened === undefined) throw new Error("the server opened no WebSocket");
  return opened;
}
