import { basename, resolve } from "node:path";
import * as v from "valibot";
import type { Diagnostic } from "../core/diagnostic.ts";
import type { Plan } from "../core/plan.ts";
import { checkBody } from "./agent-body.ts";
import { hashing, noFiles, type AgentFiles } from "./agent-files.ts";
import { checkAgents, type Lineage } from "./agents.ts";
import { hiddenFlags } from "./input-specs.ts";
import { mistaken } from "./mistaken.ts";
import { checkMcp } from "./mcp.ts";
import { modelProblems, type KnownProvider } from "./models.ts";
import { find, toJson } from "./node.ts";
import { planOf } from "./plan.ts";
import { readYaml, type Checked } from "./read.ts";
import { agentSchema, foreignKeys, laterKeys } from "./schema.ts";
import { shapeProblems } from "./shape.ts";
import { checkSkills } from "./skills.ts";
import type { Source } from "./source.ts";
import { checkFolder } from "./tools-folder.ts";
import type { KnownTool } from "./tools.ts";

/** The names that an agent file can use, and what each tool cannot work without. */
export type Known = {
  tools: readonly KnownTool[];
  providers: readonly KnownProvider[];
  /** Variables that hold what only a service may see. */
  secrets: readonly string[];
  /** Flags beside which an input cannot have one of that name; a warning where they are given. */
  flags?: ReadonlySet<string>;
};

/** An agent file as a plan, or all that is wrong with it and with the files that it names. */
export function checkAgent(source: Source, known: Known, files: AgentFiles = noFiles): Checked<Plan> {
  const chain = [resolve(source.folder, basename(source.file))];
  const { watched, hashes } = hashing(files, source.folder);
  const checked = checkFile(source, known, watched, { chain, read: new Map() });
  if (!checked.ok || hashes.size === 0) return checked;
  return { ...checked, value: { ...checked.value, files: Object.fromEntries(hashes) } };
}

function checkFile(source: Source, known: Known, files: AgentFiles, lineage: Lineage): Checked<Plan> {
  const others: Diagnostic[] = [];
  const checked = readYaml(source, "an agent has at least 'instructions' or a 'prompt'", (root, text) => {
    const written = { file: source.file, text, folder: source.folder };
    const named = find(root, "tools_dir");
    const folder = named?.kind === "text" ? checkFolder(named, known, files.tools(source.file)) : undefined;
    const shape = shapeProblems(agentSchema, root, { later: laterKeys, foreign: foreignKeys, mistaken });
    const configs = lineage.chain.length === 1 ? (files.mcp ?? []) : [];
    const mcp = checkMcp(root, { source, text, keys: known.secrets, files, configs, lock: source.file !== "-" });
    const body = checkBody(root, root, written, known, folder?.offered, shape, mcp.names);
    const agents = checkAgents(root, {
      source,
      text,
      known,
      files,
      folder: folder?.offered,
      shape,
      lineage,
      check: (inner, innerLineage) => checkFile(inner, known, files, innerLineage),
    });
    const skills = checkSkills(root, source, files);
    others.push(...(folder?.diagnostics ?? []), ...mcp.diagnostics, ...skills.diagnostics, ...agents.diagnostics);
    return {
      problems: [
        ...shape,
        ...modelProblems(root, known.providers, known.secrets, text),
        ...hiddenFlags(root, known.flags),
        ...(folder?.problems ?? []),
        ...mcp.problems,
        ...body.problems,
        ...skills.problems,
        ...agents.problems,
      ],
      value: () => {
        const file = v.parse(agentSchema, toJson(root));
        return planOf(file, body, { agents: agents.agents(file), skills: skills.skills, mcp }, source);
      },
    };
  });
  return withOthers(checked, others);
}

/** What is wrong with other files is told behind what is wrong with the agent file. */
function withOthers(checked: Checked<Plan>, diagnostics: Diagnostic[]): Checked<Plan> {
  if (!checked.ok) return { ok: false, diagnostics: [...checked.diagnostics, ...diagnostics] };
  const all = [...checked.warnings, ...diagnostics];
  return diagnostics.some(({ severity }) => severity === "error")
    ? { ok: false, diagnostics: all }
    : { ...checked, warnings: all };
}
