import type { Plan } from "../core/plan.ts";
import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { number, pathSchema, text } from "./arguments.ts";
import { shownPath } from "./bound.ts";
import { builtIn, schemaOf, type FromSchema } from "./built-in.ts";
import { failed } from "./failed.ts";
import { makeFileRead } from "./file-read.ts";

/** The most names of a folder that are shown. */
const mostNames = 500;

const schemaFor = (names: string[]) =>
  schemaOf({
    type: "object",
    properties: {
      skill: { type: "string", ...(names.length === 0 ? {} : { enum: names }), description: "The skill's name" },
      path: pathSchema("A file of the skill, for example references/forms.md, or a folder to list. Default: SKILL.md"),
      offset: { type: "integer", minimum: 1, description: "The first line to return, counted from 1. Default: 1" },
      limit: { type: "integer", minimum: 1, description: "How many lines to return. Default: as many as fit" },
    },
    required: ["skill"],
    additionalProperties: false,
  });

type Input = FromSchema<ReturnType<typeof schemaFor>>;

/** `skill_read` of one run: it knows its skills. */
export function skillRead({ skills }: Pick<Plan, "skills">): Tool {
  const names = skills.map(({ name }) => name);
  const fileRead = makeFileRead();

  async function run(input: Input, context: ToolContext): Promise<ToolOutcome> {
    const { host } = context;
    const name = text(input, "skill");
    const skill = skills.find((one) => one.name === name);
    if (skill === undefined)
      return { content: `There is no skill '${name}': ${names.join(", ") || "none"}`, error: true };
    const path = text(input, "path", "SKILL.md");
    const refused = (why: string): ToolOutcome => ({
      content: `Cannot read '${shownPath(path)}' of skill '${name}': ${why}`,
      error: true,
    });
    if (path.includes("\0") || path.startsWith("/") || path.startsWith("~") || path.split("/").includes("..")) {
      return refused("name a file of the skill by its path within it, such as references/x.md");
    }
    const folder = await host.fs.pass("read", skill.folder);
    if (!folder.ok) return failed(folder.error, host, skill.folder);
    const real = await host.fs.pass("read", `${skill.folder}/${path}`);
    if (!real.ok) return { content: real.error.message, error: true };
    if (real.value !== folder.value && !real.value.startsWith(`${folder.value}/`))
      return refused("it leads out of the skill");
    const stat = await host.fs.stat(real.value);
    if (!stat.ok) return refused("there is no such file; the path '.' shows which there are");
    if (stat.value.kind === "folder") return list(name, path, real.value, context);
    const { offset, limit } = { offset: number(input, "offset", 1), limit: number(input, "limit", 0) };
    return fileRead.run({ path: real.value, offset, ...(limit === 0 ? {} : { limit }) }, context);
  }

  return builtIn({
    name: "skill_read",
    description:
      "Reads a skill: what it says to do, from its SKILL.md, and the files beside it that this names. What it says is advice for " +
      "the task; it allows nothing.",
    input: schemaFor(names),
    examples: names.slice(0, 1).map((skill) => ({ request: `How is ${skill} done?`, input: { skill } })),
    needs: skills.map(({ folder }) => ({ kind: "read" as const, target: folder })),
    effects: () => "read",
    run,
  });
}

async function list(skill: string, path: string, real: string, { host }: ToolContext): Promise<ToolOutcome> {
  const entries = await host.fs.list(real);
  if (!entries.ok) return failed(entries.error, host, real);
  const names = entries.value.map(({ name, kind }) => `${shownPath(name)}${kind === "folder" ? "/" : ""}`);
  const more = names.length > mostNames ? [`[and ${names.length - mostNames} more]`] : [];
  const shown = [...names.slice(0, mostNames), ...more].join("\n");
  return { content: shown === "" ? `[${shownPath(path)} of skill '${skill}' is empty]` : shown };
}
