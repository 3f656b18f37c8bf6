import * as valibot from "valibot-whole";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { DescribedExport } from "../core/module-protocol.ts";
import { destructured } from "./parameters.ts";

/** What a module's tool gets beside its arguments. */
export type ModuleContext = {
  /** Shows a piece of output while the tool runs. */
  output(text: string): void;
  /** Aborts when the call is to stop. */
  signal: AbortSignal;
};

/** What a module gives to `tool()`. It is the user's: nothing of it is sure. */
type Definition = Record<string, unknown>;

/** A tool as the worker calls it. The result is any value; what it throws is an error that the model reads. */
export type LoadedTool = {
  described: DescribedExport;
  call(input: JsonObject, context: ModuleContext): Promise<unknown>;
};

/** The tools that `tool()` made, with the places of these calls. */
const places = new WeakMap<object, { line: number; column: number }>();

/** `rein/tool`: marks an export as a tool, and remembers where it is written. */
export function tool(definition: Definition): Definition {
  const at = /:(\d+):(\d+)\)?$/.exec(new Error().stack?.split("\n")[2] ?? "");
  places.set(definition, { line: Number(at?.[1] ?? 1), column: Number(at?.[2] ?? 1) });
  return definition;
}

/** The tools among the exports of a module, in the order in which they are written. */
export async function toolsOf(exports: Record<string, unknown>): Promise<LoadedTool[]> {
  const found = Object.entries(exports).flatMap(([name, value]) => {
    const place = typeof value === "object" && value !== null ? places.get(value) : undefined;
    return place === undefined || !isDefinition(value) ? [] : [{ name, value, place }];
  });
  found.sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
  return Promise.all(found.map(({ name, value, place }) => loaded(name, value, place)));
}

async function loaded(
  name: string,
  definition: Definition,
  place: { line: number; column: number },
): Promise<LoadedTool> {
  const { run, input, ...rest } = definition;
  const schema = isValibot(input) ? await jsonSchemaOf(input) : input;
  const described = {
    export: name,
    definition: plain({ ...rest, input: schema, run: typeof run === "function" ? "function" : undefined }),
    ...place,
    parameters: typeof run === "function" ? destructured(run.toString()) : null,
  };
  return {
    described,
    call: async (given, context) => {
      if (typeof run !== "function") throw new Error("it has no 'run'");
      return run.call(definition, isValibot(input) ? await parsed(input, given) : given, context);
    },
  };
}

function isDefinition(value: unknown): value is Definition {
  return typeof value === "object" && value !== null;
}

type ValibotSchema = Parameters<typeof valibot.safeParse>[0];

function isValibot(value: unknown): value is ValibotSchema {
  return (
    typeof value === "object" && value !== null && "kind" in value && value.kind === "schema" && "~standard" in value
  );
}

/** What goes into the schema, as JSON Schema; what that cannot say is judged when the tool is called. */
async function jsonSchemaOf(schema: ValibotSchema): Promise<Json> {
  const { toJsonSchema } = await import("@valibot/to-json-schema");
  const converted = plain(toJsonSchema(schema, { typeMode: "input", errorMode: "ignore" }));
  if (isJsonObject(converted)) delete converted["$schema"];
  return converted;
}

async function parsed(schema: ValibotSchema, input: JsonObject): Promise<unknown> {
  const result = await valibot.safeParseAsync(schema, input);
  if (result.success) return result.output;
  const problems = result.issues.map((issue) => `${valibot.getDotPath(issue) ?? "the value"}: ${issue.message}`);
  throw new Error(`the arguments do not fit: ${problems.join("; ")}`);
}

/** A value as JSON has it. */
function plain(value: unknown): Json {
  const text = JSON.stringify(value);
  return text === undefined ? null : JSON.parse(text);
}
