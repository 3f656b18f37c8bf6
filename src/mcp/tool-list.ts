import type { Client, JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import type { LeftOutTool, McpToolFacts } from "../core/mcp.ts";
import { factsOf } from "./facts.ts";
import { shown } from "./begin.ts";
import { misfitsOf, type Issue } from "./failure.ts";

export type ToolList = { tools: McpToolFacts[]; leftOut: LeftOutTool[] };

/** So often a list is asked for again, each time without what was found to be no tool. */
const mostLists = 50;

const noHeader =
  "an 'x-mcp-header' in its inputSchema is not as the protocol has it: a name for a header, once, at a string, an integer or a boolean under 'properties'";

/** All tools that a server lists. The SDK refuses a list for one of them: each such tool is left out alone, with the reason. */
export async function listTools(client: Client, transport: Transport, timeout: number): Promise<ToolList> {
  const sieve = new Sieve();
  const deliver = transport.onmessage;
  // The SDK has a property for it, and no events.
  Object.assign(transport, {
    onmessage: (message: JSONRPCMessage, extra: Parameters<NonNullable<typeof deliver>>[1]) =>
      deliver?.(sieve.sifted(message), extra),
  });
  try {
    for (let lists = 1; ; lists++) {
      sieve.begin();
      try {
        const { tools } = await client.listTools(undefined, { timeout, cacheMode: "refresh" });
        return listOf(tools.map(factsOf), sieve);
      } catch (error) {
        if (lists === mostLists || !sieve.learn(misfitsOf(error)?.issues ?? [])) throw error;
      }
    }
  } finally {
    Object.assign(transport, { onmessage: deliver });
  }
}

function listOf(listed: McpToolFacts[], sieve: Sieve): ToolList {
  const tools = new Map<string, McpToolFacts>();
  const leftOut = sieve.refused();
  for (const one of listed) {
    // Of two with one name the server itself would find one.
    if (tools.has(one.name)) leftOut.push({ tool: one.name, why: "there is another of that name before it" });
    else tools.set(one.name, one);
  }
  for (const tool of sieve.passed) if (!tools.has(tool)) leftOut.push({ tool, why: noHeader });
  return { tools: [...tools.values()], leftOut };
}

/** Keeps what is no tool from the SDK, which has said so of it before. */
class Sieve {
  /** The names of what was let through. */
  passed = new Set<string>();
  /** The page that came last, as it was let through. */
  #page: unknown[] = [];
  /** By what it is in JSON. */
  readonly #refused = new Map<string, LeftOutTool>();

  begin(): void {
    this.passed.clear();
    this.#page = [];
  }

  refused(): LeftOutTool[] {
    return [...this.#refused.values()];
  }

  sifted(message: JSONRPCMessage): JSONRPCMessage {
    if (!("result" in message)) return message;
    const { tools } = message.result;
    if (!Array.isArray(tools)) return message;
    this.#page = tools.filter((tool) => !this.#refused.has(JSON.stringify(tool)));
    for (const name of this.#page.map(nameOf)) if (name !== undefined) this.passed.add(name);
    return { ...message, result: { ...message.result, tools: this.#page } };
  }

  /** What of the last page is wrong is let through no more; false where it is not the tools. */
  learn(issues: readonly Issue[]): boolean {
    const before = this.#refused.size;
    for (const { path, message } of issues) {
      const [list, index, ...rest] = path;
      if (list !== "tools" || typeof index !== "number" || index >= this.#page.length) continue;
      const tool = this.#page[index];
      const key = JSON.stringify(tool);
      if (this.#refused.has(key)) continue;
      this.#refused.set(key, {
        tool: shown(nameOf(tool) ?? "") || `number ${index + 1}`,
        why: rest.length === 0 ? message : `${rest.join(".")}: ${message}`,
      });
    }
    return this.#refused.size > before;
  }
}

function nameOf(tool: unknown): string | undefined {
  if (typeof tool !== "object" || tool === null || !("name" in tool)) return undefined;
  return typeof tool.name === "string" ? tool.name : undefined;
}
