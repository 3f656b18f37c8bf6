import type { Clock, Fetch, RequestSecrets, Socket, SocketOptions } from "../core/host.ts";
import { NetError } from "../core/net-error.ts";
import type { AccessRequest } from "../core/permission.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { parseAddress } from "../permit/address.ts";
import { refusal, type Gate } from "./gate.ts";
import { followRedirects, type Hop } from "./redirect.ts";
import { isUnconnected, unreached } from "./unreached.ts";

type Input = Parameters<Fetch>[0];
type Init = Parameters<Fetch>[1];

/** The network of one run: one pool of connections, and the addresses that names were found to have. */
export type Network = {
  fetch(gate: Gate, signal: AbortSignal, input: Input, init?: Init, secrets?: RequestSecrets): Promise<Response>;
  /** Opens a WebSocket by a judged address. */
  socket(gate: Gate, signal: AbortSignal, url: URL, options: SocketOptions): Promise<Socket | Response>;
  /** Judges a connection without making it, and says the addresses that it may have. */
  pass(gate: Gate, signal: AbortSignal, host: string, port: number): Promise<Result<string[]>>;
  fetchService(service: Service, signal: AbortSignal, input: Input, init?: Init): Promise<Response>;
  /**
   * Reaches what the user himself named, and wherever it redirects to; credentials stay with the first origin, and what began
   * encrypted stays so. For commands, never for what an agent file or a model asks for.
   */
  fetchNamed(signal: AbortSignal, input: Input, init?: Init): Promise<Response>;
  close(): void;
};

/** A model's service. `ca` is what it trusts instead of the system's certificates, in PEM. */
export type Service = { baseUrl: string; ca: string | undefined };

export type NetworkOptions = {
  /** All addresses of a host. Rejects when it has none. */
  lookup?: (host: string) => Promise<string[]>;
  /** Certificates to trust instead of the system's, in PEM. */
  ca?: string;
};

export function openNetwork(clock: Clock, options: NetworkOptions = {}): Network {
  const session = new Bun.FetchSession(options.ca === undefined ? {} : { tls: { ca: options.ca } });
  const addressesOf = cachedLookup(options.lookup ?? systemLookup, clock);

  /** Judges a host by its name, resolves it, and judges every address. Says these. */
  const judge = async (gate: Gate, url: URL, signal: AbortSignal, shown: string): Promise<string[]> => {
    const host = bareHost(url);
    const request: AccessRequest = {
      kind: "net",
      target: `${url.hostname.replace(/\.$/, "")}:${portOf(url)}`,
      shown,
    };
    const operation = gate.begin("reach");
    const literal = parseAddress(host) !== undefined;

    // The name alone first: looking up a name that was not granted would tell its owner.
    const named = await operation.judge(request);
    if (named.verdict === "deny" || literal) await operation.tell(request, named);
    if (named.verdict === "deny") throw denied(request, named.denial);

    const addresses = literal ? [host] : await addressesOf(host, signal);
    if (!literal) {
      const judged = addresses.map((address) => ({ ...request, address }));
      for (const one of judged) {
        const verdict = await operation.judge(one);
        if (verdict.verdict === "allow") continue;
        await operation.tell(one, verdict);
        throw denied(one, verdict.denial);
      }
      await operation.tell(judged[0] ?? request, named);
    }
    return addresses;
  };

  /** Dials what was judged: nothing resolves the name a second time. */
  const dialJudged = async (gate: Gate, hop: Hop): Promise<Response> => {
    const addresses = await judge(gate, hop.url, hop.signal, hop.url.origin);
    const host = bareHost(hop.url);
    return dial(hop, host, addresses, parseAddress(host) !== undefined);
  };

  const dial = async (hop: Hop, host: string, addresses: string[], literal: boolean): Promise<Response> => {
    const headers = new Headers(hop.headers);
    headers.set("Host", hop.url.host);
    const secure = hop.url.protocol === "https:" && !literal;
    const tls = { serverName: host, ...(options.ca === undefined ? {} : { ca: options.ca }) };
    for (let index = 0; ; index++) {
      const address = addresses[index] ?? host;
      const url = new URL(hop.url);
      url.hostname = address.includes(":") ? `[${address}]` : address;
      const dialed = { ...requestOf(hop), headers, proxy: false as const, ...(secure ? { tls } : {}) };
      try {
        return await session.fetch(url, dialed);
      } catch (error) {
        const another = index + 1 < addresses.length && !(hop.body instanceof ReadableStream);
        if (!another || !isUnconnected(error)) throw unreached(hop, error);
      }
    }
  };

  return {
    fetch: (gate, signal, input, init, secrets) =>
      followRedirects((hop) => dialJudged(gate, hop), signal, input, init, secrets),

    socket: async (gate, callSignal, url, socketOptions) => {
      if (url.protocol !== "ws:" && url.protocol !== "wss:")
        throw new NetError("failed", `Cannot reach '${url.origin}': only ws and wss are WebSockets`);
      if (url.username !== "" || url.password !== "")
        throw new NetError("failed", `Cannot reach '${url.origin}': its URL holds credentials`);
      const signal = AbortSignal.any([callSignal, socketOptions.signal]);
      const addresses = await judge(gate, url, signal, url.origin);
      const { openSocket } = await import("./socket.ts");
      return openSocket(url, addresses, { ...socketOptions, signal, clock, ca: options.ca });
    },

    pass: async (gate, signal, host, port) => {
      const shown = `${host}:${port}`;
      if (!URL.canParse(`https://${shown}`)) return fail("invalid", `Cannot reach '${shown}': it is no host`);
      try {
        return ok(await judge(gate, new URL(`https://${shown}`), signal, shown));
      } catch (error) {
        if (!(error instanceof NetError)) throw error;
        const { code, message, denial } = error;
        return { ok: false, error: { code, message, ...(denial === undefined ? {} : { denial }) } };
      }
    },

    // The user named this service: every address of it is fine, and so is the environment's proxy.
    fetchService: ({ baseUrl, ca }, signal, input, init) => {
      const { origin } = new URL(baseUrl);
      const trust = ca === undefined ? {} : { tls: { ca } };
      const dialService = async (hop: Hop): Promise<Response> => {
        if (hop.url.origin !== origin) {
          const why = `it leads to '${hop.url.origin}', and no other host is followed`;
          throw new NetError("failed", `Cannot reach '${origin}': ${why}`);
        }
        return session
          .fetch(hop.url, { ...requestOf(hop), ...trust })
          .catch((error: unknown) => Promise.reject(unreached(hop, error)));
      };
      return followRedirects(dialService, signal, input, init);
    },

    fetchNamed: (signal, input, init) => {
      let secure = false;
      const dialNamed = async (hop: Hop): Promise<Response> => {
        if (secure && hop.url.protocol === "http:") {
          throw new NetError(
            "failed",
            `Cannot reach '${hop.url.origin}': a redirect from https to http is not followed`,
          );
        }
        secure = hop.url.protocol === "https:";
        return session.fetch(hop.url, requestOf(hop)).catch((error: unknown) => Promise.reject(unreached(hop, error)));
      };
      return followRedirects(dialNamed, signal, input, init);
    },

    close: () => session.close(),
  };
}

function requestOf(hop: Hop) {
  const { method, headers, body, signal } = hop;
  return {
    method,
    headers,
    signal,
    redirect: "manual" as const,
    decompress: false,
    ...(body === null ? {} : { body }),
  };
}

function denied(request: AccessRequest, denial: Parameters<typeof refusal>[2]): NetError {
  return new NetError("denied", refusal("reach", request, denial).message, denial);
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
}

function portOf(url: URL): string {
  return url.port || (url.protocol === "https:" || url.protocol === "wss:" ? "443" : "80");
}

/**
 * Remembers a host's addresses for 30 seconds, as the connections to them are kept. A name that is looked up again keeps its order
 * as far as it can, so that a service behind many addresses is still reached over one connection.
 */
function cachedLookup(lookup: (host: string) => Promise<string[]>, clock: Clock) {
  const known = new Map<string, { addresses: string[]; until: number }>();
  return async (host: string, signal: AbortSignal): Promise<string[]> => {
    const before = known.get(host);
    if (before !== undefined && before.until > clock.now()) return before.addresses;
    const found = await Promise.race([
      lookup(host).catch((cause: unknown) => {
        throw new NetError("not_found", `Cannot reach '${host}': there is no such host`, undefined, { cause });
      }),
      untilAborted(signal),
    ]);
    const kept = (before?.addresses ?? []).filter((address) => found.includes(address));
    const addresses = [...new Set([...kept, ...found])];
    known.set(host, { addresses, until: clock.now() + 30_000 });
    return addresses;
  };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

/** IPv4 first: where IPv6 is broken, it most often just never answers. */
async function systemLookup(host: string): Promise<string[]> {
  const found = await Bun.dns.lookup(host, { family: "any" });
  return found.toSorted((a, b) => a.family - b.family).map((entry) => entry.address);
}
