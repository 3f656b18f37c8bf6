import type { Person } from "../core/host.ts";
import { validate } from "../core/json-schema.ts";
import { isJsonObject, type Json, type JsonObject, type JsonSchema } from "../core/json.ts";
import type { Answers } from "../mcp/answers.ts";

/** How often a line that does not fit is asked for. */
const mostTries = 3;

/** Puts what a server asks to the person at the terminal, field by field. What it asks is said to be of the server. */
export function askPerson(
  server: string,
  { tell, line }: Pick<Person, "tell" | "line">,
): NonNullable<Answers["elicitation"]> | undefined {
  if (line === undefined) return undefined;
  return async (message, schema, signal) => {
    await tell(`The MCP server '${server}' asks: ${message}`);
    const answer = await line("Answer it? [y/N]", signal);
    if (answer === undefined || signal.aborted) return "cancelled";
    if (!/^y(es)?$/i.test(answer.trim())) return "declined";
    const { properties, required } = schema;
    const content: JsonObject = {};
    for (const [name, field] of Object.entries(isJsonObject(properties) ? properties : {})) {
      const needed = Array.isArray(required) && required.includes(name);
      const given = await fieldOf(name, isJsonObject(field) ? field : {}, needed, { tell, line }, signal);
      if (given === "cancelled") return given;
      if (given !== undefined) content[name] = given;
    }
    return content;
  };
}

/** One value; undefined where it is left out. */
async function fieldOf(
  name: string,
  schema: JsonSchema,
  needed: boolean,
  { tell, line }: Required<Pick<Person, "tell" | "line">>,
  signal: AbortSignal,
): Promise<Json | undefined | "cancelled"> {
  const preset = schema["default"];
  for (let tries = 0; tries < mostTries; tries++) {
    const typed = await line(questionFor(name, schema, needed), signal);
    if (typed === undefined || signal.aborted) return "cancelled";
    const text = typed.trim();
    if (text === "" && (preset !== undefined || !needed)) return preset;
    const value = valueOf(text, schema);
    const problems = validate(schema, value);
    if (problems.length === 0) return value;
    await tell(problems.join("; "));
  }
  return "cancelled";
}

function questionFor(name: string, schema: JsonSchema, needed: boolean): string {
  const title = typeof schema["title"] === "string" ? schema["title"] : name;
  const about = [
    ...(typeof schema["description"] === "string" ? [schema["description"]] : []),
    ...choicesOf(schema).map((choices) => `one of ${choices.join(", ")}`),
    ...(schema["type"] === "boolean" ? ["yes or no"] : []),
    ...(schema["type"] === "array" ? ["several with ','"] : []),
    ...(schema["default"] === undefined
      ? needed
        ? []
        : ["may be empty"]
      : [`default ${JSON.stringify(schema["default"])}`]),
  ];
  return `${title}${about.length === 0 ? "" : ` (${about.join("; ")})`}:`;
}

/** The values that can be chosen, as a list of at most one list. */
function choicesOf(schema: JsonSchema): string[][] {
  const items = schema["items"];
  const given =
    schema["enum"] ?? schema["oneOf"] ?? (isJsonObject(items) ? (items["enum"] ?? items["anyOf"]) : undefined);
  if (!Array.isArray(given)) return [];
  return [given.map((one) => String(isJsonObject(one) ? one["const"] : one))];
}

function valueOf(text: string, schema: JsonSchema): Json {
  switch (schema["type"]) {
    case "number":
    case "integer":
      return text === "" || Number.isNaN(Number(text)) ? text : Number(text);
    case "boolean":
      return /^(y|yes|true)$/i.test(text) ? true : /^(n|no|false)$/i.test(text) ? false : text;
    case "array":
      return text === "" ? [] : text.split(",").map((one) => one.trim());
    default:
      return text;
  }
}
