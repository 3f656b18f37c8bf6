import type { OwnCommand } from "../chat/desk.ts";
import type { JsonObject } from "../core/json.ts";
import type { InputValues, Plan } from "../core/plan.ts";
import { expand } from "../core/template.ts";
import type { Io } from "./io.ts";

/** The commands of an agent file, for who talks with it. */
export function ownCommands({ commands = {}, env }: Plan, io: Io, input: InputValues): OwnCommand[] {
  const values: JsonObject = {};
  for (const name of env) {
    const value = io.env[name];
    if (value !== undefined) values[name] = value;
  }
  return Object.entries(commands).map(([name, { description = "", prompt }]) => {
    const takes = prompt.some((piece) => "path" in piece && piece.path[0] === "args");
    return {
      name,
      description,
      words: takes ? "WORDS" : "",
      fill(args) {
        if (!takes && args !== "") return { ok: false, error: `'/${name}' takes nothing behind it` };
        const filled = expand(prompt, { args, input, env: values, run: { id: "" } });
        return filled.ok ? filled : { ok: false, error: filled.error.message };
      },
    };
  });
}
