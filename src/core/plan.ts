import type { Json, JsonObject, JsonSchema } from "./json.ts";
import type { LanguageServers } from "./language-server.ts";
import type { McpServer } from "./mcp.ts";
import type { ModelSpec } from "./model.ts";
import type { OauthSpec } from "./oauth.ts";
import type { PermissionLists } from "./permission.ts";
import type { PlannedTool } from "./planned-tool.ts";
import type { ModelSetting } from "./route.ts";
import type { TemplateValue } from "./script.ts";

export type InputType = "string" | "number" | "integer" | "boolean" | "array" | "object";

/** One typed parameter of an agent. */
export type InputSpec = {
  type: InputType;
  description?: string;
  default?: Json;
  enum?: Json[];
  from?: "stdin";
};

/** A text with holes: literal pieces and references such as `input.diff`, `env.HOME` or `run.id`. */
export type Template = Array<{ text: string } | { path: string[] }>;

/** The most that a run may use. Times in milliseconds; `tokens` counts input and output of all requests. */
export type Limits = {
  turns: number;
  tool_calls: number;
  time: number;
  tokens?: number;
  /** In US dollars. Absent: `defaultCost`, which an unknown price does not break. */
  cost?: number;
};

/** How the conversation is kept within the model's window. */
export type ContextSpec = {
  /** The most tokens of a request, where that is less than the window has room for. */
  max_tokens?: number;
  /** The newest turns stay whole where they fit at all. */
  keep_turns: number;
  /** The most messages of a request. */
  max_messages?: number;
  /** What is done with turns that do not fit: removed, or told in a summary. */
  compact: "trim" | "summarize";
  /** The model that writes the summaries, as in `model`. */
  model?: string;
};

/** A secret that tools put into requests: the variable that holds it, and where it may go, as rules of `permissions.net`. */
export type SecretSpec = { env: string; hosts: string[] };

/** A command that judges the answer. It gets the answer on stdin; exit code 0 holds. */
export type Check = { run: string[] };

/**
 * An agent that another can spawn. `inline`: it is written in that one's file, whose models are its own. `defaults` are those of
 * its inputs that templates make of the other's inputs; their specs have none.
 */
export type SubAgent = { plan: Plan; inline: boolean; defaults: Record<string, TemplateValue> };

/** A command of a chat: the prompt that it stands for, in which `args` is what was typed behind it. */
export type OwnCommand = { description?: string; prompt: Template };

/** A folder in the Agent Skills format: what its SKILL.md says of it, and its absolute path. */
export type Skill = { name: string; description: string; folder: string };

/** An agent file after it was checked: nothing in it is unresolved but templates' values and the model's credentials. */
export type Plan = {
  /** As the user named it; `-` for stdin. */
  file: string;
  /** The absolute folder that `agent:` paths are relative to. */
  folder: string;
  /** SHA-256 of the source, in hex. */
  hash: string;
  /** The same of each further file that it was made of, by the path relative to `folder`; absent where there is none. */
  files?: Record<string, string>;
  /** The source where no file has it: it came on stdin, or is "" for an agent that nobody wrote. */
  text?: string;
  name: string;
  description?: string;
  /** Each is `provider/model`, a provider alone, or a name under `models`; as written. */
  model?: ModelSetting;
  models: Record<string, ModelSpec>;
  input: Record<string, InputSpec>;
  instructions: Template;
  prompt?: Template;
  tools: PlannedTool[];
  /** By the names that it can spawn them by. */
  agents: Record<string, SubAgent>;
  skills: Skill[];
  /** What a person can type in a chat, by name without the slash. */
  commands?: Record<string, OwnCommand>;
  /** The absolute path of the file with its notes; it is in `read` and `write` of the permissions as far as its tools need that. */
  memory?: string;
  /** The MCP servers, in the order of the file. */
  mcp: McpServer[];
  /** What stands in for the usual language servers. */
  lsp: LanguageServers;
  secrets: Record<string, SecretSpec>;
  /** The sign-ins that it can ask a person for, by name; their servers are in `net` of the permissions already. */
  oauth: Record<string, OauthSpec>;
  /** The most this agent can get; programs of checks and tools are in `run` already, hosts of models and tools in `net`. */
  permissions: PermissionLists;
  /** Variables in `env` of the permissions that are there for MCP servers alone: no other child gets them. */
  withheld?: string[];
  /** Wins over every grant. */
  deny: PermissionLists;
  limits: Limits;
  context: ContextSpec;
  /** `responses`: a request that was made before is answered as it was then. */
  cache?: { responses: boolean };
  output?: { schema: JsonSchema };
  checks: Check[];
  /** What a denied call does to the exit code: 3, or nothing but a line in the result. */
  denied: "fail" | "report";
  /** Names that templates may use as `env.NAME`. */
  env: string[];
};

/** A plan with those of all its sub-agents, each once. */
export function plansOf(plan: Plan): Plan[] {
  const plans = new Set<Plan>();
  const add = (one: Plan) => {
    if (plans.has(one)) return;
    plans.add(one);
    for (const agent of Object.values(one.agents)) add(agent.plan);
  };
  add(plan);
  return [...plans];
}

/** Whether a plan, or one of its sub-agents, says what it may cost: then the price of each of its models must be known. */
export function limitsCost(plan: Plan): boolean {
  return plansOf(plan).some(({ limits }) => limits.cost !== undefined);
}

/** Used where the file names none. */
export const defaultLimits: Limits = { turns: 50, tool_calls: 200, time: 600_000 };

/** The cost in US dollars that a run may come to where its file does not say. */
export const defaultCost = 1;

/** Used where the file says nothing of it. */
export const defaultContext: ContextSpec = { keep_turns: 10, compact: "trim" };

/** The values for a plan's inputs. */
export type InputValues = JsonObject;
