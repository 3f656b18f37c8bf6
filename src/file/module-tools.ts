import * as v from "valibot";
import type { Diagnostic } from "../core/diagnostic.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import { nearest } from "../core/nearest.ts";
import type { ModuleTool } from "../core/planned-tool.ts";
import type { Result } from "../core/result.ts";
import { durationPattern, milliseconds } from "./duration.ts";
import type { Node } from "./node.ts";
import { quote } from "./node.ts";
import { jsonSchemaProblems } from "./output-schema.ts";
import { wrongRule } from "./rules.ts";
import { toolNamePattern } from "./tool-schema.ts";
import type { ModuleFile } from "./tools-folder.ts";

/** A module's tool, and how to tell what is wrong with it at its place. */
type Placed = { tool: ModuleTool; wrong(message: string): Diagnostic };

/** What the code of a module is believed: the shape of each part is judged here. */
const exportsSchema = v.array(
  v.object({
    export: v.string(),
    definition: v.custom<JsonObject>(isJsonObject),
    line: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
    column: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
    parameters: v.nullable(v.array(v.string())),
  }),
);

const text = (what: string) => v.pipe(v.string(`'${what}' must be text`), v.minLength(1, `'${what}' cannot be empty`));
const names = (kind: "env" | "net") =>
  v.optional(
    v.array(
      v.pipe(
        v.string(`'permissions.${kind}' must be a list of names`),
        v.check(
          (name) =>
            wrongRule(kind, kind === "env" ? name.replace(/\?$/, "") : name) === undefined && !/[*/]/.test(name),
          `'permissions.${kind}' must be a list of single names`,
        ),
      ),
      `'permissions.${kind}' must be a list of names`,
    ),
  );

/** `tool({ … })` as it came out of the module. */
const definitionSchema = v.strictObject(
  {
    name: v.pipe(
      text("name"),
      v.regex(toolNamePattern, "'name' must be at most 64 letters, digits, '_' and '-', and start with a letter"),
    ),
    description: text("description"),
    input: v.optional(v.custom<JsonObject>(isJsonObject, "'input' must be a valibot schema or a JSON Schema"), {
      type: "object",
      properties: {},
      additionalProperties: false,
    }),
    effects: v.optional(
      v.picklist(["none", "read", "write", "external"], "'effects' must be 'none', 'read', 'write' or 'external'"),
      "external",
    ),
    timeout: v.optional(
      v.pipe(
        v.string("'timeout' must be a duration such as '30s'"),
        v.regex(durationPattern, "'timeout' must be a duration such as '30s'"),
      ),
      "2m",
    ),
    permissions: v.optional(
      v.strictObject(
        { env: names("env"), net: names("net") },
        (issue) => `'permissions' has ${issue.received}, expected { env, net }`,
      ),
      {},
    ),
    run: v.literal("function", "'run' must be a function"),
  },
  (issue) =>
    issue.expected === "never"
      ? `unknown property ${issue.path?.at(-1)?.key === undefined ? "" : quote(String(issue.path.at(-1)?.key))}`
      : `${issue.expected?.replaceAll('"', "'") ?? "a property"} is missing`,
);

/** The tools of a module that was loaded, and what is wrong with each, at the place where it is made. */
export function moduleTools(module: ModuleFile, loaded: Result<Json, string>): Array<Result<Placed, Diagnostic>> {
  const at = (line: number, column: number) => (message: string, hint?: string) =>
    placed(module, line, column, message, hint);
  const first = at(1, 1);
  if (!loaded.ok) return [{ ok: false, error: first(`Cannot load the module: ${loaded.error}`) }];
  const exports = v.safeParse(exportsSchema, loaded.value);
  if (!exports.success) return [{ ok: false, error: first("Cannot load the module: it answered with garbage") }];
  if (exports.output.length === 0) {
    const hint =
      "write 'export default tool({ … })', with tool from 'rein/tool'; a file that begins with '_' is skipped";
    return [{ ok: false, error: first("The module exports no tool", hint) }];
  }
  return exports.output.flatMap((one): Array<Result<Placed, Diagnostic>> => {
    const wrong = at(one.line, one.column);
    const definition = v.safeParse(definitionSchema, one.definition);
    if (!definition.success)
      return definition.issues.map(({ message }) => ({ ok: false, error: wrong(`Wrong tool: ${message}`) }));
    const { name, timeout, permissions, description, input, effects } = definition.output;
    const rest = { description, input, effects };
    const problems = [...schemaProblems(rest.input), ...parameterProblems(rest.input, one.parameters)];
    if (problems.length > 0) {
      return problems.map(({ message, hint }) => ({ ok: false, error: wrong(`Tool '${name}': ${message}`, hint) }));
    }
    const { env, net } = permissions;
    const tool: ModuleTool = {
      kind: "module",
      ...rest,
      name,
      timeout: milliseconds(timeout),
      origin: module.file,
      permissions: { ...(env === undefined ? {} : { env }), ...(net === undefined ? {} : { net }) },
      module: module.path,
      export: one.export,
    };
    return [{ ok: true, value: { tool, wrong } }];
  });
}

function schemaProblems(input: JsonObject): Array<{ message: string; hint?: string | undefined }> {
  if (input["type"] !== "object")
    return [{ message: "its input is an object", hint: 'the schema needs type: "object"' }];
  return jsonSchemaProblems(nodeOf(input)).filter(({ severity }) => severity !== "warning");
}

/** The parameters that `run` takes out of its input, against those that the schema knows. */
function parameterProblems(
  input: JsonObject,
  parameters: string[] | null,
): Array<{ message: string; hint?: string | undefined }> {
  const properties = isJsonObject(input["properties"]) ? Object.keys(input["properties"]) : [];
  if (parameters === null) return [];
  const unknown = parameters.filter((name) => !properties.includes(name));
  const unused = properties.filter((name) => !parameters.includes(name));
  return [
    ...unknown.map((name) => {
      const close = nearest(name, unused);
      return {
        message: `'run' takes ${quote(name)}, which the schema does not know`,
        hint: close && `did you mean '${close}'?`,
      };
    }),
    ...unused.map((name) => ({ message: `the schema has ${quote(name)}, which 'run' does not take` })),
  ];
}

/** A JSON value as a node without a place. */
function nodeOf(value: Json): Node {
  const place = { at: [0, 0], text: [0, 0], size: 1 } as const;
  if (value === null) return { ...place, kind: "nothing" };
  if (typeof value === "string") return { ...place, kind: "text", value };
  if (typeof value === "number") return { ...place, kind: "number", value };
  if (typeof value === "boolean") return { ...place, kind: "boolean", value };
  if (Array.isArray(value)) return { ...place, kind: "list", items: value.map(nodeOf) };
  const entries = Object.entries(value).map(([key, entry]) => [key, { key: place.at, value: nodeOf(entry) }] as const);
  return { ...place, kind: "map", entries: new Map(entries) };
}

function placed(
  module: ModuleFile,
  line: number,
  column: number,
  message: string,
  hint: string | undefined,
): Diagnostic {
  const source = module.text.split("\n", line)[line - 1]?.replace(/\r$/, "") ?? "";
  const marked = source.slice(column - 1);
  const width = Math.max(1, /^[\w.]*/.exec(marked)?.[0].length ?? 1);
  return {
    code: "wrong_value",
    severity: "error",
    message,
    ...(hint === undefined ? {} : { hint }),
    file: module.file,
    line,
    column,
    width,
    source,
  };
}
