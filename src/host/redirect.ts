import type { NetDoor, RequestSecrets } from "../core/host.ts";
import { NetError } from "../core/net-error.ts";
import { userAgent } from "../core/version.ts";
import { acceptEncoding, unpacked } from "./body.ts";

/** One request of a fetch: the first, or one that a redirect led to. */
export type Hop = {
  url: URL;
  method: string;
  headers: Headers;
  body: NonNullable<RequestInit["body"]> | null;
  signal: AbortSignal;
};

/**
 * Does a fetch in single hops, so that each is judged by itself, with the rules of the Fetch standard for what a redirect changes.
 * What `dial` gives is still packed. Only standard options are taken: Bun's own could name a socket, a proxy or a certificate that
 * the gate never sees.
 */
export async function followRedirects(
  dial: (hop: Hop) => Promise<Response>,
  signal: AbortSignal,
  ...[input, init = {}, secrets]: Parameters<NetDoor["fetch"]>
): Promise<Response> {
  let hop = await firstHop(signal, input, init);
  const mode = init.redirect ?? (input instanceof Request ? input.redirect : "follow");
  for (let redirects = 0; ; redirects++) {
    hop.signal.throwIfAborted();
    const ending = new AbortController();
    const dialed = await dial({ ...hop, signal: AbortSignal.any([hop.signal, ending.signal]) });
    const response = unpacked(dialed, hop.url.origin, () => ending.abort());
    const location = redirectStatuses.has(response.status) ? response.headers.get("location") : null;
    if (location === null || mode === "manual") return named(response, hop.url, redirects > 0);
    // Read to its end the connection is used again; a long body is not worth it.
    await response.body?.cancel();
    if (mode === "error") throw unreachable(hop.url, "it redirects");
    if (redirects === 10) throw unreachable(hop.url, "too many redirects");
    hop = nextHop(hop, response.status, location, secrets);
  }
}

const redirectStatuses = new Set([301, 302, 303, 307, 308]);

async function firstHop(signal: AbortSignal, input: Parameters<NetDoor["fetch"]>[0], init: RequestInit): Promise<Hop> {
  const request = input instanceof Request ? input : undefined;
  const url = parseUrl(request?.url ?? String(input));
  const signals = [signal, request?.signal, init.signal].filter((one) => one instanceof AbortSignal);
  const headers = new Headers(init.headers ?? request?.headers);
  if (!headers.has("user-agent")) headers.set("user-agent", userAgent);
  if (!headers.has("accept-encoding")) headers.set("accept-encoding", acceptEncoding);
  const fromRequest = request?.body == null || init.body != null ? null : await request.bytes();
  return {
    url,
    method: (init.method ?? request?.method ?? "GET").toUpperCase(),
    headers,
    body: init.body ?? fromRequest,
    signal: AbortSignal.any(signals),
  };
}

function nextHop(hop: Hop, status: number, location: string, secrets: RequestSecrets | undefined): Hop {
  const url = parseUrl(location, hop.url);
  const headers = new Headers(hop.headers);
  const leaves = url.origin !== hop.url.origin;
  if (leaves) for (const name of [...credentials, ...(secrets?.headers ?? [])]) headers.delete(name);
  const toGet =
    (status === 303 && hop.method !== "GET" && hop.method !== "HEAD") ||
    ((status === 301 || status === 302) && hop.method === "POST");
  if (toGet) {
    for (const name of bodyHeaders) headers.delete(name);
    return { ...hop, url, headers, method: "GET", body: null };
  }
  if (leaves && hop.body !== null && secrets?.body === true)
    throw unreachable(hop.url, `it redirects a body that holds a secret to '${url.origin}'`);
  if (hop.body instanceof ReadableStream) throw unreachable(hop.url, "it redirects a body that can be sent only once");
  return { ...hop, url, headers };
}

const credentials = ["authorization", "cookie", "proxy-authorization"];
const bodyHeaders = ["content-encoding", "content-language", "content-length", "content-location", "content-type"];

function parseUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base?.href)) throw new NetError("failed", `Cannot reach '${text}': it is not a URL`);
  const url = new URL(text, base);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw unreachable(url, "only http and https are supported");
  if (url.username !== "" || url.password !== "") throw unreachable(url, "its URL holds credentials");
  return url;
}

function unreachable(url: URL, reason: string): NetError {
  const shown = url.origin === "null" ? url.href : url.origin;
  return new NetError("failed", `Cannot reach '${shown}': ${reason}`);
}

/** A response under the URL that was asked for, not under the address that was dialed. */
function named(response: Response, url: URL, redirected: boolean): Response {
  Object.defineProperties(response, { url: { value: url.href }, redirected: { value: redirected } });
  return response;
}
