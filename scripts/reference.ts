/** Writes docs/reference.md: every key of an agent file, from the schema that judges it. */
import * as v from "valibot";
import { Document, visit } from "yaml";
import { agentSchema, laterKeys } from "../src/file/schema.ts";
import { scriptSchema } from "../src/file/script-schema.ts";

type Entries = Record<string, v.GenericSchema>;

/** The page, whole. A test compares it with the file. */
export function referencePage(): string {
  const sections = Object.entries(agentSchema.entries).map(([key, entry]) => section(key, entry));
  return `${intro}\n${sections.join("\n")}\n${later()}\n${script()}`;
}

const intro = `# The agent file

<!-- Written by scripts/reference.ts from src/file/schema.ts. -->

An agent is one YAML 1.2 file. Its keys are below, in the order that reads best. No key is required, but a file has
\`instructions\`, a \`prompt\` or both. Unknown keys are errors. Anchors, aliases and merge keys (\`<<\`) work; custom tags do not.
\`rein check FILE\` tells all that is wrong with a file; \`rein schema\` prints this as JSON Schema for editors.

\`\${{ … }}\` in \`instructions\` and \`prompt\` is filled before the run: \`\${{ input.NAME }}\`, \`\${{ env.NAME }}\` and
\`\${{ run.id }}\`. Text goes in as it is, other values as JSON. What was put in is data and is never expanded again.
\`$\${{\` is \`\${{\` itself.
`;

function section(key: string, given: v.GenericSchema): string {
  const schema = unwrap(given);
  const lines = [`## ${key}`, "", v.getDescription(schema) ?? "", "", `Value: ${value(schema, given)}.`];
  const entries = entriesBelow(schema);
  if (entries !== undefined) lines.push("", ...table(entries));
  const example = exampleOf(schema);
  if (example !== undefined) lines.push("", "```yaml", yaml({ [key]: example }, false), "```");
  return `${lines.join("\n")}\n`;
}

function value(schema: v.GenericSchema, given: v.GenericSchema): string {
  const preset = defaultOf(given);
  return `${v.getTitle(schema) ?? "any value"}${preset === "" ? "" : `; default ${preset}`}`;
}

function table(entries: Entries): string[] {
  const rows = Object.entries(entries).map(([key, given]) => {
    const schema = unwrap(given);
    const example = exampleOf(schema);
    const shown = example === undefined ? "" : ` Example: \`${yaml(example, true)}\``;
    const required = given === schema ? " Required." : "";
    return `| \`${key}\` | ${v.getTitle(schema) ?? "any value"} | ${defaultOf(given)} | ${cell(`${v.getDescription(schema) ?? ""}${required}${shown}`)} |`;
  });
  return ["| key | value | default | |", "|---|---|---|---|", ...rows];
}

/** The keys of a map, or of the maps that a list or a map of any names holds. */
function entriesBelow(schema: v.GenericSchema): Entries | undefined {
  if ("entries" in schema && isEntries(schema.entries)) {
    const rest = "rest" in schema && isSchema(schema.rest) ? entriesBelow(schema.rest) : undefined;
    return { ...schema.entries, ...rest };
  }
  if ("item" in schema && isSchema(schema.item)) return entriesBelow(schema.item);
  if (schema.type === "union" && "options" in schema && Array.isArray(schema.options)) {
    for (const option of schema.options.filter(isSchema)) {
      const below = entriesBelow(option);
      if (below !== undefined) return below;
    }
  }
  if (schema.type === "record" && "value" in schema && isSchema(schema.value)) return entriesBelow(schema.value);
  return undefined;
}

function unwrap(schema: v.GenericSchema): v.GenericSchema {
  return "wrapped" in schema && isSchema(schema.wrapped) ? schema.wrapped : schema;
}

/** A default worth a word: an empty list or map is what nobody doubts. */
function defaultOf(schema: v.GenericSchema): string {
  const preset = "default" in schema ? schema.default : undefined;
  return preset === undefined || (Object.keys(Object(preset)).length === 0 && typeof preset === "object")
    ? ""
    : `\`${String(preset)}\``;
}

function isSchema(given: unknown): given is v.GenericSchema {
  return typeof given === "object" && given !== null && "kind" in given && given.kind === "schema";
}

function isEntries(given: unknown): given is Entries {
  return typeof given === "object" && given !== null && Object.values(given).every(isSchema);
}

function exampleOf(schema: v.GenericSchema): unknown {
  const examples: readonly unknown[] = v.getExamples(schema);
  return examples[0];
}

/** A bar would end the cell, also within code. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** A value in one line, or as a map of which each key is one. */
function yaml(example: unknown, inline: boolean): string {
  const document = new Document(example);
  visit(document, {
    Collection(_, node) {
      if (inline || node !== document.contents) node.flow = true;
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: false }).trimEnd();
}

function later(): string {
  const names = Object.entries(laterKeys).flatMap(([path, keys]) =>
    keys.map((key) => `\`${path === "" ? key : `${path}.${key}`}\``),
  );
  return `## Later\n\nThese keys have their names already and are refused until they work: ${names.join(", ")}.\n`;
}

function script(): string {
  const step = entriesBelow(scriptSchema) ?? {};
  const tables = ["calls", "usage", "failure"].flatMap((key) => {
    const inner = step[key] === undefined ? undefined : entriesBelow(unwrap(step[key]));
    return inner === undefined ? [] : ["", `In \`${key}\`:`, "", ...table(inner)];
  });
  return `${[scriptIntro, ...table(step), ...tables].join("\n")}\n`;
}

const scriptIntro = `## Scripts

The model \`scripted/FILE\` is no model: it says what a YAML file says, and costs nothing. The file is a list of answers, one for
each request of a run. For an agent with sub-agents that have their model from it, it is a map: \`answers\` has the agent's own, and
\`agents\` a list for each sub-agent by its name (\`name/name\` for one that a sub-agent spawns), which begins anew with each run of it.

\`\`\`yaml
- calls:
    - name: file_read
      arguments: { path: notes.txt }
- text: "The notes say: \${{ results.last }}"
\`\`\`
`;

if (import.meta.main) await Bun.write(new URL("../docs/reference.md", import.meta.url).pathname, referencePage());
