import { OAuthError, OAuthErrorCode, type FetchLike } from "@modelcontextprotocol/client";
import type { Fetch } from "../core/host.ts";
import { NetError } from "../core/net-error.ts";
import { isUnread } from "../core/oauth.ts";
import { fail, ok, type Failure, type Result } from "../core/result.ts";
import { readBegin, shown } from "./begin.ts";

/** A slower answer does not come. */
const requestMs = 30_000;

/** A longer answer is none that a server of this kind gives. */
const mostRead = 1_000_000;

export type OauthReach = {
  fetch: Fetch;
  clock: { now(): number; sleep(ms: number, signal: AbortSignal): Promise<void> };
};

/** Requests of sign-ins: over https or to this machine, in bounds, and no redirect is followed. */
export function oauthFetch({ fetch, clock }: OauthReach, signal: AbortSignal): FetchLike {
  return async (input, init) => {
    const url = new URL(input);
    if (!isUnread(url)) throw new NotDone(`'${url.origin}' is not reached over https`);
    const settled = new AbortController();
    const tooLong = new AbortController();
    void clock
      .sleep(requestMs, settled.signal)
      .then(() => tooLong.abort(new NotDone(`'${url.origin}' did not answer in time`)));
    try {
      const signals = [signal, tooLong.signal, init?.signal].filter((one) => one instanceof AbortSignal);
      const { status, headers, body } = await fetch(url, {
        ...init,
        redirect: "manual",
        signal: AbortSignal.any(signals),
      });
      const bytes = await readBegin(body, mostRead + 1);
      tooLong.signal.throwIfAborted();
      if (bytes.length > mostRead) throw new NotDone(`the answer of '${url.origin}' is too long`);
      return new Response(bytes.length === 0 ? null : bytes, { status, headers });
    } finally {
      settled.abort();
    }
  };
}

/** What the SDK is not to go on with. */
export class NotDone extends Error {}

/** Does something with the SDK, and makes values of what it throws. `action` begins the message: "Cannot sign in". */
export async function attempt<T>(action: string, act: () => Promise<T>): Promise<Result<T>> {
  try {
    return ok(await act());
  } catch (error) {
    return { ok: false, error: failureOf(action, error) };
  }
}

function failureOf(action: string, error: unknown): Failure {
  if (error instanceof NetError) {
    const { code, message, denial } = error;
    return { code, message: `${action}: ${message}`, ...(denial === undefined ? {} : { denial }) };
  }
  const failed = (text: string) => fail("failed", `${action}: ${text}`).error;
  if (error instanceof OAuthError) {
    const known = errorTexts[error.code];
    if (known !== undefined) return failed(known);
    if (error.code === OAuthErrorCode.ServerError) return failed(`the server fails: '${shown(error.message)}'`);
    return failed(`the server says '${shown(error.code)}': '${shown(error.message)}'`);
  }
  // These two quote what they were given.
  if (error instanceof SyntaxError) return failed("an answer of the server is no JSON");
  if (error instanceof Error && "issues" in error)
    return failed("an answer of the server is not what the standard says");
  return failed(shown(error instanceof Error ? error.message : String(error)));
}

const errorTexts: Record<string, string> = {
  access_denied: "the person, or the server, refused it",
  invalid_grant: "what it stands on has ended or was revoked",
  invalid_client: "the server does not know this client any more, or wants another secret of it",
};
