import { toJsonSchema } from "@valibot/to-json-schema";
import { isJsonObject, type Json, type JsonSchema } from "../core/json.ts";
import { agentSchema } from "./schema.ts";

/** The JSON Schema of agent files, for editors. A file of its own, so that only `rein schema` loads the converter. */
export function agentJsonSchema(): JsonSchema {
  const schema = toJsonSchema(agentSchema, {
    typeMode: "input",
    target: "draft-07",
    errorMode: "ignore",
    overrideSchema: ({ valibotSchema }) => (valibotSchema.type === "custom" ? {} : undefined),
  });
  const json: Json = JSON.parse(JSON.stringify(schema));
  if (!isJsonObject(json)) throw new Error("The schema of agent files is not a JSON object");
  return {
    ...json,
    $id: "https://rein.invalid/agent.schema.json",
    title: "rein agent file",
    anyOf: [{ required: ["instructions"] }, { required: ["prompt"] }],
  };
}
