import { permissionKinds } from "../core/permission.ts";
import type { PlannedTool } from "../core/planned-tool.ts";
import type { ServerPick } from "../core/mcp.ts";
import type { OwnCommand, Template } from "../core/plan.ts";
import { agentPaths, almostTemplates } from "./agent-paths.ts";
import type { Known } from "./check.ts";
import { checkCommands } from "./commands.ts";
import { contextProblems } from "./context.ts";
import { inputProblems } from "./input-specs.ts";
import { lspProblems } from "./lsp.ts";
import { memoryProblems, withMemoryTools } from "./memory.ts";
import { mistakenTask, strayMessage } from "./mistaken.ts";
import { modelVariables, requestProblems, unkeptProblems } from "./models.ts";
import { entriesOf, find, itemsOf, quote, textsBelow, textsOf, type MapNode, type Node } from "./node.ts";
import { jsonSchemaProblems } from "./output-schema.ts";
import { oauthProblems } from "./oauth.ts";
import type { Written } from "./own-tool.ts";
import { wrongProgram, wrongRule } from "./rules.ts";
import { secretProblems, secretVariables } from "./secrets.ts";
import type { Problem } from "./source.ts";
import { parseTemplate, strayTemplate } from "./template.ts";
import { checkTools, type OfferedTools } from "./tools.ts";

/** What an agent is told and offered, and what is wrong with it beyond its shape. */
export type Body = {
  problems: Problem[];
  instructions: Template;
  prompt: Template | undefined;
  tools: PlannedTool[];
  /** What it picks of its servers' tools, by their names. */
  picks: ReadonlyMap<string, ServerPick[]>;
  /** What a person can type in a chat with it. */
  commands: Record<string, OwnCommand>;
};

/** Checks one agent: the file's own, or one that is written within it. `root` is the whole file. */
export function checkBody(
  node: Node,
  root: Node,
  written: Written,
  known: Known,
  folder: OfferedTools | undefined,
  shape: readonly Problem[],
  servers: readonly string[],
): Body {
  const { text } = written;
  const template = (key: string) => {
    const value = find(node, key);
    return value?.kind === "text" ? parseTemplate(value, text, agentPaths(node)) : undefined;
  };
  const instructions = template("instructions");
  const prompt = template("prompt");
  const commands = checkCommands(node, text);
  const tools = checkTools(node, written, known.tools, known.secrets, folder, servers);
  return {
    problems: [
      ...taskProblems(node, root, shape),
      ...inputProblems(node),
      ...(instructions?.problems ?? []),
      ...(prompt?.problems ?? []),
      ...strayTemplates(node, root, text),
      ...almostTemplates(node, text),
      ...commands.problems,
      ...tools.problems,
      ...ruleProblems(node),
      ...outputProblems(node, known.providers),
      ...toolInputProblems(node, known.providers),
      ...checkProblems(node),
      ...lspProblems(node),
      ...contextProblems(node),
      ...memoryProblems(node),
      ...envProblems(node, root, known.secrets),
      ...secretProblems(node, root, known.secrets),
      ...oauthProblems(node),
    ],
    instructions: instructions?.template ?? [],
    prompt: prompt?.template,
    tools: withMemoryTools(node, tools.planned),
    picks: tools.picks,
    commands: commands.commands,
  };
}

/** An agent without a word of what to do; not told where a key is there but misspelled. */
function taskProblems(node: Node, root: Node, shape: readonly Problem[]): Problem[] {
  if (node.kind !== "map" || node.entries.has("instructions") || node.entries.has("prompt")) return [];
  const within = shape.filter(({ at }) => at[0] >= node.text[0] && at[1] <= node.text[1]);
  if (within.some(({ hint }) => hint !== undefined && mistakenTask.test(hint))) return [];
  const message = `An agent needs 'instructions' or a 'prompt', this ${node === root ? "file" : "one"} has neither`;
  return [{ code: "missing_key", at: [node.at[0], node.at[0] + 1], message }];
}

function ruleProblems(node: Node): Problem[] {
  return ["permissions", "deny"].flatMap((key) =>
    permissionKinds.flatMap((kind) =>
      textsOf(find(node, key, kind)).flatMap((rule): Problem[] => {
        const wrong = rule.value.includes("${{") ? undefined : wrongRule(kind, rule.value);
        return wrong === undefined ? [] : [{ code: "permission", at: rule.at, ...wrong }];
      }),
    ),
  );
}

function outputProblems(node: Node, providers: Known["providers"]): Problem[] {
  const schema = find(node, "output", "schema");
  if (schema?.kind !== "map") return [];
  const problems = jsonSchemaProblems(schema);
  const wrong = problems.some(({ severity }) => severity !== "warning");
  return wrong ? problems : [...problems, ...unkeptProblems(node, schema, providers)];
}

/** The inputs of tools that are written in the file, which calls of some models are held to. What else is wrong with them is told before. */
function toolInputProblems(node: Node, providers: Known["providers"]): Problem[] {
  return itemsOf(find(node, "tools")).flatMap((tool) => {
    const input = find(tool, "input");
    const right = input?.kind === "map" && !jsonSchemaProblems(input).some(({ severity }) => severity !== "warning");
    return right ? unkeptProblems(node, input, providers) : [];
  });
}

function checkProblems(node: Node): Problem[] {
  const denied = textsOf(find(node, "deny", "run")).map(({ value }) => value);
  return itemsOf(find(node, "checks")).flatMap((check): Problem[] => {
    const program = itemsOf(find(check, "run"))[0];
    if (program?.kind !== "text" || program.value.includes("${{")) return [];
    const wrong = program.value === "" ? { message: "A program cannot be empty" } : wrongProgram(program.value);
    if (wrong !== undefined) return [{ code: "permission", at: program.at, ...wrong }];
    if (!denied.includes(program.value)) return [];
    const message = `Check ${quote(program.value)} can never run: 'deny' refuses it`;
    return [{ code: "permission", at: program.at, message }];
  });
}

/** What templates read of the environment must be requested like everything else, and a key is never theirs to read. */
function envProblems(node: Node, root: Node, secrets: readonly string[]): Problem[] {
  const keys = new Set([...secrets, ...modelVariables(root).map(({ value }) => value)]);
  const own = new Set(secretVariables(node).map(({ value }) => value));
  return textsOf(find(node, "env")).flatMap((variable): Problem[] => {
    const { value } = variable;
    if (!keys.has(value) && !own.has(value)) return requestProblems(node, variable, "read");
    const message = `${quote(value)} holds ${own.has(value) ? "a secret" : "a service's key"}: no text can have it`;
    return [{ code: "permission", at: variable.at, message }];
  });
}

/** `${{ … }}` where nothing expands it. */
function strayTemplates(node: Node, root: Node, text: string): Problem[] {
  return entriesOf(node).flatMap(([key, { value }]) => {
    if (value.kind === "text" && (key === "instructions" || key === "prompt")) return [];
    // Tools have templates of their own.
    if (key === "tools") return itemsOf(value).flatMap((item) => (item.kind === "map" ? [] : stray(item)));
    // Servers too, and commands.
    if (key === "mcp" || key === "commands") return [];
    // Agents within the file are checked by themselves, and so are the defaults of their inputs.
    if (key === "agents") {
      return entriesOf(value).flatMap(([, agent]) => (agent.value.kind === "map" ? [] : stray(agent.value)));
    }
    if (key === "input" && node !== root) return withoutDefaults(value).flatMap((part) => stray(part));
    const hint = key === "checks" ? "a command gets each input as REIN_INPUT_NAME" : undefined;
    return stray(value, hint);
  });

  function stray(value: Node, hint?: string): Problem[] {
    return textsBelow(value).flatMap((one) => strayTemplate(one, text, { message: strayMessage, hint }));
  }
}

function withoutDefaults(input: Node): Node[] {
  const specs = entriesOf(input).flatMap(([, { value }]) => (value.kind === "map" ? [value] : []));
  return specs.flatMap((spec: MapNode) =>
    entriesOf(spec).flatMap(([key, { value }]) => (key === "default" ? [] : [value])),
  );
}
