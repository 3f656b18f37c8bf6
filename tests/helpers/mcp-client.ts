import type { Client, JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import { inTurn } from "../../src/mcp/in-turn.ts";

/**
 * Connects the protocol's own client. What came in one piece is handed to it in turns: else it would forget who wants to know of
 * progress before it has told the last of it.
 */
export async function connect(client: Client, transport: Transport): Promise<void> {
  await client.connect(transport);
  const { onmessage: deliver, onerror: fail } = transport;
  const onmessage = inTurn<JSONRPCMessage>(
    (message) => deliver?.(message),
    (error) => fail?.(error instanceof Error ? error : new Error(String(error))),
  );
  // The SDK has a property for it, and no events.
  Object.assign(transport, { onmessage });
}
