import { NetError, runtimeText, tlsTexts } from "../core/net-error.ts";
import { errorCode } from "./machine.ts";

/** What to throw for a connection that failed. A request that was aborted failed for that reason. */
export function unreached({ url, signal }: { url: URL; signal: AbortSignal }, error: unknown): unknown {
  if (signal.aborted) return signal.reason;
  const code = errorCode(error);
  const text = connectionTexts[code] ?? tlsTexts[code] ?? runtimeText(error);
  const name = code === "ENOTFOUND" ? "not_found" : "failed";
  return new NetError(name, `Cannot reach '${url.origin}': ${text}`, undefined, { cause: error });
}

/** Errors before anything was sent: the next address may do. */
export function isUnconnected(error: unknown): boolean {
  return notConnected.has(errorCode(error));
}

const notConnected = new Set(["ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "ETIMEDOUT"]);

const connectionTexts: Record<string, string> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was closed before the answer was complete",
  ENOTFOUND: "there is no such host",
  ETIMEDOUT: "the connection timed out",
};
