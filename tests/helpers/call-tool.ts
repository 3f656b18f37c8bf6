import type { AgentDoor } from "../../src/core/agents.ts";
import type { Host } from "../../src/core/host.ts";
import type { JsonObject } from "../../src/core/json.ts";
import type { Picture } from "../../src/core/picture.ts";
import { validate } from "../../src/core/json-schema.ts";
import { testClock } from "./clock.ts";
import type { Tool, ToolContext, ToolOutcome } from "../../src/core/tool.ts";

/** What a tool drew. */
export type Drawn = { picture: Picture; text: string };

/** Calls a tool as the loop does: its input is validated first. `output` gets what it shows while it runs, `drawn` what it draws. */
export async function callTool(
  tool: Tool,
  input: JsonObject,
  {
    host,
    signal,
    clock,
    output,
    drawn,
    agents,
  }: {
    agents?: AgentDoor;
    host: Host;
    signal?: AbortSignal;
    clock?: ToolContext["clock"];
    output?: string[];
    drawn?: Drawn[];
  },
): Promise<ToolOutcome> {
  const problems = validate(tool.input, input);
  if (problems.length > 0) throw new Error(`the test's input is wrong: ${problems.join(", ")}`);
  const context = {
    host,
    signal: signal ?? new AbortController().signal,
    clock: clock ?? testClock(),
    output: (text: string) => void output?.push(text),
    draw: async (picture: Picture, text: string) => void drawn?.push({ picture, text }),
    ...(agents === undefined ? {} : { agents }),
  };
  return tool.run(input, context);
}
