import { InMemoryTransport, type Transport } from "@modelcontextprotocol/client";
import type { StartFailure } from "../core/mcp.ts";
import type { Result } from "../core/result.ts";
import type { Link } from "./link.ts";

/** A server in this process: one of ours, or a test's. */
export type LocalServer = { connect(transport: Transport): Promise<void> };

export async function openMemory(server: LocalServer): Promise<Result<Link, StartFailure>> {
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  await server.connect(theirs);
  const link: Link = { transport: ours, explain: () => undefined, ended: () => undefined, said: () => "" };
  return { ok: true, value: link };
}
