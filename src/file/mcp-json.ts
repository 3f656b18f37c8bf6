import type { Diagnostic } from "../core/diagnostic.ts";
import type { McpPiece, McpServer, McpTransportName } from "../core/mcp.ts";
import { checkEntry } from "./mcp-entry.ts";
import { nameProblems, usualOptions } from "./mcp-options.ts";
import { mcpJsonEntry } from "./mcp-schema.ts";
import { addRequests, noRequests, rangeIn, type EntryFile, type EntryRequests } from "./mcp-text.ts";
import { entriesOf, kindName, quote, type Entry, type MapNode, type Node } from "./node.ts";
import { readYaml } from "./read.ts";
import { shapeProblems } from "./shape.ts";
import { placeOf, type Problem, type Source } from "./source.ts";
import type { TextNode } from "./template.ts";

/** The servers of an `.mcp.json`, and what is wrong with it. `names` has those with errors too. */
export type CheckedMcpJson = {
  diagnostics: Diagnostic[];
  servers: McpServer[];
  requests: EntryRequests;
  names: string[];
};

/** What other programs call the transports. */
const aliases: Readonly<Record<string, McpTransportName>> = {
  stdio: "stdio",
  http: "http",
  sse: "sse",
  websocket: "websocket",
  "streamable-http": "http",
  streamableHttp: "http",
  ws: "websocket",
};

/** Keys of other programs that mean nothing here. */
const ignored: readonly string[] = [
  "alwaysAllow",
  "autoApprove",
  "description",
  "enabledTools",
  "disabledTools",
  "excludeTools",
  "includeTools",
  "oauth",
  "timeout",
  "trust",
];

const shapeRules = {
  later: {},
  foreign: { "": { httpUrl: "url", serverUrl: "url", environment: "env", arguments: "args", cmd: "command" } },
  mistaken: () => undefined,
};

/** Reads a file as other programs have it: JSON with `mcpServers`. YAML's parser reads it, since it knows places. */
export function checkMcpJson(source: Source, keys: readonly string[], variable: EntryFile["variable"]): CheckedMcpJson {
  const found: Omit<CheckedMcpJson, "diagnostics"> = { servers: [], requests: noRequests(), names: [] };
  // YAML does not take tabs everywhere; in JSON they are blanks.
  const bytes = source.bytes.map((byte) => (byte === 0x09 ? 0x20 : byte));
  const checked = readYaml({ ...source, bytes }, 'write { "mcpServers": {} }', (root, text) => {
    const file: EntryFile = {
      folder: source.folder,
      text,
      place: (at) => placeOf(source.file, text, at),
      holes: (node) => holesOf(node, text),
      ways: ["command", "url"],
      aliases,
      plainSecrets: "warning",
      keys,
      variable,
    };
    return { problems: fileProblems(root, file, found), value: () => undefined };
  });
  return { ...found, diagnostics: checked.ok ? checked.warnings : checked.diagnostics };
}

function fileProblems(root: Node, file: EntryFile, found: Omit<CheckedMcpJson, "diagnostics">): Problem[] {
  const start = [root.at[0], root.at[0] + 1] as const;
  if (root.kind !== "map") {
    return [{ code: "wrong_type", at: start, message: `Expected a map with 'mcpServers', found ${kindName(root)}` }];
  }
  const servers = root.entries.get("mcpServers");
  const problems = entriesOf(root).flatMap(([name, { key }]): Problem[] => {
    if (name === "mcpServers" || name === "$schema") return [];
    const hint = servers === undefined && name === "servers" ? "did you mean 'mcpServers'?" : undefined;
    return hint === undefined
      ? [unused(name, { key, value: root })]
      : [{ code: "unknown_key", at: key, message: `Unknown key ${quote(name)}`, hint }];
  });
  if (servers === undefined) {
    const told = problems.some(({ hint }) => hint !== undefined);
    return told ? problems : [...problems, { code: "missing_key", at: start, message: "Key 'mcpServers' is missing" }];
  }
  if (servers.value.kind !== "map") {
    const message = `Expected a map of servers, found ${kindName(servers.value)}`;
    return [...problems, { code: "wrong_type", at: servers.value.at, message }];
  }
  for (const [name, entry] of servers.value.entries) {
    found.names.push(name);
    problems.push(...nameProblems(name, entry.key), ...serverProblems(name, entry, file, found));
  }
  return problems;
}

function serverProblems(
  name: string,
  { key, value }: Entry,
  file: EntryFile,
  found: Omit<CheckedMcpJson, "diagnostics">,
): Problem[] {
  if (value.kind !== "map") return shapeProblems(mcpJsonEntry(), value, shapeRules);
  const disabled = value.entries.get("disabled");
  if (disabled?.value.kind === "boolean" && disabled.value.value) {
    const message = `Server ${quote(name)} is disabled: it is left out`;
    return [{ code: "wrong_value", severity: "warning", at: disabled.key, message }];
  }
  const kept = [...value.entries].filter(([one]) => one !== "disabled" && !ignored.includes(one));
  const node: MapNode = { ...value, entries: new Map(kept) };
  const shape = shapeProblems(mcpJsonEntry(), node, shapeRules);
  const checked = checkEntry(key, node, file);
  addRequests(found.requests, checked.requests);
  if (checked.transport !== undefined) {
    found.servers.push({ name, place: file.place(key), transport: checked.transport, ...usualOptions });
  }
  const passed = [...value.entries].filter(([one]) => ignored.includes(one));
  return [...passed.map(([one, entry]) => unused(one, entry)), ...shape, ...checked.problems];
}

function unused(name: string, { key }: Entry): Problem {
  return {
    code: "unknown_key",
    severity: "warning",
    at: key,
    message: `Key ${quote(name)} is of other programs and means nothing here`,
  };
}

/** Reads the `${NAME}` and `${NAME:-default}` of a text. */
function holesOf(node: TextNode, text: string): { pieces: McpPiece[]; problems: Problem[] } {
  const pieces: McpPiece[] = [];
  const problems: Problem[] = [];
  let done = 0;
  for (const hole of node.value.matchAll(/\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?/g)) {
    if (hole.index > done) pieces.push({ text: node.value.slice(done, hole.index) });
    done = hole.index + hole[0].length;
    const [shown, variable, otherwise] = hole;
    if (variable !== undefined && otherwise?.includes("${") !== true) {
      pieces.push({ variable, ...(otherwise === undefined ? {} : { otherwise }) });
      continue;
    }
    const [message, hint] =
      variable === undefined
        ? ["'${' begins no variable here", "write '${NAME}' or '${NAME:-default}'"]
        : [`The default of variable ${quote(variable)} names another, and is only text`, "write a text without '${'"];
    problems.push({ code: "template", at: rangeIn(node, shown, text), message, hint });
  }
  if (done < node.value.length) pieces.push({ text: node.value.slice(done) });
  return { pieces, problems };
}
