import { toJsonSchema } from "@valibot/to-json-schema";
import { isJsonObject, type Json, type JsonObject, type JsonSchema } from "../core/json.ts";
import { agentSchema } from "./schema.ts";

/**
 * The JSON Schema of agent files, for editors; it offers the tools by name. A file of its own, so that only `rein schema` loads
 * the converter. Titles are left out: they are words for messages, and an editor would show them as headings.
 */
export function agentJsonSchema(tools: readonly string[]): JsonSchema {
  const converted: Json = JSON.parse(
    JSON.stringify(
      toJsonSchema(agentSchema, {
        typeMode: "input",
        target: "draft-07",
        ignoreActions: ["title", "check"],
        overrideSchema: ({ valibotSchema }) => (valibotSchema.type === "custom" ? {} : undefined),
      }),
    ),
  );
  const schema = objectOf(converted);
  const properties = objectOf(schema["properties"]);
  const list = objectOf(properties["tools"]);
  const own = alternatives(list["items"]).filter((item) => item["type"] !== "string");
  const names = { type: "string", enum: [...tools] };
  return {
    ...schema,
    title: "rein agent file",
    properties: {
      ...properties,
      tools: {
        ...list,
        items: { anyOf: [names, { type: "string" }, ...own] },
        uniqueItems: true,
      },
    },
    anyOf: [{ required: ["instructions"] }, { required: ["prompt"] }],
    // Where there is a tools folder, an editor does not know all names.
    if: { required: ["tools_dir"] },
    else: { properties: { tools: { items: { anyOf: [names, { type: "object" }] } } } },
  };
}

function alternatives(items: Json | undefined): JsonObject[] {
  const { anyOf } = objectOf(items);
  return Array.isArray(anyOf) ? anyOf.map(objectOf) : [];
}

function objectOf(value: Json | undefined): JsonObject {
  if (isJsonObject(value)) return value;
  throw new Error("The schema of agent files was not converted to a JSON object");
}
