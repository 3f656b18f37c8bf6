import * as oauth from "oauth4webapi";
import { NetError } from "../core/net-error.ts";
import { isUnread, type OauthReach, type OauthSpec, type OauthTokens } from "../core/oauth.ts";
import { fail, ok, type Failure, type Result } from "../core/result.ts";

// What rein asks of authorization servers, over oauth4webapi. A server's words are data: they are checked, cut and quoted.

export type AuthorizationServer = oauth.AuthorizationServer;
export type DeviceAuthorization = oauth.DeviceAuthorizationResponse;

/** A slower answer does not come. */
const requestMs = 30_000;

/** A longer answer is none that a server of this kind gives. */
const mostRead = 1_000_000;

/** What a server says of itself: by RFC 8414, else by OpenID Connect Discovery. */
export async function discover(issuer: string, reach: OauthReach): Promise<Result<AuthorizationServer>> {
  return attempt(`Cannot find out about '${issuer}'`, reach, async (options) => {
    const url = new URL(issuer);
    let response = await oauth.discoveryRequest(url, { ...options, algorithm: "oauth2" });
    if (response.status >= 400 && response.status < 500) response = await oauth.discoveryRequest(url, options);
    const server = await oauth.processDiscoveryResponse(url, response);
    const methods = server.code_challenge_methods_supported;
    if (methods !== undefined && !methods.includes("S256")) throw new Refused("it does not support PKCE with S256");
    return server;
  });
}

/** One request for an authorization code: what the person's browser is sent to, and what its answer is compared with. */
export type CodeRequest = { url: URL; redirect: string; state: string; nonce: string | undefined; verifier: string };

export async function codeRequest(
  server: AuthorizationServer,
  spec: OauthSpec,
  redirect: string,
): Promise<Result<CodeRequest>> {
  const url = endpoint(server.authorization_endpoint, "authorization_endpoint");
  if (!url.ok) return url;
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const nonce = spec.scopes.includes("openid") ? oauth.generateRandomNonce() : undefined;
  const parameters = {
    response_type: "code",
    client_id: spec.client_id,
    redirect_uri: redirect,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...scopeOf(spec),
    ...(nonce === undefined ? {} : { nonce }),
    // OpenID Connect gives what lasts only to who asks for it anew.
    ...(spec.scopes.includes("offline_access") ? { prompt: "consent" } : {}),
  };
  for (const [name, value] of Object.entries(parameters)) url.value.searchParams.set(name, value);
  return ok({ url: url.value, redirect, state, nonce, verifier });
}

/** Judges what the browser came back with (state, issuer, errors), and exchanges its code for tokens. */
export async function exchangeCode(
  server: AuthorizationServer,
  spec: OauthSpec,
  { redirect, state, nonce, verifier }: CodeRequest,
  answer: URLSearchParams,
  reach: OauthReach,
): Promise<Result<OauthTokens>> {
  return attempt("Cannot sign in", reach, async (options) => {
    const client = clientOf(spec);
    const judged = oauth.validateAuthResponse(server, client, answer, state);
    const request = [judged, redirect, verifier, options] as const;
    const response = await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), ...request);
    const expected = nonce === undefined ? {} : { expectedNonce: nonce, requireIdToken: true };
    return tokensOf(await oauth.processAuthorizationCodeResponse(server, client, response, expected), reach);
  });
}

/** Begins a sign-in on another device. */
export async function deviceRequest(
  server: AuthorizationServer,
  spec: OauthSpec,
  reach: OauthReach,
): Promise<Result<DeviceAuthorization>> {
  return attempt("Cannot sign in", reach, async (options) => {
    const client = clientOf(spec);
    const response = await oauth.deviceAuthorizationRequest(server, client, oauth.None(), scopeOf(spec), options);
    return oauth.processDeviceAuthorizationResponse(server, client, response);
  });
}

/** Asks once whether the person is done: the tokens, or in how many seconds more to ask again. */
export async function pollDevice(
  server: AuthorizationServer,
  spec: OauthSpec,
  { device_code: code }: DeviceAuthorization,
  reach: OauthReach,
): Promise<Result<OauthTokens | { wait: number }>> {
  return attempt("Cannot sign in", reach, async (options) => {
    const client = clientOf(spec);
    const response = await oauth.deviceCodeGrantRequest(server, client, oauth.None(), code, options);
    try {
      return tokensOf(await oauth.processDeviceCodeResponse(server, client, response), reach);
    } catch (error) {
      if (!(error instanceof oauth.ResponseBodyError)) throw error;
      if (error.error === "authorization_pending") return { wait: 0 };
      if (error.error === "slow_down") return { wait: 5 };
      throw error;
    }
  });
}

/** New tokens for old ones. Where the server gives no new refresh token the old one stays good. */
export async function renewTokens(spec: OauthSpec, kept: OauthTokens, reach: OauthReach): Promise<Result<OauthTokens>> {
  const { refresh } = kept;
  if (refresh === undefined) {
    return fail("failed", `The sign-in has ended and cannot be renewed: sign in again with oauth_flow`);
  }
  const server = await discover(spec.issuer, reach);
  if (!server.ok) return server;
  const renewed = await attempt("Cannot renew the sign-in", reach, async (options) => {
    const client = clientOf(spec);
    const response = await oauth.refreshTokenGrantRequest(server.value, client, oauth.None(), refresh, options);
    return tokensOf(await oauth.processRefreshTokenResponse(server.value, client, response), reach);
  });
  return renewed.ok ? ok({ refresh, ...renewed.value }) : renewed;
}

/** Has the server forget the tokens; false where it has no way to. */
export async function revokeTokens(spec: OauthSpec, kept: OauthTokens, reach: OauthReach): Promise<Result<boolean>> {
  const server = await discover(spec.issuer, reach);
  if (!server.ok) return server;
  if (server.value.revocation_endpoint === undefined) return ok(false);
  return attempt("Cannot revoke the sign-in", reach, async (options) => {
    for (const token of [kept.refresh, kept.access]) {
      if (token === undefined) continue;
      const response = await oauth.revocationRequest(server.value, clientOf(spec), oauth.None(), token, options);
      await oauth.processRevocationResponse(response);
    }
    return true;
  });
}

/** A URL that a server names, and that a person is sent to. */
export function endpoint(text: string | undefined, what: string): Result<URL> {
  if (text === undefined) return fail("unsupported", `Cannot sign in: the server has no ${what}`);
  const url = URL.parse(text);
  if (url === null || !isUnread(url) || url.username !== "" || url.password !== "") {
    return fail("invalid", `Cannot sign in: the server's ${what} is not an https URL: ${quoted(text)}`);
  }
  return ok(url);
}

/** A server's words on one line. */
export function quoted(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Bidi_Control}\s]+/gu, " ").trim();
  return `'${line.length > 200 ? `${line.slice(0, 200)}…` : line}'`;
}

function clientOf({ client_id }: OauthSpec): oauth.Client {
  return { client_id };
}

function scopeOf({ scopes }: OauthSpec): Record<string, string> {
  return scopes.length === 0 ? {} : { scope: scopes.join(" ") };
}

function tokensOf(answer: oauth.TokenEndpointResponse, { clock }: OauthReach): OauthTokens {
  const { access_token: access, refresh_token: refresh, expires_in: seconds, token_type: type } = answer;
  if (type !== "bearer") throw new Refused(`its token is of the kind ${quoted(type)}, not 'bearer'`);
  if (!/^[!-~]+$/.test(access)) throw new Refused("its token has characters that no header can hold");
  return {
    access,
    ...(refresh === undefined ? {} : { refresh }),
    ...(seconds === undefined ? {} : { expires: clock.now() + seconds * 1000 }),
  };
}

/** An answer that the library takes and we do not. */
class Refused extends Error {}

type Sent = { method: string; headers: Record<string, string>; body: URLSearchParams | undefined; redirect: "manual" };
type Send = (url: string, sent: Sent) => Promise<Response>;
type Options = { [oauth.customFetch]: Send; [oauth.allowInsecureRequests]: true };

/** Does requests of the library by our fetch, in bounds, and makes values of what it throws. */
async function attempt<T>(
  action: string,
  { fetch, clock, signal }: OauthReach,
  act: (options: Options) => Promise<T>,
): Promise<Result<T>> {
  const tooLong = new AbortController();
  const settled = new AbortController();
  let refused = "";
  void clock.sleep(requestMs, settled.signal).then(() => tooLong.abort());
  const bounded: Send = async (url, { body, ...sent }) => {
    const { origin } = new URL(url);
    if (!isUnread(new URL(url))) throw new Refused(`'${origin}' is not reached over https`);
    const request = { ...sent, signal: AbortSignal.any([signal, tooLong.signal]) };
    const response = await fetch(url, body === undefined ? request : { ...request, body });
    const bytes = await readAtMost(response, mostRead);
    if (bytes === undefined) throw new Refused(`the answer of '${origin}' is too long`);
    const { status, headers } = response;
    refused = response.ok ? "" : `'${origin}' answered HTTP ${status}`;
    return new Response(bytes.length === 0 ? null : bytes, { status, headers });
  };
  try {
    // Which requests may go without TLS is ours to say: the library would allow all or none.
    return ok(await act({ [oauth.customFetch]: bounded, [oauth.allowInsecureRequests]: true }));
  } catch (error) {
    if (signal.aborted) return fail("cancelled", `${action}: cancelled`);
    if (tooLong.signal.aborted) return fail("timeout", `${action}: the server did not answer in time`);
    return { ok: false, error: failureOf(action, error, refused) };
  } finally {
    settled.abort();
  }
}

/** `refused` tells of an answer that is an error by its status. */
function failureOf(action: string, error: unknown, refused: string): Failure {
  if (error instanceof NetError) {
    const { code, message, denial } = error;
    return { code, message, ...(denial === undefined ? {} : { denial }) };
  }
  const said = (text: string): Failure => ({ code: "failed", message: `${action}: ${text}` });
  if (error instanceof oauth.ResponseBodyError || error instanceof oauth.AuthorizationResponseError) {
    const known = errorTexts[error.error];
    if (known !== undefined) return said(known);
    const why = error.error_description === undefined ? "" : ` (${quoted(error.error_description)})`;
    return said(`the server says ${quoted(error.error)}${why}`);
  }
  if (error instanceof oauth.OperationProcessingError && refused !== "") return said(refused);
  // The library's own words quote nothing that is secret.
  return said(error instanceof Error ? error.message : String(error));
}

const errorTexts: Record<string, string> = {
  access_denied: "the person, or the server, refused it",
  expired_token: "the code was not used in time",
  invalid_grant: "what it stands on has ended or was revoked; sign_out, then sign_in again with oauth_flow",
  invalid_client: "the server does not know this client_id, or wants a secret of it",
  unauthorized_client: "the server does not let this client sign in this way",
};

async function readAtMost(response: Response, most: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > most) return undefined;
    pieces.push(piece);
  }
  return Uint8Array.from(Buffer.concat(pieces));
}
