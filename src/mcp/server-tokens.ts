import {
  computeScopeUnion,
  discoverOAuthServerInfo,
  extractWWWAuthenticateParams,
  isStrictScopeSuperset,
  refreshAuthorization,
  type FetchLike,
} from "@modelcontextprotocol/client";
import type { AtBrowser } from "../core/browser.ts";
import type { McpOauth, Named, StartFailure } from "../core/mcp.ts";
import { isOver, isUnread, type Kept, type ServerSignIn, type TokenPlace } from "../core/oauth.ts";
import { fail, ok, type Failure, type Result } from "../core/result.ts";
import { shown } from "./begin.ts";
import type { Tokens } from "./exchange.ts";
import { attempt, NotDone, oauthFetch, type OauthReach } from "./oauth-fetch.ts";
import { clientOf, keptTokens, sameIssuer, signInAt, type Wanted } from "./server-sign-in.ts";

export type SignInDoors = OauthReach & {
  /** What is kept of the sign-in to this server. */
  kept: Kept<ServerSignIn>;
  /** Absent where nobody is at a terminal. */
  browser?: AtBrowser;
};

/** A server whose tokens they are. */
export type SignInTarget = { name: string; headers: Named<string>; oauth?: McpOauth<string> };

/** How long a server may take to say whether it wants a sign-in, in milliseconds. */
const askMs = 5_000;

/** The tokens of one server: kept ones, renewed where they have ended, and where a person is there new ones. */
export class ServerTokens implements Tokens {
  readonly #target: SignInTarget;
  readonly #url: URL;
  readonly #doors: SignInDoors;
  readonly #signal: AbortSignal;
  readonly #fetch: FetchLike;
  /** What is kept, once it was looked up. */
  #known: { signIn: ServerSignIn | undefined } | undefined;
  /** One at a time renews, or asks a person. */
  #turn: Promise<unknown> = Promise.resolve();
  /** All scopes that were asked for. */
  #scopes: string | undefined;

  constructor(target: SignInTarget, url: URL, doors: SignInDoors, signal: AbortSignal) {
    this.#target = target;
    // A WebSocket's handshake is a request to this URL.
    this.#url = new URL(url.href.replace(/^ws/, "http"));
    this.#doors = doors;
    this.#signal = signal;
    this.#fetch = oauthFetch(doors, signal);
    const scopes = target.oauth?.scopes ?? [];
    this.#scopes = scopes.length === 0 ? undefined : scopes.join(" ");
  }

  async now(): Promise<string | undefined> {
    const signIn = await this.#kept();
    if (signIn === undefined) return undefined;
    if (signIn.refresh === undefined || !isOver(signIn, this.#doors.clock.now())) return signIn.access;
    const renewed = await this.#alone(() => this.#renew(signIn.access, undefined));
    // What ended is refused, and then it is said why.
    return renewed.ok ? renewed.value : signIn.access;
  }

  /** Where a person is there and no token: lets them sign in before anybody waits for the server. */
  async prepare(): Promise<Result<void, StartFailure>> {
    if (this.#doors.browser === undefined) return ok(undefined);
    const signIn = await this.#kept();
    const lasts = signIn !== undefined && (signIn.refresh !== undefined || !isOver(signIn, this.#doors.clock.now()));
    if (lasts) return ok(undefined);
    const refusal = await this.#ask();
    if (refusal?.status !== 401) return ok(undefined);
    const answer = await this.answer(refusal, undefined);
    return answer === undefined || answer.ok ? ok(undefined) : answer;
  }

  /** Has the person sign in, whatever is kept. What is asked for is what the server says to who comes without a token. */
  async login(browser: AtBrowser): Promise<Result<TokenPlace>> {
    const { name } = this.#target;
    if (!isUnread(this.#url)) return { ok: false, error: { code: "unsupported", message: this.#readable().message } };
    const refusal = await this.#ask();
    if (refusal === undefined) return fail("failed", `Cannot sign in to '${name}': it does not answer`);
    if (refusal.status !== 401) {
      return fail("unsupported", `Cannot sign in to '${name}': it wants no sign-in, it answers with ${refusal.status}`);
    }
    const before = await this.#kept();
    const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(refusal);
    const scopes = computeScopeUnion(this.#scopes, scope, before?.wants);
    return this.#signIn(this.#wanted(resourceMetadataUrl, scopes), before, browser);
  }

  async answer(refusal: Response, used: string | undefined): Promise<Result<string, StartFailure> | undefined> {
    return this.#alone(async () => {
      const stepsUp = refusal.status === 403;
      const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(refusal);
      if (!isUnread(this.#url)) {
        return { ok: false, error: { why: "unauthorized", message: this.#readable().message } } as const;
      }
      this.#known = undefined;
      const before = await this.#kept();
      // Somebody else got another one meanwhile.
      if (before !== undefined && before.access !== used) return ok(before.access);
      const scopes = computeScopeUnion(this.#scopes, ...(stepsUp ? [before?.scope] : []), scope);
      this.#scopes = scopes;
      const wanted = this.#wanted(resourceMetadataUrl, scopes);
      let why: Failure | undefined;
      if (before?.refresh !== undefined && !(stepsUp && isStrictScopeSuperset(scopes, before.scope))) {
        const renewed = await this.#renew(before.access, resourceMetadataUrl);
        if (renewed.ok) return renewed;
        why = renewed.error;
      }
      const { browser } = this.#doors;
      if (browser === undefined) return this.#nobody(wanted, before, stepsUp, why);
      const signed = await this.#signIn(wanted, before, browser);
      if (signed.ok && this.#known !== undefined) return ok((await this.#kept())?.access ?? "");
      return { ok: false, error: signed.ok ? this.#login("it wants a sign-in") : startFailure(signed.error) };
    });
  }

  async #signIn(wanted: Wanted, before: ServerSignIn | undefined, browser: AtBrowser): Promise<Result<TokenPlace>> {
    const { kept, clock } = this.#doors;
    const signed = await signInAt(wanted, before, { browser, fetchFn: this.#fetch, clock });
    if (!signed.ok) return signed;
    const place = await kept.change(async () => signed);
    if (place.ok) this.#known = { signIn: signed.value };
    return place;
  }

  /** A new token for an old one, by one process at a time. */
  async #renew(used: string, resourceMetadataUrl: URL | undefined): Promise<Result<string>> {
    const { kept, clock } = this.#doors;
    let fresh: ServerSignIn | undefined;
    const changed = await kept.change(async (before) => {
      const client = before === undefined ? undefined : clientOf(before);
      const refresh = before?.refresh;
      if (before === undefined || client === undefined) return fail("not_found", "the sign-in was removed");
      fresh = before;
      // Another process may have renewed it, and the old one was good for that only once.
      if (before.access !== used && !isOver(before, clock.now())) return ok(before);
      if (refresh === undefined) return fail("failed", "the sign-in has ended");
      const renewed = await attempt("the sign-in cannot be renewed", async () => {
        const found = await discoverOAuthServerInfo(this.#url, {
          fetchFn: this.#fetch,
          ...(resourceMetadataUrl === undefined ? {} : { resourceMetadataUrl }),
        });
        const { authorizationServerUrl: server, authorizationServerMetadata: metadata } = found;
        if (!sameIssuer(metadata?.issuer ?? server, before.issuer)) {
          throw new NotDone(`the server now names '${shown(server)}' for it, not '${shown(before.issuer)}'`);
        }
        return refreshAuthorization(server, {
          clientInformation: client,
          refreshToken: refresh,
          fetchFn: this.#fetch,
          ...(metadata === undefined ? {} : { metadata }),
          ...(before.resource === undefined ? {} : { resource: before.resource }),
        });
      });
      if (!renewed.ok) return renewed;
      const { scope = before.scope } = renewed.value;
      fresh = { ...before, ...keptTokens(renewed.value, clock.now()), ...(scope === undefined ? {} : { scope }) };
      return ok(fresh);
    });
    if (!changed.ok) return changed;
    if (fresh === undefined) throw new Error("What was changed is known");
    this.#known = { signIn: fresh };
    return ok(fresh.access);
  }

  /** Nobody can be asked: what a person can do instead, where the server has sign-ins at all. */
  async #nobody(
    wanted: Wanted,
    before: ServerSignIn | undefined,
    stepsUp: boolean,
    why: Failure | undefined,
  ): Promise<Result<string, StartFailure> | undefined> {
    if (stepsUp) {
      const { scope } = wanted;
      if (before !== undefined && scope !== undefined) {
        // The sign-in that is made instead asks for it.
        await this.#doors.kept.change(async (now) => ok(now === undefined ? now : { ...now, wants: scope }));
      }
      const named = scope === undefined ? "" : ` ('${shown(scope)}')`;
      return { ok: false, error: this.#login(`it wants a sign-in for more than before${named}`) };
    }
    if (why !== undefined) return { ok: false, error: this.#login(`it wants a new sign-in (${why.message})`) };
    const asks = before !== undefined || wanted.resourceMetadataUrl !== undefined || this.#target.oauth !== undefined;
    return asks || (await this.#hasSignIns()) ? { ok: false, error: this.#login("it wants a sign-in") } : undefined;
  }

  async #hasSignIns(): Promise<boolean> {
    const found = await attempt("", () => discoverOAuthServerInfo(this.#url, { fetchFn: this.#fetch }));
    if (!found.ok) return found.error.code === "denied";
    const { authorizationServerMetadata: metadata, resourceMetadata } = found.value;
    return metadata !== undefined || resourceMetadata !== undefined;
  }

  #login(message: string): StartFailure {
    return { why: "unauthorized", message: `${message}: run \`rein mcp login ${this.#target.name}\`` };
  }

  #readable(): StartFailure {
    return {
      why: "unauthorized",
      message: `it wants a sign-in, and its token could be read on the way to '${this.#url.origin}': use https`,
    };
  }

  #wanted(resourceMetadataUrl: URL | undefined, scope: string | undefined): Wanted {
    const { name, oauth = {} } = this.#target;
    return { name, url: this.#url, oauth, resourceMetadataUrl, scope };
  }

  async #kept(): Promise<ServerSignIn | undefined> {
    if (this.#known === undefined) {
      const read = await this.#doors.kept.read();
      // What cannot be read is replaced.
      this.#known = { signIn: read.ok ? read.value : undefined };
    }
    return this.#known.signIn;
  }

  /** What the server says to who comes without a token; undefined where it says nothing. */
  async #ask(): Promise<Response | undefined> {
    const settled = new AbortController();
    const enough = new AbortController();
    void this.#doors.clock.sleep(askMs, settled.signal).then(() => enough.abort());
    const headers = new Headers(this.#target.headers);
    headers.set("accept", "text/event-stream");
    try {
      const signal = AbortSignal.any([enough.signal, this.#signal]);
      const response = await this.#doors.fetch(this.#url, { headers, redirect: "manual", signal });
      await response.body?.cancel();
      return response;
    } catch {
      return undefined; // It is asked again, and then it is said.
    } finally {
      settled.abort();
    }
  }

  async #alone<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(act, act);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }
}

function startFailure({ message, denial }: Failure): StartFailure {
  return {
    why: denial === undefined ? "unauthorized" : "denied",
    message,
    ...(denial === undefined ? {} : { denial }),
  };
}
