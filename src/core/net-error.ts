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
