import { isJsonObject } from "../../src/core/json.ts";
import { httpServer, listen, sseServer, webSocketServer, type RemoteServer } from "./mcp-remote.ts";

/** An authorization server, with registration and PKCE, and an MCP server that only its tokens open. Both on the loopback. */
export type OauthServers = {
  url: string;
  /** As `permissions.net` names them. */
  rules: { server: string; authorization: string };
  issuer: string;
  /** What the authorization server gave, in order: "register", "authorization_code a b", "refresh_token". */
  given: string[];
  /** All tokens and secrets that it gave. */
  secrets: string[];
  /** From now on tokens end: those that were given, and with `renewals` what renews them. */
  revoke(how?: { renewals: boolean }): void;
  /** Calls of tools need this scope from now on. */
  require(scope: string): void;
  stop(): void;
};

type Code = { challenge: string; redirect: string; client: string; scope: string; resource: string | null };

export function startOauthServers(
  kind: "http" | "sse" | "websocket" = "http",
  { page = "" }: { /** Instead of its own page for people. */ page?: string } = {},
): OauthServers {
  const given: string[] = [];
  const secrets: string[] = [];
  const clients = new Map<string, string[]>();
  const codes = new Map<string, Code>();
  /** Their scopes. */
  const tokens = new Map<string, string>();
  const renewals = new Map<string, string>();
  let required: string | undefined;
  /** A WebSocket begins as a request to this. */
  const resourceUrl = () => server.url.replace(/^ws/, "http");
  const secret = () => {
    const made = crypto.randomUUID();
    secrets.push(made);
    return made;
  };
  const grant = (scope: string) => {
    const [access, refresh] = [secret(), secret()];
    tokens.set(access, scope);
    renewals.set(refresh, scope);
    return Response.json({
      access_token: access,
      refresh_token: refresh,
      token_type: "Bearer",
      expires_in: 3600,
      scope,
    });
  };

  const authorization = listen("http", "", {
    answer: async (request) => {
      const { pathname, searchParams } = new URL(request.url);
      const issuer = authorization.url;
      switch (`${request.method} ${pathname}`) {
        case "GET /.well-known/oauth-authorization-server":
          return Response.json({
            issuer,
            authorization_endpoint: page === "" ? `${issuer}/authorize` : page,
            token_endpoint: `${issuer}/token`,
            registration_endpoint: `${issuer}/register`,
            response_types_supported: ["code"],
            grant_types_supported: ["authorization_code", "refresh_token"],
            code_challenge_methods_supported: ["S256"],
            token_endpoint_auth_methods_supported: ["none"],
            authorization_response_iss_parameter_supported: true,
          });
        case "POST /register": {
          const asked: unknown = await request.json();
          const uris = isJsonObject(asked) ? [asked["redirect_uris"] ?? []].flat().map(String) : [];
          const client_id = `client-${clients.size + 1}`;
          clients.set(client_id, uris);
          given.push("register");
          return Response.json({ client_id, redirect_uris: uris, token_endpoint_auth_method: "none" }, { status: 201 });
        }
        case "GET /authorize": {
          const value = (name: string) => searchParams.get(name) ?? "";
          if (clients.get(value("client_id"))?.includes(value("redirect_uri")) !== true)
            return refused("invalid_request");
          const code = secret();
          const asked = { challenge: value("code_challenge"), redirect: value("redirect_uri"), scope: value("scope") };
          codes.set(code, { ...asked, client: value("client_id"), resource: searchParams.get("resource") });
          const back = new URL(value("redirect_uri"));
          for (const [name, text] of Object.entries({ code, state: value("state"), iss: issuer }))
            back.searchParams.set(name, text);
          return Response.redirect(back.href, 302);
        }
        case "POST /token": {
          const form = new URLSearchParams(await request.text());
          if (form.get("resource") !== resourceUrl()) return refused("invalid_target");
          if (form.get("grant_type") === "refresh_token") {
            const scope = renewals.get(form.get("refresh_token") ?? "");
            if (scope === undefined) return refused("invalid_grant");
            renewals.delete(form.get("refresh_token") ?? "");
            given.push("refresh_token");
            return grant(scope);
          }
          const code = codes.get(form.get("code") ?? "");
          codes.delete(form.get("code") ?? "");
          const hash = new Bun.CryptoHasher("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
          const fits =
            code?.challenge === hash &&
            code.redirect === form.get("redirect_uri") &&
            code.client === form.get("client_id");
          if (code === undefined || !fits || code.resource !== resourceUrl()) return refused("invalid_grant");
          given.push(`authorization_code ${code.scope}`);
          return grant(code.scope);
        }
        default:
          return new Response("no", { status: 404 });
      }
    },
  });

  const inner = { http: httpServer, sse: sseServer, websocket: webSocketServer }[kind]();
  const server: RemoteServer = inner.guard(async (request) => {
    const { pathname, origin } = new URL(request.url);
    const metadata = `${origin}/.well-known/oauth-protected-resource`;
    if (pathname === new URL(metadata).pathname) {
      const resource = resourceUrl();
      return Response.json({ resource, authorization_servers: [authorization.url], scopes_supported: ["use"] });
    }
    const scope = tokens.get(request.headers.get("authorization")?.replace("Bearer ", "") ?? "");
    const challenge = (error: string, status: number) =>
      new Response(error, {
        status,
        headers: { "www-authenticate": `Bearer resource_metadata="${metadata}", ${error}` },
      });
    if (scope === undefined) return challenge('error="invalid_token"', 401);
    const isCall = request.method === "POST" && (await request.clone().text()).includes('"tools/call"');
    if (isCall && required !== undefined && !scope.split(" ").includes(required))
      return challenge(`error="insufficient_scope", scope="${required}"`, 403);
    return undefined;
  });

  return {
    url: server.url,
    rules: { server: server.rule, authorization: authorization.rule },
    issuer: authorization.url,
    given,
    secrets,
    revoke: (how = { renewals: false }) => {
      tokens.clear();
      if (how.renewals) renewals.clear();
    },
    require: (scope) => (required = scope),
    stop: () => {
      server.stop();
      authorization.stop();
    },
  };
}

function refused(error: string): Response {
  return Response.json({ error }, { status: 400 });
}
