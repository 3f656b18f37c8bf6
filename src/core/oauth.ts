import type { Fetch } from "./host.ts";
import type { JsonObject } from "./json.ts";
import type { Result } from "./result.ts";

/**
 * A sign-in that an agent file can have a person make: at which server, as which client and for what. Its token goes to these hosts
 * only, as rules of `permissions.net`.
 */
export type OauthSpec = { issuer: string; client_id: string; scopes: string[]; hosts: string[] };

/** What a server gave. `expires`: when the access token ends, in milliseconds since 1970; absent where the server did not say. */
export type OauthTokens = { access: string; refresh?: string; expires?: number };

/** Where tokens were put: the keychain, or a file that only its owner can read. */
export type TokenPlace = { kind: "keychain" } | { kind: "file"; path: string; why: string };

/**
 * What a person's sign-in to an MCP server came to: at which authorization server, as which client (all that its registration says),
 * for what. `wants`: scopes that a call needed beside those, and that the next sign-in asks for.
 */
export type ServerSignIn = OauthTokens & {
  issuer: string;
  client: JsonObject;
  scope?: string;
  wants?: string;
  resource?: string;
};

/** What is kept of one sign-in. */
export type Kept<Value> = {
  read(): Promise<Result<Value | undefined>>;
  /**
   * Puts what `make` comes to in the place of what is there; undefined removes it. No other process changes it meanwhile. A
   * failure of `make` leaves it as it is.
   */
  change(make: (kept: Value | undefined) => Promise<Result<Value | undefined>>): Promise<Result<TokenPlace>>;
};

/** The sign-ins of the agent file by their names. What passes here is masked in all that a run says. */
export type OauthDoor = {
  read(name: string): Promise<Result<OauthTokens | undefined>>;
  /** As that of `Kept`. */
  change(
    name: string,
    make: (kept: OauthTokens | undefined) => Promise<Result<OauthTokens | undefined>>,
  ): Promise<Result<TokenPlace>>;
  /** The sign-in to an MCP server, as that client where the file names one. */
  server(url: URL, client: string | undefined): Kept<ServerSignIn>;
};

/** What a request to an authorization server needs around it. */
export type OauthReach = {
  fetch: Fetch;
  clock: { now(): number; sleep(ms: number, signal: AbortSignal): Promise<void> };
  signal: AbortSignal;
};

/** Gets new tokens for old ones. */
export type RenewTokens = (spec: OauthSpec, kept: OauthTokens, reach: OauthReach) => Promise<Result<OauthTokens>>;

/** Whether a token ended, or is about to. */
export function isOver({ expires }: OauthTokens, now: number): boolean {
  return expires !== undefined && expires - now < 30_000;
}

/** Whether what is sent there stays unread on the way: over https, or to this machine. */
export function isUnread({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || (protocol === "http:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname));
}
