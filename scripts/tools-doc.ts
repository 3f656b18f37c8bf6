/** Writes docs/tools.md: every tool that rein brings, from the tables that the model is told of them by. */
import { isJsonObject, type Json, type JsonObject, type JsonSchema } from "../src/core/json.ts";
import { validate } from "../src/core/json-schema.ts";
import type { Need } from "../src/core/permission.ts";
import type { Effects, Tool } from "../src/core/tool.ts";
import { plainCalls } from "../src/app/tool-list.ts";
import { loadTools, toolNames } from "../src/tools/index.ts";

/** The page, whole. A test compares it with the file. */
export async function toolsPage(): Promise<string> {
  const tools = await loadTools(toolNames);
  return `${[intro, ...tools.map(section)].join("\n")}`;
}

const intro = `# Tools

<!-- Written by scripts/tools-doc.ts from the tools of src/tools/index.ts. -->

What an agent may name under \`tools:\`. The words are those that the model reads; where a tool depends on the agent file (its
sub-agents, skills, sign-ins), the model is also told which there are. \`rein tools\` prints the list,
\`rein tools call NAME --input '{…}'\` calls one by hand. Unknown arguments, and those that do not fit, are refused before the tool runs.

_Effects_ are what a call does to the world. Neighbouring calls of a turn that are \`none\` or \`read\` run side by side; a \`write\`
or \`external\` call waits for all before it and holds all after it. _Needs_ are the permissions without which the tool can do
nothing ([reference.md](reference.md#permissions)); which files, hosts or programs a call may reach is judged call by call.
`;

function section(tool: Tool): string {
  const rows = argumentsOf(tool.input).map(({ path, schema, required }) => {
    const about = [text(schema["description"]), bounds(schema)].filter((part) => part !== "").join(". ");
    return `| \`${path}\` | ${typeOf(schema)} | ${required ? "yes" : ""} | ${cell(about)} |`;
  });
  const examples = (tool.examples ?? []).map(({ request, input }) => `- ${request}: \`${JSON.stringify(input)}\``);
  return [
    `## ${tool.name}\n`,
    `${tool.description}\n`,
    `Effects: ${effectsOf(tool)}. Needs: ${tool.needs.map(need).join(", ") || "nothing"}.\n`,
    "| argument | type | required | |",
    "|---|---|---|---|",
    ...rows,
    "",
    ...(examples.length === 0 ? [] : ["Examples:\n", ...examples, ""]),
  ].join("\n");
}

function need({ kind, target }: Need): string {
  return target === undefined ? `\`${kind}\`` : `\`${kind}: ${target}\``;
}

/** What calls do: one word, or which arguments make it another. */
function effectsOf(tool: Tool): string {
  const values = valuesOf(tool.input);
  const required = Array.isArray(tool.input["required"]) ? tool.input["required"] : [];
  const [plain = {}] = plainCalls(tool.input);
  const effects = (given: JsonObject) => tool.effects({ ...plain, ...given });
  // An argument that every call has and that says what the call is: without it there is no call to judge.
  const kind = values.find(
    ({ name, choices }) =>
      choices && required.includes(name) && new Set(choices.map((value) => effects({ [name]: value }))).size > 1,
  );
  const bases: JsonObject[] = kind === undefined ? [{}] : kind.values.map((value) => ({ [kind.name]: value }));
  const found = new Map<Effects, string[]>();
  const add = (effect: Effects, given: JsonObject, shown: string[]) => {
    const words = Object.entries(given).map(([name, value]) => `\`${name}: ${String(value)}\``);
    found.set(effect, [...(found.get(effect) ?? []), [...words, ...shown].join(" and ")]);
  };
  if (kind !== undefined) for (const base of bases) add(effects(base), base, []);
  for (const { name, values: given, choices } of values.filter((one) => one !== kind)) {
    for (const value of given) {
      const shown = [`\`${choices ? `${name}: ${String(value)}` : name}\``];
      const outcomes = bases.map((base) => ({ base, effect: effects({ ...base, [name]: value }) }));
      const changed = outcomes.filter(({ base, effect }) => effect !== effects(base));
      const [first] = changed;
      if (first === undefined) continue;
      const whatever = outcomes.every(({ effect }) => effect === first.effect);
      if (whatever) add(first.effect, {}, shown);
      else for (const { base, effect } of changed) add(effect, base, shown);
    }
  }
  const others = [...found].map(([effect, when]) => `\`${effect}\` with ${when.join(", ")}`);
  return [...(kind === undefined ? [`\`${effects({})}\``] : []), ...others].join("; ");
}

/** Of each argument all its choices, or a value of its type. */
function valuesOf({ properties }: JsonSchema): Array<{ name: string; values: Json[]; choices: Json[] | undefined }> {
  const byType: Record<string, Json> = { string: "x", integer: 1, number: 1, boolean: true, list: [], object: {} };
  return Object.entries(isJsonObject(properties) ? properties : {}).map(([name, schema]) => {
    const choices = isJsonObject(schema) && Array.isArray(schema["enum"]) ? schema["enum"] : undefined;
    const value = byType[typeOf(schema).split(" ")[0] ?? ""];
    const fits = isJsonObject(schema) && value !== undefined && validate(schema, value).length === 0;
    return { name, choices, values: choices ?? (fits ? [value] : []) };
  });
}

type Argument = { path: string; schema: JsonObject; required: boolean };

/** The arguments of an object, those within its lists and objects below them. */
function argumentsOf({ properties, required }: JsonSchema, before = ""): Argument[] {
  if (!isJsonObject(properties)) return [];
  return Object.entries(properties).flatMap(([name, schema]) => {
    if (!isJsonObject(schema)) return [];
    const path = `${before}${name}`;
    const items = schema["items"];
    const must = Array.isArray(required) && required.includes(name);
    const below = isJsonObject(items) ? argumentsOf(items, `${path}[].`) : argumentsOf(schema, `${path}.`);
    return [{ path, schema, required: must }, ...below];
  });
}

function typeOf(schema: Json | undefined): string {
  if (!isJsonObject(schema)) return "any value";
  const type = Array.isArray(schema["type"]) ? schema["type"].join(" or ") : text(schema["type"]);
  if (type === "" && Array.isArray(schema["enum"])) return "string";
  if (type === "array") return `list of ${typeOf(schema["items"])}`;
  const values = schema["additionalProperties"];
  return type === "object" && isJsonObject(values) ? `object of ${typeOf(values)}` : type;
}

/** The limits of a value in words; empty where there are none. */
function bounds(schema: JsonObject): string {
  const { minimum, maximum, exclusiveMinimum, minLength, maxLength, minItems, maxItems } = schema;
  const choices = Array.isArray(schema["enum"]) ? schema["enum"].map((value) => `\`${String(value)}\``) : [];
  const range = (least: Json | undefined, most: Json | undefined, of: string): string => {
    if (least === undefined && most === undefined) return "";
    if (most === undefined) return `At least ${String(least)}${of}`;
    return least === undefined ? `At most ${String(most)}${of}` : `${String(least)} to ${String(most)}${of}`;
  };
  return [
    choices.length === 0 ? "" : `One of ${choices.join(", ")}`,
    range(minimum, maximum, ""),
    exclusiveMinimum === undefined ? "" : `More than ${String(exclusiveMinimum)}`,
    // That a text is not empty goes without saying.
    range(minLength === 1 ? undefined : minLength, maxLength, " characters"),
    range(minItems, maxItems, " items"),
  ]
    .filter((part) => part !== "")
    .join(". ");
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/** A bar or a line's end would end the cell, also within code. */
function cell(words: string): string {
  return words.replaceAll("|", "\\|").replaceAll("\n", " ");
}

if (import.meta.main) await Bun.write(new URL("../docs/tools.md", import.meta.url).pathname, await toolsPage());
