import type { McpDoor, McpResource } from "../core/mcp.ts";
import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { boundedText } from "./bound.ts";
import { builtIn, schemaOf, type FromSchema } from "./built-in.ts";
import { contentOutcome } from "./mcp-outcome.ts";

const input = schemaOf({
  type: "object",
  properties: {
    server: { type: "string", description: "The MCP server's name. Default: all of them, or the only one" },
    uri: {
      type: "string",
      description:
        "The resource's URI, as a list, a template or a tool of the server has it. Default: lists the resources",
    },
  },
  additionalProperties: false,
});

type Input = FromSchema<typeof input>;

/** `mcp_read_resource` of one run: it knows its servers. */
export function mcpReadResource({ servers }: { servers?: (() => McpDoor) | undefined }): Tool {
  async function run({ server, uri }: Input, context: ToolContext): Promise<ToolOutcome> {
    const door = servers?.();
    const names = door?.status().map(({ name }) => name) ?? [];
    if (door === undefined || names.length === 0) {
      return { content: "There are no MCP servers: the agent file names none", error: true };
    }
    if (server !== undefined && !names.includes(server)) {
      return { content: `There is no MCP server '${server}': ${names.join(", ")}`, error: true };
    }
    const asked = server === undefined ? names : [server];
    if (uri === undefined) return list(door, asked, context);
    const [only, ...others] = asked;
    if (only === undefined || others.length > 0) {
      return { content: `Say in 'server' whose resource it is: ${names.join(", ")}`, error: true };
    }
    const read = await door.readResource(only, uri, { signal: context.signal, progress: context.output });
    if (!read.ok) return { content: read.error.message, error: true };
    if (read.value.length === 0) return { content: `[The resource '${uri}' is empty]` };
    return contentOutcome(read.value);
  }

  return builtIn({
    name: "mcp_read_resource",
    description:
      "Reads a resource of an MCP server by its URI, or lists the resources that the servers have. Text comes as text, images and PDFs are shown.",
    input,
    examples: [{ request: "Which resources do the servers have?", input: {} }],
    needs: [],
    effects: () => "read",
    run,
  });
}

async function list(door: McpDoor, names: readonly string[], { signal }: ToolContext): Promise<ToolOutcome> {
  const listed = await Promise.all(names.map(async (name) => ({ name, found: await door.resources(name, signal) })));
  const parts = listed.map(({ name, found }) => {
    if (!found.ok) return `${name}: ${found.error.message}`;
    return found.value.length === 0 ? `${name}: no resources` : [`${name}:`, ...found.value.map(line)].join("\n");
  });
  const failed = listed.every(({ found }) => !found.ok);
  const text = boundedText(parts.join("\n"), (count) => `${count} characters left out`);
  return failed ? { ...text, error: true } : text;
}

function line({ uri, template, name, description, mediaType }: McpResource): string {
  const about = [template ? "a template" : undefined, mediaType, description?.replace(/\s+/g, " ")];
  const known = about.filter((part) => part !== undefined && part !== "").join(", ");
  return `  ${uri} (${name}${known === "" ? "" : `, ${known}`})`;
}
