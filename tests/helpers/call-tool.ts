import type { Host } from "../../src/core/host.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { validate } from "../../src/core/json-schema.ts";
import { testClock } from "./clock.ts";
import type { Tool, ToolContext, ToolOutcome } from "../../src/core/tool.ts";

/** Calls a tool as the loop does: its input is validated first. `output` gets what it shows while it runs. */
export async function callTool(
  tool: Tool,
  input: JsonObject,
  { host, signal, clock, output }: { host: Host; signal?: AbortSignal; clock?: ToolContext["clock"]; output?: string[] },
): Promise<ToolOutcome> {
  const problems = validate(tool.input, input);
  if (problems.length > 0) throw new Error(`the test's input is wrong: ${problems.join(", ")}`);
  const context = {
    host,
    signal: signal ?? new AbortController().signal,
    clock: clock ?? testClock(),
    output: (text: string) => void output?.push(text),
  };
  return tool.run(input, context);
}
