import type { Denial } from "./permission.ts";

/**
 * What the network door throws: `denied` by the gate (then with the denial), `not_found` where a host has no address, `failed` for
 * a connection that failed and for what cannot be requested at all. A caller's abort is thrown as its signal's reason.
 */
export class NetError extends Error {
  override name = "NetError";

  constructor(
    readonly code: "denied" | "not_found" | "failed",
    message: string,
    readonly denial?: Denial,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What the runtime says of a failed fetch, less the URL, which may hold a secret, and its advice for whoever calls fetch. */
export function runtimeText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/ fetching "[^"]*"/, "").replace(/\. For more information, pass .*$/s, "");
}

/** What kept a connection from being made: nobody listens there, or what was shown to be there is not who was asked for. */
export function faultOf({ cause }: NetError): "refused" | "tls" | undefined {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code === "ECONNREFUSED") return "refused";
  return Object.hasOwn(tlsTexts, code) ? "tls" : undefined;
}

/** What failed checks of a server's certificate mean, for the end of a message. */
export const tlsTexts: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  CERT_REVOKED: "its certificate was revoked",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is not trusted: it is signed by itself",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is not trusted: nobody known here has signed it",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate is not trusted: nobody known here has signed it",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is not trusted: nobody known here has signed it",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is not trusted: nobody known here has signed it",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
  EPROTO: "it does not speak TLS",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS",
};
