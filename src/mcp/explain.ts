import type { Clock, NetDoor } from "../core/host.ts";
import type { StartFailure } from "../core/mcp.ts";
import { faultOf, NetError } from "../core/net-error.ts";
import { readBegin, shown } from "./begin.ts";
import { isMisread } from "./failure.ts";
import { statusOf, type Answered, type Exchange } from "./exchange.ts";

/** A server that is reached over the network, and what was seen of it. */
export type Remote = {
  kind: "http" | "sse" | "websocket";
  url: URL;
  headers: ReadonlyArray<readonly [string, string]>;
  exchange: Exchange;
  /** Whether its entry says who we are. */
  hasCredentials: boolean;
  /** Whether a WebSocket was opened. */
  opened: boolean;
  net: Pick<NetDoor, "fetch" | "socket">;
  clock: Pick<Clock, "sleep">;
};

/** How long it may take to find out what a server is instead, in milliseconds. */
const patienceMs = 3_000;

/** Why a server did not become ready; undefined where its answers do not tell. `ended` is how its connection ended. */
export async function explain(
  remote: Remote,
  thrown: unknown,
  ended: string | undefined,
): Promise<StartFailure | undefined> {
  const { exchange, kind } = remote;
  const { refused, failed, answered } = exchange;
  if (refused !== undefined) return refused;
  if (failed !== undefined) return unreached(failed);
  if (answered === undefined) return ended === undefined ? undefined : { why: "ended", message: ended };
  const { status } = answered;
  if (status >= 300 && status < 400) return redirected(remote, answered);
  if (status === 401 || status === 403) return unauthorized(remote, answered);
  if (status >= 500 && status !== 501) return { why: "failed", message: `it answers with ${statusOf(answered)}` };
  const works = status >= 200 && status < 300;
  // Its answers are messages, or a socket was opened: what is wrong is in them.
  if (remote.opened) return ended === undefined ? undefined : { why: "ended", message: ended };
  if (works && kind === "http" && isMessage(answered)) return isMisread(thrown) ? noMcp(remote, answered) : undefined;
  // A stream that is open and silent may be that of another transport.
  if (works && kind === "sse" && answered.type === "text/event-stream" && thrown !== undefined && ended !== undefined) {
    return { why: "ended", message: ended };
  }
  return (await otherTransport(remote)) ?? noMcp(remote, answered);
}

function unreached(error: NetError): StartFailure {
  const { code, message, denial } = error;
  if (denial !== undefined) return { why: "denied", message, denial };
  const fault = faultOf(error);
  if (fault === "refused") {
    return { why: "refused", message, hint: "nothing listens there: is the server started, and its url right?" };
  }
  return { why: fault ?? (code === "not_found" ? "not_found" : "failed"), message };
}

function redirected({ url }: Remote, { location }: Answered): StartFailure {
  const to = location === null ? null : URL.parse(location, url.href);
  const where = to === null ? "elsewhere" : `to '${shown(to.origin === url.origin ? to.href : to.origin)}'`;
  return {
    why: "failed",
    message: `it redirects ${where}, which is not followed`,
    hint: "if that is the server, write its url",
  };
}

function unauthorized({ exchange, hasCredentials }: Remote, answered: Answered): StartFailure {
  if (exchange.hadToken) {
    return { why: "unauthorized", message: `it refuses who has signed in: ${statusOf(answered)}` };
  }
  const message = hasCredentials
    ? `it refuses the credentials of its headers: ${statusOf(answered)}`
    : `it lets nobody in without credentials: ${statusOf(answered)}`;
  return hasCredentials
    ? { why: "unauthorized", message }
    : { why: "unauthorized", message, hint: "write them into the entry's `headers`" };
}

/** It answers, and with what. */
export function noMcp({ url, kind }: Remote, answered: Answered): StartFailure {
  const { status, type } = answered;
  if (status === 404) {
    return { why: "not_mcp", message: `there is nothing at '${shown(url.pathname)}': ${statusOf(answered)}` };
  }
  const what = kind === "websocket" ? "not with a WebSocket" : "not as MCP";
  const begin = shown(answered.begin);
  const said = begin === "" ? "" : `: '${begin}'`;
  const named = [statusOf({ ...answered, begin: new Uint8Array() }), ...(type === "" ? [] : [shown(type)])];
  return { why: "not_mcp", message: `it answers, but ${what} (${named.join(", ")})${said}` };
}

function isMessage({ type, begin }: Answered): boolean {
  if (type === "text/event-stream") return true;
  if (type !== "application/json") return false;
  const text = new TextDecoder().decode(begin);
  return text === "" || /^\s*\[?\s*\{\s*"(jsonrpc|id|result|error)"/.test(text);
}

/** Whether it may be the begin of a message: its parts come in any order, and the long ones first. */
function isBegun(text: string): boolean {
  return /"(jsonrpc|protocolVersion)" *:/.test(text);
}

/** Asks the server whether it is one of another transport. */
async function otherTransport(remote: Remote): Promise<StartFailure | undefined> {
  const { kind, url, clock } = remote;
  const enough = new AbortController();
  const settled = new AbortController();
  void clock.sleep(patienceMs, settled.signal).then(() => enough.abort());
  const web = { ...remote, url: new URL(url.href.replace(/^ws/, "http")) };
  const socket = { ...remote, url: new URL(url.href.replace(/^http/, "ws")) };
  // What cannot be asked is no server of that transport.
  const ask = (other: Remote["kind"], is: () => Promise<boolean>) => (other === kind ? false : is().catch(() => false));
  const [sse, http, websocket] = await Promise.all([
    ask("sse", () => isSse(web, enough.signal)),
    ask("http", () => isHttp(web, enough.signal)),
    ask("websocket", () => isSocket(socket, enough.signal)),
  ]);
  settled.abort();
  const found = (name: string, transport: Remote["kind"], { protocol }: URL): StartFailure => ({
    why: "wrong_transport",
    message: `this is ${name}: set \`transport: ${transport}\`${protocol === url.protocol ? "" : `, and its url to '${protocol}//…'`}`,
  });
  if (sse) return found("an SSE server", "sse", web.url);
  if (http) return found("a Streamable HTTP server", "http", web.url);
  return websocket ? found("a WebSocket server", "websocket", socket.url) : undefined;
}

async function isSse({ net, url, headers }: Remote, signal: AbortSignal): Promise<boolean> {
  const response = await net.fetch(url, {
    headers: withHeaders(headers, { accept: "text/event-stream" }),
    redirect: "manual",
    signal,
  });
  if (!response.ok || !isStream(response)) {
    await response.body?.cancel();
    return false;
  }
  const begin = new TextDecoder().decode(await readBegin(response.body, 16));
  return /^event: ?endpoint/.test(begin);
}

async function isHttp({ net, url, headers }: Remote, signal: AbortSignal): Promise<boolean> {
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "rein", version: "0" } };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params });
  const accept = { accept: "application/json, text/event-stream", "content-type": "application/json" };
  const sent = { method: "POST", headers: withHeaders(headers, accept), body, redirect: "manual" as const, signal };
  const response = await net.fetch(url, sent);
  const begin = new TextDecoder().decode(await readBegin(response.body, 500, isBegun));
  const session = response.headers.get("mcp-session-id");
  if (session !== null) {
    const ended = await net.fetch(url, {
      method: "DELETE",
      headers: withHeaders(headers, { "mcp-session-id": session }),
      redirect: "manual",
      signal,
    });
    await ended.body?.cancel();
  }
  return isBegun(begin);
}

async function isSocket({ net, url, headers }: Remote, signal: AbortSignal): Promise<boolean> {
  const opened = await net.socket(url, {
    headers: withHeaders(headers, {}),
    protocol: "mcp",
    largest: 1_000,
    onText: () => undefined,
    signal,
  });
  if (opened instanceof Response) {
    await opened.body?.cancel();
    return false;
  }
  opened.close();
  return true;
}

function withHeaders(headers: Remote["headers"], more: Record<string, string>): Headers {
  const all = new Headers(more);
  for (const [name, value] of headers) if (!all.has(name)) all.set(name, value);
  return all;
}

function isStream(response: Response): boolean {
  return /^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "");
}
