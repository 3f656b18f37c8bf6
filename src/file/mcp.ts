import { dirname, join, normalize, resolve } from "node:path";
import * as v from "valibot";
import type { Diagnostic } from "../core/diagnostic.ts";
import { mcpTransports, type McpPiece, type McpServer, type McpTransportName } from "../core/mcp.ts";
import { permissionKinds, type PermissionKind } from "../core/permission.ts";
import type { AgentFiles } from "./agent-files.ts";
import { agentPaths } from "./agent-paths.ts";
import { lockName, readLock, withPins } from "./lock.ts";
import { checkEntry } from "./mcp-entry.ts";
import { checkMcpJson } from "./mcp-json.ts";
import { nameProblems, optionsOf } from "./mcp-options.ts";
import { mcpEntry } from "./mcp-schema.ts";
import { addRequests, noRequests, type EntryFile, type EntryRequests } from "./mcp-text.ts";
import { entriesOf, find, itemsOf, quote, textsBelow, textsOf, toJson, type MapNode, type Node } from "./node.ts";
import { wrongRule } from "./rules.ts";
import { placeOf, unreadable, type Problem, type Range, type Source } from "./source.ts";
import { parseTemplate, strayTemplate, type PathRule } from "./template.ts";

/** The MCP servers of an agent, and what is wrong with them: in its file, and in those that it and its caller name. */
export type CheckedMcp = {
  problems: Problem[];
  diagnostics: Diagnostic[];
  servers: McpServer[];
  /** What the servers ask for by being there. */
  requests: EntryRequests;
  /** All that were named, also those with errors. */
  names: string[];
};

export type McpContext = {
  source: Source;
  text: string;
  keys: readonly string[];
  files: AgentFiles;
  /** Files that the caller named, beside the agent file. */
  configs: readonly Source[];
  /** Whether it is a file, beside which a lock file can lie. */
  lock: boolean;
};

export function checkMcp(agent: Node, context: McpContext): CheckedMcp {
  const { source, text, keys, files, configs } = context;
  const all: CheckedMcp = { problems: [], diagnostics: [], servers: [], requests: noRequests(), names: [] };
  const file: EntryFile = {
    folder: source.folder,
    text,
    place: (at) => placeOf(source.file, text, at),
    holes: (node, use) => {
      const { template, problems } = parseTemplate(node, text, pathsIn(agent, use !== "program" && use !== "folder"));
      return { pieces: template.map((piece) => inFolder(piece, source.folder)), problems };
    },
    ways: ["command", "url", "module"],
    aliases: Object.fromEntries(mcpTransports.map((name): [string, McpTransportName] => [name, name])),
    plainSecrets: "error",
    keys,
    variable: files.variable,
  };
  for (const { name, key, node } of entriesIn(find(agent, "mcp"))) {
    if (all.names.includes(name)) {
      const message = `There is another server ${quote(name)}`;
      all.problems.push({ code: "wrong_value", at: key, message, hint: "rename one" });
      continue;
    }
    all.names.push(name);
    all.problems.push(...nameProblems(name, key));
    if (node.kind !== "map") continue;
    const checked = checkEntry(key, node, file);
    all.problems.push(
      ...checked.problems,
      ...ruleProblems(agent, node, checked.requests),
      ...folderProblems(agent, node),
      ...strayHoles(node, text),
    );
    addRequests(all.requests, checked.requests);
    const value = v.safeParse(mcpEntry(), toJson(withoutName(node)));
    if (value.success && checked.transport !== undefined) {
      all.servers.push({ name, place: file.place(key), transport: checked.transport, ...optionsOf(value.output) });
    }
  }
  for (const named of filesIn(find(agent, "mcp"), context, all.problems)) addFile(named, all, context);
  for (const config of configs) addFile({ source: config, at: undefined }, all, context);
  return all.servers.length > 0 && context.lock ? pinned(all, context) : all;
}

/** What the lock file beside an agent file pins. */
function pinned(all: CheckedMcp, { source, files }: McpContext): CheckedMcp {
  const read = files.lock?.(source.folder);
  const file = normalize(join(dirname(source.file), lockName));
  const wrong = (one: Diagnostic): CheckedMcp => ({ ...all, diagnostics: [...all.diagnostics, one] });
  if (read?.ok === false) return wrong(unreadable(file, read.error.message));
  if (read?.value === undefined) return all;
  const lock = readLock(file, read.value);
  if (!lock.ok) return wrong(lock.error);
  const { servers, warnings } = withPins(all.servers, lock.value, file, source.file);
  return { ...all, servers, diagnostics: [...all.diagnostics, ...warnings] };
}

/** The servers that an agent file writes, each with its name. */
function entriesIn(mcp: Node | undefined): Array<{ name: string; key: Range; node: Node }> {
  const listed = itemsOf(mcp).flatMap((node) => {
    const name = find(node, "name");
    return name?.kind === "text" ? [{ name: name.value, key: name.at, node }] : [];
  });
  const mapped = entriesOf(mcp).map(([name, { key, value }]) => ({ name, key, node: value }));
  return [...listed, ...mapped.filter(({ name }) => name !== "from")];
}

function withoutName(node: MapNode): MapNode {
  return { ...node, entries: new Map([...node.entries].filter(([key]) => key !== "name")) };
}

type NamedFile = { source: Source; at: Range | undefined };

/** The file under `from`, read. */
function filesIn(mcp: Node | undefined, { source, files }: McpContext, problems: Problem[]): NamedFile[] {
  const from = mcp && find(mcp, "from");
  if (from?.kind !== "text" || from.value.includes("${{") || /^[/~]/.test(from.value)) return [];
  const path = resolve(source.folder, from.value);
  const shown = normalize(join(dirname(source.file), from.value));
  const read = files.read(path);
  if (read.ok) return [{ source: { file: shown, folder: dirname(path), bytes: read.value }, at: from.at }];
  const { message, hint } = read.error;
  problems.push({
    code: "unreadable",
    at: from.at,
    message: message.replace(quote(path), quote(shown)).slice(0, 300),
    hint,
  });
  return [];
}

/** Adds the servers of an `.mcp.json`. One of the caller's that the agent file names already is the same. */
function addFile({ source, at }: NamedFile, all: CheckedMcp, { keys, files }: McpContext): void {
  const { servers, requests, names, diagnostics } = checkMcpJson(source, keys, files.variable);
  const twice = names.filter((name) => all.names.includes(name));
  const same = at === undefined && all.servers.some(({ place }) => place.file === source.file);
  if (same) return;
  all.diagnostics.push(...diagnostics);
  for (const name of twice) {
    const message = `Server ${quote(name)} of ${quote(source.file)} is in the agent file too`;
    if (at === undefined) all.diagnostics.push(callersProblem(source.file, message));
    else all.problems.push({ code: "wrong_value", at, message, hint: "rename one" });
  }
  all.servers.push(...servers.filter(({ name }) => !twice.includes(name)));
  all.names.push(...names);
  addRequests(all.requests, requests);
}

function callersProblem(file: string, message: string): Diagnostic {
  const place = { file, line: 1, column: 1, width: 1, source: "" };
  return { code: "wrong_value", severity: "error", message, hint: "rename one", ...place };
}

/** `${{ agent.folder }}` is known already. */
function inFolder(piece: McpPiece, folder: string): McpPiece {
  return "path" in piece && piece.path[0] === "agent" ? { text: folder } : piece;
}

/** What the texts of an entry may name: the file's folder, inputs, `run.id`, and any variable, which they request by that. */
function pathsIn(agent: Node, open: boolean): PathRule {
  const rule = agentPaths(agent);
  return (path) => {
    if (!open) return { message: strayMessage };
    if (path.join(".") === "agent.folder") return undefined;
    if (path[0] !== "env" || path[1] === undefined) return rule(path);
    return path.length === 2 && /^[A-Za-z_][A-Za-z0-9_]*$/.test(path[1])
      ? undefined
      : { message: `${quote(path.slice(1).join("."))} is not the name of a variable`, hint: "write 'env.NAME'" };
  };
}

const strayMessage = "'${{ … }}' works in a server's 'args', 'env', 'headers' and 'url' only";

/** `${{ … }}` in what is no text of the way to the server. */
function strayHoles(node: MapNode, text: string): Problem[] {
  const filled = ["command", "args", "cwd", "env", "headers", "url", "client_secret"];
  return [...entriesOf(node), ...entriesOf(find(node, "oauth"))].flatMap(([key, { value }]) =>
    key === "oauth" || filled.includes(key)
      ? []
      : textsBelow(value).flatMap((one) => strayTemplate(one, text, { message: strayMessage })),
  );
}

/** The permissions of a server: right by themselves, and no more than the agent's. */
function ruleProblems(agent: Node, node: MapNode, requests: EntryRequests): Problem[] {
  const whole = find(agent, "permissions");
  if (whole !== undefined && whole.kind !== "map") return [];
  return permissionKinds.flatMap((kind) => {
    const rules = whole && find(whole, kind);
    const own = kind === "run" || kind === "net" || kind === "env" ? requests[kind] : [];
    const agents = [...textsOf(rules).map(({ value }) => value), ...own];
    return textsOf(find(node, "permissions", kind)).flatMap((rule): Problem[] => {
      if (rule.value.includes("${{")) return [];
      const wrong = wrongRule(kind, rule.value);
      if (wrong !== undefined) return [{ code: "permission", at: rule.at, ...wrong }];
      if ((rules !== undefined && rules.kind !== "list") || agents.some((one) => isWithin(kind, one, rule.value)))
        return [];
      const message = `A server cannot get more than the agent: permissions has no ${quote(rule.value)} in '${kind}'`;
      const hint = `write permissions: { ${kind}: [${[...agents, rule.value].join(", ")}] }`;
      return [{ code: "permission", at: rule.at, message, hint }];
    });
  });
}

/** A folder to start in is read by that. */
function folderProblems(agent: Node, node: MapNode): Problem[] {
  const folder = find(node, "cwd");
  const rules = find(agent, "permissions", "read");
  if (folder?.kind !== "text" || folder.value.includes("${{") || (rules !== undefined && rules.kind !== "list"))
    return [];
  if (textsOf(rules).some(({ value }) => isWithin("read", value, folder.value))) return [];
  const message = `No server can start in ${quote(folder.value)}: permissions has no ${quote(folder.value)} in 'read'`;
  return [{ code: "permission", at: folder.at, message, hint: `write permissions: { read: [${folder.value}] }` }];
}

/** Whether a rule covers another, as far as their text tells: what it leaves open is decided when the server starts. */
function isWithin(kind: PermissionKind, rule: string, other: string): boolean {
  if (rule === other) return true;
  if (kind === "read" || kind === "write") {
    const [a, b] = [rootAndPath(rule), rootAndPath(other)];
    if (a.root !== b.root) return true;
    return a.path === b.path || a.path === "." || b.path.startsWith(a.path === "/" ? "/" : `${a.path}/`);
  }
  if (kind === "net")
    return rule.startsWith("*.") ? other.endsWith(rule.slice(1)) : rule.includes("/") && !/[a-z]/i.test(other);
  if (kind === "env") return rule.endsWith("_*") && other.startsWith(rule.slice(0, -1));
  return rule.endsWith(`/${other}`) || other.endsWith(`/${rule}`);
}

function rootAndPath(rule: string): { root: string; path: string } {
  const root = /^(agent:|~(?=\/|$)|\/)/.exec(rule)?.[0] ?? "";
  const path = normalize(root === "/" ? rule : rule.slice(root.length).replace(/^\/+/, "") || ".").replace(
    /(.)\/+$/,
    "$1",
  );
  return { root, path };
}
