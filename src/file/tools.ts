import * as v from "valibot";
import { nearest } from "../core/nearest.ts";
import type { Need } from "../core/permission.ts";
import {
  neededVariables,
  type HttpTool,
  type ModuleTool,
  type PlannedTool,
  type RunTool,
} from "../core/planned-tool.ts";
import type { ServerPick } from "../core/mcp.ts";
import { lspPrograms } from "./lsp.ts";
import { checkPicks, isPicks, unknownServer } from "./mcp-picks.ts";
import { requestProblems } from "./models.ts";
import { entriesOf, find, itemsOf, quote, textsOf, toJson, type MapNode, type Node } from "./node.ts";
import { agentToolOf, mcpToolOf, ownToolOf, ownToolProblems, type Written } from "./own-tool.ts";
import { parseTemplate } from "./template.ts";
import { oneOf } from "./shape.ts";
import { placeOf, type Problem, type Range } from "./source.ts";
import { ownToolSchema, type OwnToolFile } from "./tool-schema.ts";

/** A tool that rein brings, and what it cannot work without. */
export type KnownTool = { name: string; needs: readonly Need[] };

/** A tool with all that is needed to call it. */
export type FolderTool = RunTool | HttpTool | ModuleTool;

/** What a tools folder offers. `unloaded`: its modules, by absolute paths, of which only their code could tell more. */
export type OfferedTools = { tools: readonly FolderTool[]; unloaded: readonly string[] };

/** Begins the names of what is in the tools folder. */
const custom = "custom/";

/** What is wrong with `tools:`, and what is planned of it when nothing is. */
export function checkTools(
  root: Node,
  written: Written,
  builtins: readonly KnownTool[],
  secrets: readonly string[],
  folder: OfferedTools | undefined,
  servers: readonly string[],
): { problems: Problem[]; planned: PlannedTool[]; picks: ReadonlyMap<string, ServerPick[]> } {
  const problems: Problem[] = [];
  const planned: PlannedTool[] = [];
  const picks = new Map<string, ServerPick[]>();
  const seen = new Set<string>();
  const take = (name: string, at: Range) => {
    // All that the folder has does not say again what was picked of it by name.
    if (seen.has(name)) {
      const message = `Tool '${name}' is listed twice`;
      problems.push({ code: "wrong_value", at, message, hint: "remove one" });
      return false;
    }
    seen.add(name);
    return true;
  };
  const add = (tool: PlannedTool, at: Range) => {
    if (take(tool.name ?? "custom/*", at)) planned.push(tool);
  };
  const place = (at: Range) => placeOf(written.file, written.text, at);
  const picking = { servers, builtins: builtins.map(({ name }) => name), place, take };
  for (const item of itemsOf(find(root, "tools"))) {
    if (item.kind === "map" && isPicks(item)) problems.push(...checkPicks(item, picks, picking));
    else if (item.kind === "map") {
      const wrong = ownProblems(root, item, written, builtins, secrets, folder, servers);
      problems.push(...wrong);
      const name = find(item, "name");
      const value = v.safeParse(ownToolSchema, toJson(item));
      // What is wrong is not planned; its name still is taken.
      if (name?.kind !== "text") continue;
      if (value.success && wrong.every(({ severity }) => severity === "warning"))
        add(toolOf(item, value.output, name.value, written), name.at);
      else add({ kind: "builtin", name: name.value }, name.at);
    } else if (item.kind === "text") {
      const picked = pick(item.value, builtins, folder);
      if (Array.isArray(picked)) {
        for (const tool of picked) add(tool, item.at);
        const needs = picked.flatMap((tool) =>
          needsOf(tool, builtins).map((need) => ({ name: tool.name ?? "", need })),
        );
        problems.push(...needs.flatMap(({ name, need }) => needProblems(root, `Tool '${name}'`, need, item.at)));
      } else problems.push({ code: "unknown_name", at: item.at, ...picked });
    }
  }
  return { problems, planned, picks };
}

function toolOf(item: MapNode, value: OwnToolFile, name: string, written: Written): PlannedTool {
  const agent = find(item, "agent");
  const mcp = find(item, "mcp");
  if (mcp?.kind === "text") return mcpToolOf(item, value, name, mcp.value, written);
  return agent?.kind === "text"
    ? agentToolOf(item, value, name, agent.value, written)
    : ownToolOf(item, value, name, written);
}

/** The tools that a text names; or why there are none. */
function pick(
  text: string,
  builtins: readonly KnownTool[],
  folder: OfferedTools | undefined,
): PlannedTool[] | { message: string; hint: string } {
  const { tools = [], unloaded = [] } = folder ?? {};
  if (text.startsWith(custom) && folder === undefined) {
    return {
      message: `${quote(text)} is of a tools folder, and the file names none`,
      hint: "write 'tools_dir: tools'",
    };
  }
  if (text === "custom/*") {
    const rest: PlannedTool[] = unloaded.length === 0 ? [] : [{ kind: "unloaded", modules: [...unloaded] }];
    return [...tools, ...rest];
  }
  const name = text.startsWith(custom) ? text.slice(custom.length) : text;
  if (name === text && builtins.some((tool) => tool.name === name)) return [{ kind: "builtin", name }];
  const found = tools.find((tool) => tool.name === name);
  if (found !== undefined) return [found];
  if (unloaded.length > 0) return [{ kind: "unloaded", name, modules: [...unloaded] }];
  const names = [...(name === text ? builtins : []), ...tools].map((tool) => tool.name);
  const close = nearest(name, names);
  const hint =
    close === undefined
      ? names.length === 0
        ? "the tools folder is empty"
        : `expected ${oneOf(names)}`
      : `did you mean '${close}'?`;
  return { message: `Unknown tool ${quote(text)}`, hint };
}

function ownProblems(
  root: Node,
  node: MapNode,
  written: Written,
  builtins: readonly KnownTool[],
  secrets: readonly string[],
  folder: OfferedTools | undefined,
  servers: readonly string[],
): Problem[] {
  const name = find(node, "name");
  const problems = ownToolProblems(node, written);
  if (name?.kind === "text") {
    const other = folder?.tools.find((tool) => tool.name === name.value);
    if (builtins.some((tool) => tool.name === name.value)) {
      problems.push({
        code: "wrong_value",
        at: name.at,
        message: `A tool cannot be named ${quote(name.value)}: rein has one`,
      });
    } else if (other !== undefined) {
      problems.push({
        code: "wrong_value",
        at: name.at,
        message: `A tool cannot be named ${quote(name.value)}: '${other.origin}' has one`,
      });
    }
  }
  const mcp = find(node, "mcp");
  const [server = "", tool] = mcp?.kind === "text" ? mcp.value.split(/\/(.*)/s, 2) : [];
  const unknown = mcp === undefined || tool === undefined ? undefined : unknownServer(server, mcp.at, servers);
  if (unknown !== undefined) problems.push(unknown);
  const agent = find(node, "agent");
  const agents = entriesOf(find(root, "agents")).map(([one]) => one);
  if (agent?.kind === "text" && !agents.includes(agent.value)) {
    const close = nearest(agent.value, agents);
    const known = agents.length === 0 ? "name it under 'agents'" : `expected ${oneOf(agents)}`;
    const hint = close === undefined ? known : `did you mean '${close}'?`;
    problems.push({ code: "unknown_name", at: agent.at, message: `Unknown agent ${quote(agent.value)}`, hint });
  }
  const variables = [
    ...textsOf(find(node, "permissions", "env")),
    ...entriesOf(find(node, "http", "headers")).flatMap(([, { value }]) =>
      value.kind === "text" ? variablesIn(value, written.text) : [],
    ),
  ];
  for (const variable of variables) {
    const optional = variable.value.endsWith("?");
    if (secrets.includes(variable.value.replace(/\?$/, ""))) {
      const message = `${quote(variable.value)} holds a service's key: no tool can have it`;
      problems.push({ code: "permission", at: variable.at, message });
    } else if (!optional) problems.push(...requestProblems(root, variable, "read"));
  }
  for (const host of textsOf(find(node, "permissions", "net"))) {
    problems.push(
      ...needProblems(
        root,
        `Tool ${quote(name?.kind === "text" ? name.value : "")}`,
        { kind: "net", target: host.value },
        host.at,
      ),
    );
  }
  return problems;
}

/** The variables that a header names, each where the header stands. */
function variablesIn(value: Extract<Node, { kind: "text" }>, text: string): Array<Extract<Node, { kind: "text" }>> {
  const { template } = parseTemplate(value, text, () => undefined);
  return template.flatMap((piece) =>
    "path" in piece && piece.path[0] === "env" ? [{ ...value, value: piece.path[1] ?? "" }] : [],
  );
}

/** What the agent file must request for a tool; what a tool of a file is asks for itself. */
function needsOf(tool: PlannedTool, builtins: readonly KnownTool[]): readonly Need[] {
  if (tool.kind === "unloaded") return [];
  if (tool.kind === "builtin") return builtins.find(({ name }) => name === tool.name)?.needs ?? [];
  const env = neededVariables(tool.permissions);
  const { net = [] } = tool.permissions;
  return [
    ...env.map((target) => ({ kind: "env" as const, target })),
    ...net.map((target) => ({ kind: "net" as const, target })),
  ];
}

/** A tool that no grant could ever make work, since the file does not request what it needs. */
export function needProblems(root: Node, what: string, { kind, target }: Need, at: Range): Problem[] {
  const permissions = find(root, "permissions");
  const rules = find(root, "permissions", kind);
  if (permissions !== undefined && permissions.kind !== "map") return [];
  if (rules !== undefined && rules.kind !== "list") return [];
  const requested = textsOf(rules).map(({ value }) => value);
  const servers = kind === "run" ? lspPrograms(root).length : 0;
  const enough =
    target === undefined ? requested.length + servers > 0 : requested.some((rule) => requests(rule, target));
  if (enough) return [];
  const example = target ?? (kind === "read" || kind === "write" ? "." : "…");
  const missing = target === undefined ? `no '${kind}'` : `no '${target}' in '${kind}'`;
  return [
    {
      code: "permission",
      at,
      message: `${what} can do nothing: permissions has ${missing}`,
      hint: `write permissions: { ${kind}: [${example}] }`,
    },
  ];
}

/** Whether a rule as it is written requests a target: itself, a path to a program, names or hosts of a kind. */
function requests(rule: string, target: string): boolean {
  if (rule === target || rule.endsWith(`/${target}`)) return true;
  if (rule.startsWith("*.")) return target.endsWith(rule.slice(1));
  return rule.endsWith("_*") && target.startsWith(rule.slice(0, -1));
}
