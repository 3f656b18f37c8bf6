import { agentJsonSchema } from "../file/json-schema.ts";
import { known } from "../app/known.ts";
import type { Handler } from "./command.ts";

/** Prints the JSON Schema of agent files. */
export const schemaCommand: Handler = async (_args, io) => {
  await io.stdout.write(`${JSON.stringify(agentJsonSchema(known.tools.map(({ name }) => name)), undefined, 2)}\n`);
  return 0;
};
