import { dirname, join, normalize, resolve } from "node:path";
import * as v from "valibot";
import type { Diagnostic } from "../core/diagnostic.ts";
import type { Need } from "../core/permission.ts";
import type { PlannedTool } from "../core/planned-tool.ts";
import { plansOf, type InputSpec, type Plan, type SubAgent } from "../core/plan.ts";
import type { TemplateValue } from "../core/script.ts";
import { checkBody } from "./agent-body.ts";
import type { AgentFiles } from "./agent-files.ts";
import { agentPaths } from "./agent-paths.ts";
import type { Known } from "./check.ts";
import { checkMcp } from "./mcp.ts";
import { requestsOfServers } from "./mcp-entry.ts";
import type { EntryRequests } from "./mcp-text.ts";
import { settingProblems } from "./models.ts";
import { entriesOf, find, itemsOf, quote, textsBelow, toJson, type Entry, type MapNode, type Node } from "./node.ts";
import type { Written } from "./own-tool.ts";
import { planOf, requestsOf } from "./plan.ts";
import type { Checked } from "./read.ts";
import { inlineAgent, type AgentFile } from "./schema.ts";
import { secretsBeyond } from "./agent-secrets.ts";
import { checkSkills } from "./skills.ts";
import { maxFileBytes, type Problem, type Source } from "./source.ts";
import { parseTemplate, type PathRule } from "./template.ts";
import { needProblems, type OfferedTools } from "./tools.ts";

/** How deep agents may spawn each other, and how many agent files one may lead to. */
const deepest = 5;
const mostFiles = 100;

/** The agent files that led here, from the first on, and all that were read; by absolute paths. */
export type Lineage = { chain: readonly string[]; read: Map<string, Checked<Plan>> };

export type AgentsContext = {
  source: Source;
  text: string;
  known: Known;
  files: AgentFiles;
  folder: OfferedTools | undefined;
  shape: readonly Problem[];
  lineage: Lineage;
  /** Checks another agent file. */
  check(source: Source, lineage: Lineage): Checked<Plan>;
};

export type CheckedAgents = {
  problems: Problem[];
  /** What is wrong in other files. */
  diagnostics: Diagnostic[];
  /** The agents of a file without errors. */
  agents(file: AgentFile): Record<string, SubAgent>;
};

/** What is wrong with `agents:`, there and in the files that it names. */
export function checkAgents(root: Node, context: AgentsContext): CheckedAgents {
  const { files } = context;
  const problems: Problem[] = [];
  const diagnostics: Diagnostic[] = [];
  const made: Array<[string, (file: AgentFile) => SubAgent]> = [];
  for (const [name, entry] of entriesOf(find(root, "agents"))) {
    const { value } = entry;
    if (value.kind === "map") {
      const inline = checkInline(root, value, context);
      problems.push(
        ...inline.problems,
        ...parentProblems(root, name, entry, inline.tools, programsOf(value), inline.requests, context),
      );
      diagnostics.push(...inline.diagnostics);
      made.push([name, (file) => inline.agent(name, file)]);
    } else if (value.kind === "text" && !value.value.includes("${{")) {
      const named = readNamed(value.value, context);
      if ("wrong" in named) problems.push({ code: "unreadable", at: value.at, ...named.wrong });
      else {
        const { checked, first } = named;
        // A file that several agents are made from is told of once.
        if (first) diagnostics.push(...(checked.ok ? checked.warnings : checked.diagnostics));
        if (!checked.ok) continue;
        const plan = checked.value;
        const programs = plan.checks.map(({ run: [program = ""] }) => program);
        problems.push(
          ...parentProblems(root, name, entry, plan.tools, programs, requestsOfServers(plan.mcp, files), context),
        );
        problems.push(...plansOf(plan).flatMap((one) => secretsBeyond(root, name, one, entry.key)));
        made.push([name, () => ({ plan, inline: false, defaults: {} })]);
      }
    }
  }
  return {
    problems: [...problems, ...useProblems(root, true)],
    diagnostics,
    agents: (file) => Object.fromEntries(made.map(([name, make]) => [name, make(file)])),
  };
}

function readNamed(
  path: string,
  { source, files, lineage, check }: AgentsContext,
): { wrong: { message: string; hint?: string } } | { checked: Checked<Plan>; first: boolean } {
  const absolute = resolve(source.folder, path);
  const known = lineage.read.get(absolute);
  if (known !== undefined) return { checked: known, first: false };
  const shown = path.startsWith("/") ? path : normalize(join(dirname(source.file), path));
  if (lineage.chain.includes(absolute)) {
    return { wrong: { message: `Agent file ${quote(shown)} leads to itself`, hint: "an agent cannot spawn itself" } };
  }
  if (lineage.chain.length >= deepest)
    return { wrong: { message: `Agents spawn each other more than ${deepest} deep` } };
  if (lineage.read.size >= mostFiles) return { wrong: { message: `More than ${mostFiles} agent files are named` } };
  const bytes = files.read(absolute);
  if (!bytes.ok) {
    const message = bytes.error.message.replace(quote(absolute), quote(shown)).slice(0, 300);
    return { wrong: { ...bytes.error, message } };
  }
  if (bytes.value.length > maxFileBytes * 2)
    return { wrong: { message: `${quote(shown)} is larger than an agent file` } };
  const inner = { ...lineage, chain: [...lineage.chain, absolute] };
  const checked = check({ file: shown, folder: dirname(absolute), bytes: bytes.value }, inner);
  lineage.read.set(absolute, checked);
  return { checked, first: true };
}

type Inline = {
  problems: Problem[];
  diagnostics: Diagnostic[];
  tools: PlannedTool[];
  requests: EntryRequests;
  agent(name: string, file: AgentFile): SubAgent;
};

function checkInline(root: Node, node: MapNode, context: AgentsContext): Inline {
  const { source, text, known, files, folder, shape } = context;
  const written: Written = { file: source.file, text, folder: source.folder };
  const mcp = checkMcp(node, { source, text, keys: known.secrets, files, configs: [], lock: false });
  const body = checkBody(node, root, written, known, folder, shape, mcp.names);
  const skills = checkSkills(node, source, files);
  const names = entriesOf(find(root, "models")).map(([name]) => name);
  const rule = agentPaths(root);
  const defaults = templatedDefaults(node);
  const isTemplated = (input: string) => defaults.some(([name]) => name === input);
  return {
    problems: [
      ...mcp.problems,
      ...body.problems,
      ...skills.problems,
      ...settingProblems(node, known.providers, names, text),
      ...defaults.flatMap(([, value]) => textsBelow(value).flatMap((one) => parseTemplate(one, text, rule).problems)),
      ...useProblems(node, false),
    ],
    diagnostics: [...mcp.diagnostics, ...skills.diagnostics],
    tools: body.tools,
    requests: mcp.requests,
    agent(name, file) {
      const own = v.parse(inlineAgent(), toJson(node));
      const plan = planOf({ ...own, name, models: {} }, body, { agents: {}, skills: skills.skills, mcp }, source);
      const input = Object.fromEntries(
        Object.entries(plan.input).map(([key, spec]) => [key, isTemplated(key) ? withoutDefault(spec) : spec]),
      );
      const values = defaults.map(([input, value]) => [input, templateValue(value, text, rule)] as const);
      return { plan: { ...plan, input, models: file.models }, inline: true, defaults: Object.fromEntries(values) };
    },
  };
}

function withoutDefault({ default: _preset, ...spec }: InputSpec): InputSpec {
  return spec;
}

/** The defaults of an inline agent's inputs that hold templates. */
function templatedDefaults(node: MapNode): Array<[string, Node]> {
  return entriesOf(find(node, "input")).flatMap(([name, { value }]): Array<[string, Node]> => {
    const preset = find(value, "default");
    return preset !== undefined && textsBelow(preset).some((one) => one.value.includes("${{")) ? [[name, preset]] : [];
  });
}

function templateValue(node: Node, text: string, rule: PathRule): TemplateValue {
  if (node.kind === "text") return { kind: "text", template: parseTemplate(node, text, rule).template };
  if (node.kind === "list") return { kind: "list", items: node.items.map((item) => templateValue(item, text, rule)) };
  if (node.kind !== "map") return { kind: "value", value: toJson(node) };
  return {
    kind: "map",
    entries: entriesOf(node).map(([key, { value }]) => [key, templateValue(value, text, rule)]),
  };
}

function programsOf(node: MapNode): string[] {
  return itemsOf(find(node, "checks")).flatMap((check) => {
    const [program] = itemsOf(find(check, "run"));
    return program?.kind === "text" ? [program.value] : [];
  });
}

/** What an agent needs and the one that spawns it does not request: it could never have it. */
function parentProblems(
  root: Node,
  name: string,
  { key }: Entry,
  tools: readonly PlannedTool[],
  programs: readonly string[],
  servers: EntryRequests,
  { known }: AgentsContext,
): Problem[] {
  const ofTools = tools.flatMap((tool) => {
    const label = `${tool.kind === "unloaded" ? (tool.name ?? "custom/*") : tool.name}`;
    return needsOf(tool, known).map((need) => ({ what: `Tool '${label}' of agent '${name}'`, need }));
  });
  const ofChecks = programs.map((target) => ({
    what: `The check '${target}' of agent '${name}'`,
    need: { kind: "run" as const, target },
  }));
  const ofServers = (["run", "net", "env"] as const).flatMap((kind) =>
    servers[kind].map((target) => ({ what: `A server of agent '${name}'`, need: { kind, target } })),
  );
  const told = new Set<string>();
  return [...ofTools, ...ofChecks, ...ofServers].flatMap(({ what, need }) => {
    const same = `${need.kind} ${need.target ?? ""}`;
    if (told.has(same)) return [];
    told.add(same);
    return needProblems(root, what, need, key);
  });
}

function needsOf(tool: PlannedTool, known: Known): readonly Need[] {
  if (tool.kind === "builtin") return known.tools.find(({ name }) => name === tool.name)?.needs ?? [];
  const { run, net } = requestsOf(tool);
  return [
    ...run.map((target) => ({ kind: "run" as const, target })),
    ...net.map((target) => ({ kind: "net" as const, target })),
  ];
}

/** What no tool works with, and tools that have nothing to work with. `whole`: of a file, since an agent within one has no agents. */
function useProblems(node: Node, whole: boolean): Problem[] {
  const tools = itemsOf(find(node, "tools"));
  const listed = (name: string) => tools.find((tool) => tool.kind === "text" && tool.value === name);
  const agents = node.kind === "map" && whole ? node.entries.get("agents") : undefined;
  const skills = node.kind === "map" ? node.entries.get("skills") : undefined;
  const spawns = listed("spawn_agent") ?? tools.find((tool) => find(tool, "agent") !== undefined);
  const problems: Problem[] = [];
  if (agents !== undefined && spawns === undefined && agents.value.kind === "map") {
    const message = "No tool spawns these agents";
    problems.push({ code: "wrong_value", at: agents.key, message, hint: "add spawn_agent to 'tools'" });
  }
  if (skills !== undefined && listed("skill_read") === undefined && itemsOf(skills.value).length > 0) {
    const message = "No tool reads these skills";
    problems.push({ code: "wrong_value", at: skills.key, message, hint: "add skill_read to 'tools'" });
  }
  const idle = [
    ["spawn_agent", agents, "agents"],
    ["agent_manage", agents, "agents"],
    ["skill_read", skills, "skills"],
  ] as const;
  for (const [name, entry, key] of idle) {
    const tool = listed(name);
    if (tool === undefined || entry !== undefined) continue;
    problems.push({
      code: "wrong_value",
      at: tool.at,
      message: `Tool '${name}' can do nothing: there are no '${key}'`,
    });
  }
  return problems;
}
