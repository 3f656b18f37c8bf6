import { serverLanguages, type LanguageServers } from "../core/language-server.ts";
import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { pathSchema } from "./arguments.ts";
import { builtIn, schemaOf, type BuiltIn, type FromSchema } from "./built-in.ts";
import type { Servers } from "./lsp-servers.ts";

const schema = schemaOf({
  type: "object",
  properties: {
    operation: {
      type: "string",
      enum: ["definition", "references", "hover", "document_symbols", "workspace_symbols", "diagnostics", "rename"],
      description:
        "definition: where it is defined. references: all its uses. hover: its type and documentation. " +
        "document_symbols: outline of a file. workspace_symbols: finds symbols by name. diagnostics: errors of a file. " +
        "rename: a diff that renames it everywhere",
    },
    path: pathSchema("The file, for example src/main.ts. Needed by all but workspace_symbols"),
    line: { type: "integer", minimum: 1, description: "The line of the name, counted from 1" },
    symbol: {
      type: "string",
      minLength: 1,
      maxLength: 1000,
      description: "The name itself, as it stands on that line. Without line its first use in the file is meant",
    },
    column: {
      type: "integer",
      minimum: 1,
      description: "Instead of symbol: its column in characters, counted from 1",
    },
    query: {
      type: "string",
      minLength: 1,
      maxLength: 1000,
      description: "workspace_symbols: a name, or a part of it",
    },
    language: {
      type: "string",
      enum: [...serverLanguages],
      description: "workspace_symbols: the language, where no path is given. JavaScript is typescript",
    },
    new_name: { type: "string", minLength: 1, maxLength: 1000, description: "rename: the new name" },
    timeout: {
      type: "integer",
      minimum: 1,
      maximum: 600,
      description: "Seconds to wait for the answer. Default: 60",
    },
  },
  required: ["operation"],
  additionalProperties: false,
});

export type Input = FromSchema<typeof schema>;

/** `lsp_integration` of one run, which its language servers end with. `commands` are those that the agent file names. */
export function lspIntegration(commands: LanguageServers): Tool {
  let opened: Promise<Servers> | undefined;
  const open = () => (opened ??= import("./lsp-servers.ts").then(({ openServers }) => openServers(commands)));
  return builtIn({ ...definition, run: async (input, context) => run(input, context, await open()) });
}

const definition: Omit<BuiltIn<typeof schema>, "run"> = {
  name: "lsp_integration",
  description:
    "Asks a language server about code in TypeScript, JavaScript, Python, Go or Rust: where a name is defined and used, its type " +
    "and documentation, the symbols of a file or project, the errors of a file, and how to rename something everywhere. " +
    "The answers are as exact as those of a compiler. Name a place by path, line and symbol. The first call may take a while. " +
    "rename writes nothing: it answers with a diff, which you then apply.",
  input: schema,
  examples: [
    {
      request: "Where is area, which is used on line 12 of src/main.py, defined?",
      input: { operation: "definition", path: "src/main.py", line: 12, symbol: "area" },
    },
    { request: "Does src/app.ts have errors?", input: { operation: "diagnostics", path: "src/app.ts" } },
    {
      request: "Find the class Shape",
      input: { operation: "workspace_symbols", query: "Shape", language: "typescript" },
    },
  ],
  needs: [{ kind: "run" }, { kind: "read" }],
  effects: () => "read",
};

async function run(input: Input, context: ToolContext, servers: Servers): Promise<ToolOutcome> {
  const { runLsp } = await import("./lsp-run.ts");
  return runLsp(input, context, servers);
}
