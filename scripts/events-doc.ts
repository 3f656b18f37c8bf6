/** Writes docs/events.md: every event of a run, from the types that the program is built to. */
import { join } from "node:path";
import { parseSync, Visitor, type Comment, type Program, type TSType, type TSTypeLiteral } from "oxc-parser";
import { eventVersion } from "../src/core/event.ts";
import { exits } from "../src/core/exit.ts";
import { permissionKinds } from "../src/core/permission.ts";

const core = join(import.meta.dir, "../src/core");

/** Names whose values are listed in the program, not in the type. */
const listed: Record<string, readonly string[]> = {
  OutcomeName: exits.map((exit) => exit.name),
  PermissionKind: permissionKinds,
};

/** The page, whole. A test compares it with the file. */
export async function eventsPage(): Promise<string> {
  const file = await read("event.ts");
  const named = new Set<string>();
  const section = (alias: string) => union(file, alias).map((event) => describeEvent(file, event, named));
  const durable = section("DurableEvent");
  const passing = section("PassingEvent");
  return [
    intro,
    "## Durable events\n\nIn the journal before anything follows from them.\n",
    ...durable,
    "## Passing events\n\nFor those who watch: not in the journal, joined or left out when a reader is slow.\n",
    ...passing,
    "## Types\n",
    ...(await describeTypes(file, named)),
  ].join("\n");
}

const intro = `# Events

<!-- Written by scripts/events-doc.ts from src/core/event.ts. -->

\`rein run --output jsonl\` prints what happens as it happens: one JSON object a line, an event each. The journal holds the same
events, the passing ones left out.

Every event has \`type\`, \`seq\` (its number within the run; numbers rise, some may be missing) and \`time\` (milliseconds since
1970). The first line carries \`version\`, which is ${eventVersion}; within a version fields are only added, so readers ignore what
they do not know. A field with \`?\` may be missing. An event of a sub-agent has \`agent_id\`: \`a1\`, or \`a1.a2\` for the second
that \`a1\` spawned; turns and ids of calls are counted in each agent by itself, and \`run_start\` and \`run_end\` stand around its
events. A reader that is only interested in the run itself leaves out what has an \`agent_id\`. The last line is a \`run_end\` with the result, the same document that \`--output json\` prints.
`;

type SourceFile = { source: string; program: Program; comments: Comment[] };

async function read(name: string): Promise<SourceFile> {
  const source = await Bun.file(join(core, name)).text();
  const { program, comments } = parseSync(name, source);
  return { source, program, comments };
}

/** The members of a union of object types. */
function union(file: SourceFile, alias: string): TSTypeLiteral[] {
  const type = declaration(file, alias)?.type;
  if (type?.type !== "TSUnionType") throw new Error(`'${alias}' is not a union`);
  return type.types.map((member) => {
    if (member.type !== "TSTypeLiteral") throw new Error(`'${alias}' has a member that is not an object type`);
    return member;
  });
}

/** A type's declaration: the type, and its text with the comment before it. */
function declaration(file: SourceFile, alias: string): { type: TSType; text: string } | undefined {
  for (const statement of file.program.body) {
    if (statement.type !== "ExportNamedDeclaration") continue;
    const declared = statement.declaration;
    if (declared?.type !== "TSTypeAliasDeclaration" || declared.id.name !== alias) continue;
    const doc = comment(file, statement.start);
    const text = file.source.slice(declared.start, declared.end);
    const start = doc === undefined ? text : `${file.source.slice(doc.start, doc.end)}\n${text}`;
    return { type: declared.typeAnnotation, text: start };
  }
  return undefined;
}

function describeEvent(file: SourceFile, event: TSTypeLiteral, named: Set<string>): string {
  let title = "";
  const rows: string[] = [];
  for (const member of event.members) {
    if (member.type !== "TSPropertySignature" || member.key.type !== "Identifier" || !member.typeAnnotation) {
      throw new Error(
        `An event has a member that is not a plain field: ${file.source.slice(member.start, member.end)}`,
      );
    }
    const type = member.typeAnnotation.typeAnnotation;
    const text = file.source.slice(type.start, type.end).replace(/\s+/g, " ");
    if (member.key.name === "type") title = JSON.parse(text);
    else {
      for (const name of references(file, type)) named.add(name);
      const field = `${member.key.name}${member.optional ? "?" : ""}`;
      rows.push(`| \`${field}\` | \`${text.replaceAll("|", "\\|")}\` | ${words(file, member.start)} |`);
    }
  }
  const table = ["| field | type | |", "|---|---|---|", ...rows];
  return [`### ${title}\n`, `${words(file, event.start)}\n`, ...(rows.length > 0 ? [...table, ""] : [])].join("\n");
}

/** The types that the events name, and those that these name, each as it is declared. */
async function describeTypes(file: SourceFile, named: Set<string>): Promise<string[]> {
  const blocks: string[] = [];
  const files = new Map<string, SourceFile>();
  for (const path of [...new Bun.Glob("*.ts").scanSync(core)].toSorted()) files.set(path, await read(path));
  const todo = [...named];
  for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
    const home = declaration(file, name) ? file : [...files.values()].find((other) => declaration(other, name ?? ""));
    const found = home && declaration(home, name);
    if (home === undefined || found === undefined) continue; // TypeScript's own.
    const values = listed[name];
    const text =
      values === undefined ? found.text : `type ${name} = ${values.map((value) => JSON.stringify(value)).join(" | ")}`;
    blocks.push(`### ${name}\n\n\`\`\`ts\n${text.replace(/;?$/, ";")}\n\`\`\`\n`);
    if (values !== undefined) continue;
    for (const reference of references(home, found.type)) {
      if (named.has(reference)) continue;
      named.add(reference);
      todo.push(reference);
    }
  }
  return blocks;
}

/** Names of the types within a type. */
function references(file: SourceFile, type: TSType): string[] {
  const names: string[] = [];
  new Visitor({
    TSTypeReference({ typeName, start }) {
      if (start >= type.start && start < type.end && typeName.type === "Identifier") names.push(typeName.name);
    },
  }).visit(file.program);
  return names;
}

/** The doc comment that ends right before an offset. */
function comment(file: SourceFile, offset: number): Comment | undefined {
  return file.comments.find(
    ({ type, value, end }) =>
      type === "Block" && value.startsWith("*") && end <= offset && /^[\s|]*$/.test(file.source.slice(end, offset)),
  );
}

/** A doc comment as one line of text. */
function words(file: SourceFile, offset: number): string {
  const value = comment(file, offset)?.value ?? "";
  return value
    .replace(/^\*|^\s*\* ?/gm, " ")
    .replace(/\s+/g, " ")
    .trim();
}

if (import.meta.main) await Bun.write(join(import.meta.dir, "../docs/events.md"), await eventsPage());
