import type { FetchLike } from "@modelcontextprotocol/client";
import type { Fetch } from "../core/host.ts";
import type { StartFailure } from "../core/mcp.ts";
import { NetError } from "../core/net-error.ts";
import type { Result } from "../core/result.ts";
import { readBegin, shown, shownBytes } from "./begin.ts";
import { watched } from "./watched.ts";

/** The most bytes of one message; a longer one ends the answer that it is in. */
export const largestMessage = 64_000_000;

/** Of an answer that refuses something, as much is read. */
const largestRefusal = 64_000;

/** An answer that holds no message: what was asked, and the begin of what came. */
export type Answered = {
  method: string;
  status: number;
  statusText: string;
  /** Its content type, without parameters. */
  type: string;
  location: string | null;
  /** Where it is known by now. */
  begin: Uint8Array;
};

/**
 * The tokens of a server. `answer` gets another one after the server refused one; `used` is the one that was sent. Undefined: tokens
 * are not what it wants.
 */
export type Tokens = {
  now(): Promise<string | undefined>;
  answer(refusal: Response, used: string | undefined): Promise<Result<string, StartFailure> | undefined>;
};

/** Why a request was given up. */
export class Refused extends Error {
  constructor(readonly failure: StartFailure) {
    super(failure.message);
  }
}

export type ExchangeOptions = {
  fetch: Fetch;
  /** Of the server's entry. They go with each request, behind what the protocol says itself. */
  headers: ReadonlyArray<readonly [string, string]>;
  /** Absent where the entry's headers are the credentials. */
  tokens?: Tokens;
  /** The method of the requests whose answers tell what a server is. */
  telling: "GET" | "POST";
  /** Told that the server has forgotten the session, or that the stream that was it has ended. */
  lost(why: string): void;
};

/** The requests of one connection: they get headers and tokens, what comes is bounded, and what explains a failure is kept. */
export class Exchange {
  /** The last answer that tells what the server is. */
  answered: Answered | undefined;
  /** The last request that did not get through. */
  failed: NetError | undefined;
  /** Whether the last request had a token. */
  hadToken = false;
  /** Why there is no token. */
  refused: StartFailure | undefined;
  readonly #options: ExchangeOptions;

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  readonly fetch: FetchLike = async (input, init = {}) => {
    const url = new URL(input);
    const method = init.method ?? "GET";
    const response = await this.#authorized(url, init);
    const session = new Headers(init.headers).has("mcp-session-id");
    // A stream that is only not offered is no lost session.
    if (session && method === "POST" && (await isForgotten(response)))
      this.#options.lost("it has forgotten the session");
    return this.#bounded(method, response);
  };

  /** With a token, and once more with another one where the server refuses it. */
  async #authorized(url: URL, init: RequestInit): Promise<Response> {
    const { tokens } = this.#options;
    let token = await tokens?.now();
    const refusals = new Set<number>();
    for (;;) {
      const response = await this.#send(url, init, token);
      const again = tokens !== undefined && isChallenge(response) && !refusals.has(response.status);
      if (!again) return response;
      refusals.add(response.status);
      const answer = await tokens.answer(response, token);
      if (answer === undefined) return response;
      await response.body?.cancel();
      if (!answer.ok) {
        this.refused = answer.error;
        throw new Refused(answer.error);
      }
      token = answer.value;
    }
  }

  async #send(url: URL, init: RequestInit, token: string | undefined): Promise<Response> {
    const headers = new Headers(init.headers);
    for (const [name, value] of this.#options.headers) if (!headers.has(name)) headers.set(name, value);
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    this.hadToken = token !== undefined;
    try {
      return await this.#options.fetch(url, { ...init, headers, redirect: "manual" });
    } catch (error) {
      if (error instanceof NetError) this.failed = error;
      throw error;
    }
  }

  /** The answer as the SDK may read it. */
  async #bounded(method: string, response: Response): Promise<Response> {
    const { telling } = this.#options;
    const { status, statusText, headers } = response;
    const type = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
    const answered: Answered = {
      method,
      status,
      statusText,
      type,
      location: headers.get("location"),
      begin: new Uint8Array(),
    };
    if (method === telling) this.answered = answered;
    const isStream = type === "text/event-stream";
    const isMessage = isStream || type === "application/json";
    const init = { status, statusText, headers };
    if (!response.ok || !isMessage) {
      const begin = await readBegin(response.body, isMessage ? largestRefusal : shownBytes);
      answered.begin = begin;
      // Of what is no message the SDK makes an error with all its text.
      const text = isMessage || response.ok ? begin : statusOf(answered);
      return new Response(nullBodies.has(status) ? null : text, init);
    }
    if (response.body === null) return response;
    const stream = watched(response.body, {
      ...(isStream ? { largestEvent: largestMessage } : { largest: largestMessage }),
      piece: (bytes) => {
        if (answered.begin.length < shownBytes)
          answered.begin = Uint8Array.from([...answered.begin, ...bytes.slice(0, shownBytes)]);
      },
      ended: () => {
        if (isStream && method === "GET" && telling === "GET") this.#options.lost("its event stream has ended");
      },
    });
    return new Response(stream, init);
  }
}

/** `404 Not Found: 'Cannot POST /'` */
export function statusOf({ status, statusText, begin }: Answered): string {
  const text = shown(begin);
  return `${status}${statusText === "" ? "" : ` ${shown(statusText)}`}${text === "" ? "" : `: '${text}'`}`;
}

/** Answers of these have no body. */
const nullBodies = new Set([204, 205, 304]);

/** 401, and 403 where another token would help. */
function isChallenge({ status, headers }: Response): boolean {
  return status === 401 || (status === 403 && /error="?insufficient_scope/.test(headers.get("www-authenticate") ?? ""));
}

/** Whether the session that was named is no more: 404 by the specification; some servers answer 400 and say so. */
async function isForgotten(response: Response): Promise<boolean> {
  if (response.status === 404) return true;
  if (response.status !== 400) return false;
  const begin = await readBegin(response.clone().body, largestRefusal);
  return /\bsession\b/i.test(new TextDecoder().decode(begin));
}
