import * as v from "valibot";
import type { Diagnostic } from "../core/diagnostic.ts";
import { permissionKinds } from "../core/permission.ts";
import type { Plan } from "../core/plan.ts";
import { fail } from "../core/result.ts";
import { hiddenFlags, inputProblems } from "./input-specs.ts";
import { entriesOf, find, itemsOf, quote, textsBelow, textsOf, toJson, type Node } from "./node.ts";
import { jsonSchemaProblems } from "./output-schema.ts";
import { planOf } from "./plan.ts";
import { readYaml, type Checked } from "./read.ts";
import { wrongProgram, wrongRule } from "./rules.ts";
import { agentSchema, foreignKeys, laterKeys } from "./schema.ts";
import { modelProblems, modelVariables, requestProblems, unkeptProblems, type KnownProvider } from "./models.ts";
import { mistaken, strayMessage } from "./mistaken.ts";
import { shapeProblems } from "./shape.ts";
import type { Problem, Source } from "./source.ts";
import { parseTemplate, strayTemplate } from "./template.ts";
import { checkTools, type KnownTool } from "./tools.ts";
import { checkFolder, type CheckedFolder, type ReadFolder } from "./tools-folder.ts";
import { agentPaths, almostTemplates } from "./agent-paths.ts";

/** The names that an agent file can use, and what each tool cannot work without. */
export type Known = {
  tools: readonly KnownTool[];
  providers: readonly KnownProvider[];
  /** Variables that hold what only a service may see. */
  secrets: readonly string[];
  /** Flags beside which an input cannot have one of that name; a warning where they are given. */
  flags?: ReadonlySet<string>;
};

/** Where nothing can be read but the agent file. */
const noFolder: ReadFolder = () => fail("unsupported", "it is not read here");

/**
 * An agent file as a plan, or all that is wrong with it. `readFolder` reads its folder of tools; where that tells what the code of
 * modules says of itself, no tool of the plan is left unloaded.
 */
export function checkAgent(source: Source, known: Known, readFolder: ReadFolder = noFolder): Checked<Plan> {
  let folder: CheckedFolder | undefined;
  const checked = readYaml(source, "an agent has at least 'instructions' or a 'prompt'", (root, text) => {
    const rule = agentPaths(root);
    const template = (key: string) => {
      const node = find(root, key);
      return node?.kind === "text" ? parseTemplate(node, text, rule) : undefined;
    };
    const written = { file: source.file, text, folder: source.folder };
    const named = find(root, "tools_dir");
    folder = named?.kind === "text" ? checkFolder(named, known, readFolder) : undefined;
    const tools = checkTools(root, written, known.tools, known.secrets, folder?.offered);
    const instructions = template("instructions");
    const prompt = template("prompt");
    const shape = shapeProblems(agentSchema, root, { later: laterKeys, foreign: foreignKeys, mistaken });
    return {
      problems: [
        ...shape,
        ...taskProblems(root, shape),
        ...modelProblems(root, known.providers, known.secrets, text),
        ...inputProblems(root),
        ...hiddenFlags(root, known.flags),
        ...(instructions?.problems ?? []),
        ...(prompt?.problems ?? []),
        ...strayTemplates(root, text),
        ...almostTemplates(root, text),
        ...(folder?.problems ?? []),
        ...tools.problems,
        ...ruleProblems(root),
        ...outputProblems(root, known.providers),
        ...checkProblems(root),
        ...envProblems(root, known.secrets),
      ],
      value: () =>
        planOf(
          v.parse(agentSchema, toJson(root)),
          { instructions: instructions?.template ?? [], prompt: prompt?.template },
          tools.planned,
          source,
        ),
    };
  });
  return withFolder(checked, folder?.diagnostics ?? []);
}

/** What is wrong with the tools folder's own files is told behind what is wrong with the agent file. */
function withFolder(checked: Checked<Plan>, diagnostics: Diagnostic[]): Checked<Plan> {
  if (!checked.ok) return { ok: false, diagnostics: [...checked.diagnostics, ...diagnostics] };
  const all = [...checked.warnings, ...diagnostics];
  return diagnostics.some(({ severity }) => severity === "error")
    ? { ok: false, diagnostics: all }
    : { ...checked, warnings: all };
}

/** An agent without a word of what to do; not told where a key is there but misspelled. */
function taskProblems(root: Node, shape: Problem[]): Problem[] {
  if (root.kind !== "map" || root.entries.has("instructions") || root.entries.has("prompt")) return [];
  if (shape.some(({ hint }) => hint !== undefined && /^did you mean '(instructions|prompt)'\?$/.test(hint))) return [];
  const message = "An agent needs 'instructions' or a 'prompt', this file has neither";
  return [{ code: "missing_key", at: [root.at[0], root.at[0] + 1], message }];
}

function ruleProblems(root: Node): Problem[] {
  return ["permissions", "deny"].flatMap((key) =>
    permissionKinds.flatMap((kind) =>
      textsOf(find(root, key, kind)).flatMap((node): Problem[] => {
        const wrong = node.value.includes("${{") ? undefined : wrongRule(kind, node.value);
        return wrong === undefined ? [] : [{ code: "permission", at: node.at, ...wrong }];
      }),
    ),
  );
}

function outputProblems(root: Node, providers: Known["providers"]): Problem[] {
  const schema = find(root, "output", "schema");
  if (schema?.kind !== "map") return [];
  const problems = jsonSchemaProblems(schema);
  const wrong = problems.some(({ severity }) => severity !== "warning");
  return wrong ? problems : [...problems, ...unkeptProblems(root, schema, providers)];
}

function checkProblems(root: Node): Problem[] {
  const denied = textsOf(find(root, "deny", "run")).map(({ value }) => value);
  return itemsOf(find(root, "checks")).flatMap((check): Problem[] => {
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
function envProblems(root: Node, secrets: readonly string[]): Problem[] {
  const keys = new Set([...secrets, ...modelVariables(root).map(({ value }) => value)]);
  return textsOf(find(root, "env")).flatMap((node): Problem[] => {
    if (!keys.has(node.value)) return requestProblems(root, node, "read");
    const message = `${quote(node.value)} holds a service's key: no text can have it`;
    return [{ code: "permission", at: node.at, message }];
  });
}

/** `${{ … }}` where nothing expands it. */
function strayTemplates(root: Node, text: string): Problem[] {
  return entriesOf(root).flatMap(([key, { value }]) => {
    if (value.kind === "text" && (key === "instructions" || key === "prompt")) return [];
    // Tools have templates of their own.
    if (key === "tools") return itemsOf(value).flatMap((item) => (item.kind === "map" ? [] : stray(item)));
    const hint = key === "checks" ? "a command gets each input as REIN_INPUT_NAME" : undefined;
    return stray(value, hint);
  });

  function stray(value: Node, hint?: string): Problem[] {
    return textsBelow(value).flatMap((node) => strayTemplate(node, text, { message: strayMessage, hint }));
  }
}
