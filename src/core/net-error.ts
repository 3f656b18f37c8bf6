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
