import {
  auth,
  isHttpsUrl,
  OAuthError,
  validateAuthorizationResponseIssuer,
  type FetchLike,
  type OAuthClientInformationMixed,
  type OAuthClientMetadata,
  type OAuthClientProvider,
  type OAuthDiscoveryState,
  type OAuthTokens,
  type StoredOAuthClientInformation,
  type StoredOAuthTokens,
} from "@modelcontextprotocol/client";
import { askAtBrowser, type AtBrowser } from "../core/browser.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import type { McpOauth } from "../core/mcp.ts";
import { isUnread, type OauthTokens, type ServerSignIn } from "../core/oauth.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { shown } from "./begin.ts";
import { attempt, NotDone } from "./oauth-fetch.ts";

/** What is asked of a person's sign-in: at which server, and what its challenge named. */
export type Wanted = {
  name: string;
  url: URL;
  oauth: McpOauth<string>;
  resourceMetadataUrl: URL | undefined;
  /** Default: what the server's metadata says. */
  scope: string | undefined;
};

const action = "Cannot sign in";

/** Has a person sign in, with all that comes before it: discovery, and registration where `before` is no client of that server. */
export async function signInAt(
  wanted: Wanted,
  before: ServerSignIn | undefined,
  { browser, fetchFn, clock }: { browser: AtBrowser; fetchFn: FetchLike; clock: { now(): number } },
): Promise<Result<ServerSignIn>> {
  const { name, url, resourceMetadataUrl, scope } = wanted;
  const client = new SignInClient(wanted.oauth, before, await randomText());
  const options = {
    serverUrl: url,
    fetchFn,
    ...(resourceMetadataUrl === undefined ? {} : { resourceMetadataUrl }),
    ...(scope === undefined ? {} : { scope }),
  };
  const answer = await askAtBrowser(name, browser, async (redirect) => {
    client.redirectUrl = redirect;
    const begun = await attempt(action, () => auth(client, { ...options, forceReauthorization: true }));
    return begun.ok ? client.page() : begun;
  });
  if (!answer.ok) return answer;
  return attempt(action, async () => {
    const code = client.codeOf(answer.value);
    const iss = answer.value.get("iss");
    await auth(client, { ...options, authorizationCode: code, ...(iss === null ? {} : { iss }) });
    return client.signIn(clock.now());
  });
}

/** One sign-in as the SDK sees it. It keeps nothing but in memory. */
class SignInClient implements OAuthClientProvider {
  redirectUrl = "";
  readonly clientMetadataUrl?: string;
  readonly #oauth: McpOauth<string>;
  readonly #before: ServerSignIn | undefined;
  readonly #state: string;
  #client: StoredOAuthClientInformation | undefined;
  #verifier = "";
  #discovered: OAuthDiscoveryState | undefined;
  #page: URL | undefined;
  #tokens: StoredOAuthTokens | undefined;
  #resource: string | undefined;

  constructor(oauth: McpOauth<string>, before: ServerSignIn | undefined, state: string) {
    this.#oauth = oauth;
    this.#before = before;
    this.#state = state;
    // Such an id is the URL of a document that says who the client is, where the server reads one.
    if (isDocument(oauth.client_id)) this.clientMetadataUrl = oauth.client_id;
  }

  get clientMetadata(): OAuthClientMetadata {
    const { scopes = [] } = this.#oauth;
    return {
      client_name: "rein",
      redirect_uris: [this.redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      ...(scopes.length === 0 ? {} : { scope: scopes.join(" ") }),
    };
  }

  state(): string {
    return this.#state;
  }

  clientInformation(context?: { issuer: string }): StoredOAuthClientInformation | undefined {
    const issuer = context?.issuer ?? "";
    const { client_id, client_secret } = this.#oauth;
    if (client_id !== undefined && !isDocument(client_id)) {
      return { client_id, issuer, ...(client_secret === undefined ? {} : { client_secret }) };
    }
    if (this.#client !== undefined) return this.#client;
    const kept = this.#before;
    // Many servers compare the whole URL to come back to, and its port is another one each time.
    const comesBack = [kept?.client["redirect_uris"]].flat().includes(this.redirectUrl);
    if (kept === undefined || !comesBack || !sameIssuer(kept.issuer, issuer)) return undefined;
    const client = clientOf(kept);
    return client === undefined ? undefined : { ...client, issuer };
  }

  saveClientInformation(client: StoredOAuthClientInformation): void {
    this.#client = client;
  }

  tokens(): undefined {
    return undefined;
  }

  saveTokens(tokens: StoredOAuthTokens): void {
    this.#tokens = tokens;
  }

  redirectToAuthorization(page: URL): void {
    this.#page = page;
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }

  codeVerifier(): string {
    return this.#verifier;
  }

  saveDiscoveryState(state: OAuthDiscoveryState): void {
    this.#discovered = state;
  }

  discoveryState(): OAuthDiscoveryState | undefined {
    return this.#discovered;
  }

  saveResourceUrl(resource: string): void {
    this.#resource = resource;
  }

  /** The page that the person is sent to. */
  page(): Result<URL> {
    const page = this.#page;
    if (page === undefined) return fail("failed", `${action}: the server named no page for it`);
    if (isUnread(page) && page.username === "" && page.password === "") return ok(page);
    return fail("invalid", `${action}: the server's page for it is not an https URL: '${page.origin}'`);
  }

  /** The code that the browser came back with. Only what is from the server is read. */
  codeOf(answer: URLSearchParams): string {
    if (answer.get("state") !== this.#state) throw new NotDone("the browser came back from something else");
    const metadata = this.#discovered?.authorizationServerMetadata;
    validateAuthorizationResponseIssuer({
      iss: answer.get("iss") ?? undefined,
      expectedIssuer: metadata?.issuer,
      issParameterSupported: metadata?.authorization_response_iss_parameter_supported === true,
    });
    const error = answer.get("error");
    if (error !== null) throw new OAuthError(error, answer.get("error_description") ?? "it gives no reason");
    const code = answer.get("code");
    if (code === null) throw new NotDone("the browser came back without a code");
    return code;
  }

  signIn(now: number): ServerSignIn {
    const tokens = this.#tokens;
    const issuer = tokens?.issuer;
    const client = this.clientInformation({ issuer: issuer ?? "" });
    if (tokens === undefined || issuer === undefined || client === undefined)
      throw new NotDone("the server gave no tokens");
    const scope = tokens.scope ?? this.#page?.searchParams.get("scope") ?? undefined;
    return {
      ...keptTokens(tokens, now),
      issuer,
      client: jsonOf(client),
      ...(scope === undefined ? {} : { scope }),
      ...(this.#resource === undefined ? {} : { resource: this.#resource }),
    };
  }
}

/** The tokens of an answer as we keep them. */
export function keptTokens(tokens: OAuthTokens, now: number): OauthTokens {
  const { access_token: access, refresh_token: refresh, expires_in: seconds, token_type: type } = tokens;
  if (type.toLowerCase() !== "bearer") throw new NotDone(`its token is of the kind '${shown(type)}', not 'bearer'`);
  if (!/^[!-~]+$/.test(access)) throw new NotDone("its token has characters that no header can hold");
  return {
    access,
    ...(refresh === undefined ? {} : { refresh }),
    ...(seconds === undefined ? {} : { expires: now + seconds * 1000 }),
  };
}

/** The client that a sign-in was made as. */
export function clientOf({ client }: ServerSignIn): OAuthClientInformationMixed | undefined {
  const { client_id: id, client_secret: secret, token_endpoint_auth_method: method } = client;
  if (typeof id !== "string") return undefined;
  return {
    client_id: id,
    ...(typeof secret === "string" ? { client_secret: secret } : {}),
    ...(typeof method === "string" ? { token_endpoint_auth_method: method } : {}),
  };
}

/** As the SDK compares them: with or without a slash at the end. */
export function sameIssuer(one: string, other: string): boolean {
  return one.replace(/\/$/, "") === other.replace(/\/$/, "");
}

function isDocument(clientId: string | undefined): clientId is string {
  return isHttpsUrl(clientId);
}

function jsonOf(client: StoredOAuthClientInformation): JsonObject {
  const value: unknown = JSON.parse(JSON.stringify(client));
  return isJsonObject(value) ? value : {};
}

/** 256 random bits, as text that a URL can hold. */
async function randomText(): Promise<string> {
  const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256", length: 256 }, true, ["sign"]);
  return Buffer.from(await crypto.subtle.exportKey("raw", key)).toString("base64url");
}
