import type { Transport } from "@modelcontextprotocol/client";
import type { McpTransport, StartFailure } from "../core/mcp.ts";
import type { Result } from "../core/result.ts";

/** A server that is about to be reached: what its entry says, with all holes filled. */
export type Target<Kind extends McpTransport["kind"] = McpTransport["kind"]> = {
  name: string;
  transport: Extract<McpTransport<string>, { kind: Kind }>;
};

/** One connection to a server. The transport is started and closed by whoever got it. */
export type Link = {
  transport: Transport;
  /** Why it did not become a connection, where more is known than what the SDK threw. */
  explain(thrown: unknown): StartFailure | undefined | Promise<StartFailure | undefined>;
  /** What ended it, once it has ended by itself: "it ended with exit code 3". */
  ended(): string | undefined;
  /** Whether only its session has ended, as it does where nobody spoke for long: the server itself is there. */
  lapsed?(): boolean;
  /** The end of what the server's program wrote to stderr, by now. */
  said(): string;
  /**
   * Whether it is worth a second try without asking for the newest protocol first: programs of some SDKs end when the first request
   * is not `initialize`.
   */
  shy?(): boolean;
};

/** Makes a connection that is not used yet; a person may be asked on the way. `signal` ends it. */
export type OpenLink = (signal: AbortSignal) => Promise<Result<Link, StartFailure>>;
