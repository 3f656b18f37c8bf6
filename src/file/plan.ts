import type { McpServer, ServerPick } from "../core/mcp.ts";
import type { PlannedTool } from "../core/planned-tool.ts";
import { plansOf, type InputSpec, type Plan, type Skill, type SubAgent, type Template } from "../core/plan.ts";
import { milliseconds } from "./duration.ts";
import { modelSetting } from "./route-schema.ts";
import type { CheckedMcp } from "./mcp.ts";
import { memoryOf, writesMemory } from "./memory.ts";
import type { AgentFile } from "./schema.ts";
import type { Source } from "./source.ts";

/** The content of a file, or of an agent within it, as far as it needs no looking up. */
type Content = Omit<
  AgentFile,
  "tools" | "tools_dir" | "mcp" | "agents" | "skills" | "instructions" | "prompt" | "commands"
>;

/** What was made of the rest of it. */
type Parts = {
  instructions: Template;
  prompt: Template | undefined;
  tools: readonly PlannedTool[];
  picks: ReadonlyMap<string, ServerPick[]>;
  commands: NonNullable<Plan["commands"]>;
};

/** What it leads to. */
type Others = { agents: Record<string, SubAgent>; skills: Skill[]; mcp: Pick<CheckedMcp, "servers" | "requests"> };

/** A checked agent as the plan of its runs. */
export function planOf(
  file: Content,
  { instructions, prompt, tools, picks, commands }: Parts,
  { agents, skills, mcp }: Others,
  source: Source,
): Plan {
  const { description, model, output } = file;
  const { time, tokens, cost, ...limits } = file.limits;
  const requested = tools.map(requestsOf);
  const programs = [
    ...[...file.checks.map(({ run }) => run), ...Object.values(file.lsp)].map(([program = ""]) => program),
    ...requested.flatMap(({ run }) => run),
    ...mcp.requests.run,
  ];
  const urls = Object.values(file.models).flatMap(({ base_url: url }) => (url === undefined ? [] : hostOf(url)));
  const issuers = Object.values(file.oauth).map(({ issuer }) => hostOf(issuer));
  const hosts = [...urls, ...issuers, ...requested.flatMap(({ net }) => net), ...mcp.requests.net];
  const net = [...new Set([...(file.permissions.net ?? []), ...hosts])];
  const run = [...new Set([...(file.permissions.run ?? []), ...programs])];
  // A sub-agent gets no more than this one, so what it reads this one requests.
  const inner = Object.values(agents).flatMap((agent) => plansOf(agent.plan));
  const memory = memoryOf(file.memory, source);
  const memories = [{ ...memory, tools }, ...inner];
  const theirs = [
    ...[{ skills }, ...inner].flatMap((one) => one.skills.map(({ folder }) => folder)),
    ...memories.flatMap((one) => one.memory ?? []),
  ];
  const read = [...new Set([...(file.permissions.read ?? []), ...theirs.map((path) => requestOf(path, source))])];
  const kept = memories.flatMap((one) => (writesMemory(one.tools) ? (one.memory ?? []) : []));
  const write = [...new Set([...(file.permissions.write ?? []), ...kept.map((path) => requestOf(path, source))])];
  const own = file.permissions.env ?? [];
  const withheld = [...new Set(mcp.requests.env)].filter((name) => !own.some((rule) => isVariableOf(rule, name)));
  const env = [...own, ...withheld];
  const input: Record<string, InputSpec> = file.input;
  return {
    file: source.file,
    folder: source.folder,
    hash: new Bun.CryptoHasher("sha256").update(source.bytes).digest("hex"),
    name: file.name ?? stem(source.file),
    ...(description === undefined ? {} : { description }),
    ...(model === undefined ? {} : { model: modelSetting(model) }),
    models: file.models,
    input,
    instructions,
    ...(prompt === undefined ? {} : { prompt }),
    tools: [...tools],
    agents,
    skills,
    ...(Object.keys(commands).length === 0 ? {} : { commands }),
    ...memory,
    mcp: mcp.servers.map((server) => withPicks(server, picks.get(server.name))),
    lsp: file.lsp,
    secrets: file.secrets,
    oauth: file.oauth,
    permissions: {
      ...file.permissions,
      ...(read.length > 0 ? { read } : {}),
      ...(write.length > 0 ? { write } : {}),
      ...(run.length > 0 ? { run } : {}),
      ...(net.length > 0 ? { net } : {}),
      ...(env.length > 0 ? { env } : {}),
    },
    ...(withheld.length > 0 ? { withheld } : {}),
    deny: file.deny,
    limits: {
      ...limits,
      time: milliseconds(time),
      ...(tokens === undefined ? {} : { tokens }),
      ...(cost === undefined ? {} : { cost }),
    },
    context: file.context,
    ...(file.cache === undefined ? {} : { cache: file.cache }),
    ...(output === undefined ? {} : { output }),
    checks: file.checks,
    denied: file.denied,
    env: file.env,
  };
}

function withPicks(server: McpServer, picks: ServerPick[] | undefined): McpServer {
  return picks === undefined ? server : { ...server, picks };
}

function isVariableOf(rule: string, name: string): boolean {
  return rule === name || (rule.endsWith("_*") && name.startsWith(rule.slice(0, -1)));
}

/** A skill's folder, or the file of a memory, as a rule of `permissions.read`. */
function requestOf(path: string, source: Source): string {
  return path.startsWith(`${source.folder}/`) ? `agent:${path.slice(source.folder.length + 1)}` : path;
}

/** What a tool requests by being there: to run its program, or to reach its host. */
export function requestsOf(tool: PlannedTool): { run: string[]; net: string[] } {
  const literal = (template: Template) => template.map((piece) => ("text" in piece ? piece.text : "x")).join("");
  return {
    run: tool.kind === "run" ? [literal(tool.run[0] ?? [])] : [],
    net: tool.kind === "http" ? [hostOf(literal(tool.url))] : [],
  };
}

/** The host of a URL as a rule of `permissions.net`: with its port where that is not 443. */
function hostOf(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return port === "" && protocol === "https:" ? hostname : `${hostname}:${port === "" ? "80" : port}`;
}

/** `agents/review.yaml` is `review`; stdin and what leaves no name is `agent`. */
function stem(file: string): string {
  const name = file
    .replace(/^.*\//, "")
    .replace(/\.[^.]*$/, "")
    .replace(/[^A-Za-z0-9_.-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 64);
  return name === "" ? "agent" : name;
}
