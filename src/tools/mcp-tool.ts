import { isJsonObject, type Json, type JsonObject, type JsonSchema } from "../core/json.ts";
import type { McpDoor, OfferedTool } from "../core/mcp.ts";
import { neededVariables, type McpTool } from "../core/planned-tool.ts";
import type { Need } from "../core/permission.ts";
import type { Tool } from "../core/tool.ts";
import { fillJson, withDefaults } from "./fill.ts";
import { callOutcome } from "./mcp-outcome.ts";

/** A tool of a server as the model is offered it: its description and schema are the server's. */
export function serverTool({ server, name, facts }: OfferedTool, door: McpDoor): Tool {
  return {
    name,
    description: facts.description,
    input: facts.input,
    needs: [],
    effects: () => (facts.annotations.readOnly === true ? "read" : "external"),
    run: async (input, { signal, output }) =>
      callOutcome(await door.call(server, facts.name, input, { signal, progress: output })),
  };
}

/** A server's tool that the file makes one of its own of, with arguments that it says. */
export function ownMcpTool(planned: McpTool, servers: (() => McpDoor) | undefined): Tool {
  const { name, description, effects, permissions, server, tool, timeout } = planned;
  /** What the server's tool takes is known when the server is there. */
  const input = (): JsonSchema =>
    planned.input ?? (planned.arguments === undefined ? servers?.().facts(server, tool)?.input : undefined) ?? nothing;
  return {
    name,
    description,
    get input() {
      return input();
    },
    needs: [
      ...neededVariables(permissions).map((target): Need => ({ kind: "env", target })),
      ...(permissions.net ?? []).map((target): Need => ({ kind: "net", target })),
    ],
    effects: () => effects,
    run: async (given, { signal, output, clock }) => {
      if (servers === undefined) return { content: `There is no MCP server '${server}'`, error: true };
      const args = withDefaults(given, input());
      const filled = planned.arguments === undefined ? args : objectOf(fillJson(planned.arguments, { args }));
      const late = new AbortController();
      const settled = new AbortController();
      void clock.sleep(timeout, settled.signal).then(() => settled.signal.aborted || late.abort());
      const call = { signal: AbortSignal.any([signal, late.signal]), progress: output };
      const called = await servers().call(server, tool, filled, call);
      settled.abort();
      if (late.signal.aborted && !signal.aborted) {
        return { content: `'${name}' failed: it took longer than ${timeout / 1000} s`, error: true };
      }
      return callOutcome(called);
    },
  };
}

const nothing: JsonSchema = { type: "object", properties: {}, additionalProperties: false };

function objectOf(value: Json): JsonObject {
  return isJsonObject(value) ? value : {};
}
