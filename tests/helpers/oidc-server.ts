import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export type OidcServer = {
  issuer: string;
  /** As a rule of `net` names it. */
  host: string;
  /** The grants that it gave, in order: `authorization_code`, `refresh_token`, … */
  grants: string[];
  stop(): void;
};

/** The client that it knows: public, with PKCE required and any port of the loopback to come back to. */
export const clientId = "rein-test";

/** A real authorization server on the loopback, `oidc-provider`. It lets anyone in who asks. */
export async function startOidcServer(): Promise<OidcServer> {
  // Its advice for production is none for a test.
  const { warn, info } = console;
  console.warn = console.info = () => undefined;
  try {
    const { default: Provider } = await import("oidc-provider");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (!isAddress(address)) throw new Error("the server has no port");
    const issuer = `http://127.0.0.1:${address.port}`;
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: clientId,
          token_endpoint_auth_method: "none",
          application_type: "native",
          redirect_uris: ["http://127.0.0.1/callback"],
          grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
          response_types: ["code"],
        },
      ],
      pkce: { required: () => true },
      features: {
        deviceFlow: {
          enabled: true,
          userCodeInputSource: (page: Page, form: string) => void (page.body = form),
          userCodeConfirmSource: (page: Page, form: string) => void (page.body = form),
          successSource: (page: Page) => void (page.body = "Signed in"),
        },
        revocation: {
          enabled: true,
          allowedPolicy: (_: unknown, client: { clientId: string }, token: { clientId: string }) =>
            client.clientId === token.clientId,
        },
      },
      scopes: ["openid", "offline_access"],
      ttl: {
        AccessToken: 600,
        RefreshToken: 600,
        DeviceCode: 600,
        Interaction: 60,
        Session: 60,
        Grant: 600,
        IdToken: 600,
      },
      findAccount: (_: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub }) }),
    });
    const grants: string[] = [];
    provider.on("grant.success", ({ oidc }) => void grants.push(oidc.params.grant_type ?? ""));
    server.on("request", provider.callback());
    return { issuer, host: `127.0.0.1:${address.port}`, grants, stop: () => void server.close() };
  } finally {
    Object.assign(console, { warn, info });
  }
}

type Page = { body: string };

function isAddress(address: ReturnType<ReturnType<typeof createServer>["address"]>): address is AddressInfo {
  return typeof address === "object" && address !== null;
}
