import { NetError, runtimeText } from "../core/net-error.ts";
import type { RequestSecrets } from "../core/host.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { ToolContext } from "../core/tool.ts";

/** What a service answered. `url` is where the answer came from; `cut`: it goes on after `bytes`. */
export type Answer = {
  url: URL;
  redirected: boolean;
  status: number;
  headers: Headers;
  bytes: Uint8Array<ArrayBuffer>;
  cut: boolean;
};

export type Sending = {
  /** For the whole of it, redirects and body included. */
  timeoutMs: number;
  /** How many bytes of a body are read, counted after it was unpacked. */
  most: number;
  secrets?: RequestSecrets;
};

/** Sends one request and reads its answer. */
export async function send(
  url: URL,
  request: RequestInit,
  { timeoutMs, most, secrets }: Sending,
  { host, signal, clock }: Pick<ToolContext, "host" | "signal" | "clock">,
): Promise<Result<Answer>> {
  const late = new AbortController();
  const settled = new AbortController();
  void clock.sleep(timeoutMs, AbortSignal.any([settled.signal, signal])).then(() => late.abort());
  const both = AbortSignal.any([signal, late.signal]);
  try {
    const response = await host.net.fetch(url, { ...request, signal: both }, secrets);
    const { bytes, cut } = await bodyOf(response, most, both);
    const { status, redirected } = response;
    return ok({ url: new URL(response.url), redirected, status, headers: response.headers, bytes, cut });
  } catch (error) {
    if (signal.aborted) return fail("cancelled", `Cannot reach '${url.origin}': cancelled`);
    if (late.signal.aborted) {
      return fail("timeout", `Cannot reach '${url.origin}': no whole answer in ${Math.ceil(timeoutMs / 1000)} s`);
    }
    if (!(error instanceof NetError)) return fail("failed", `Cannot reach '${url.origin}': ${runtimeText(error)}`);
    const { code, message, denial } = error;
    return { ok: false, error: { code, message, ...(denial === undefined ? {} : { denial }) } };
  } finally {
    settled.abort();
  }
}

/** The start of a body. What is not wanted is not unpacked either. */
async function bodyOf(response: Response, most: number, signal: AbortSignal) {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    signal.throwIfAborted();
    pieces.push(piece);
    size += piece.length;
    if (size > most) break;
  }
  const all = Buffer.concat(pieces, Math.min(size, most));
  return { bytes: new Uint8Array(all.buffer, all.byteOffset, all.length), cut: size > most };
}

/** The type that a service names, in lower case and without parameters, and its charset; both empty where it names none. */
export function typeOf(headers: Headers): { type: string; charset: string } {
  const value = headers.get("content-type") ?? "";
  const [type = ""] = value.split(";", 1);
  const charset = /;\s*charset\s*=\s*"?([\w.:+-]+)/i.exec(value)?.[1];
  return { type: type.trim().toLowerCase(), charset: charset ?? "" };
}

/** Text of a service in one line that harms nobody. */
export function shownLine(text: string, most = 500): string {
  const line = text
    .replace(/[\p{Cc}\u2028\u2029]+/gu, " ")
    .trim()
    .toWellFormed();
  return line.length > most ? `${line.slice(0, most).toWellFormed()}…` : line;
}
