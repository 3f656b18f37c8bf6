import { pinOf } from "../core/mcp-pin.ts";
import type { McpTool } from "../core/planned-tool.ts";
import type { Plan } from "../core/plan.ts";
import type { Problem } from "../core/problem.ts";
import type { Tool } from "../core/tool.ts";
import type { Named } from "../mcp/picks.ts";
import type { Servers } from "../mcp/servers.ts";
import { toolNames } from "../tools/index.ts";
import { pinDifference } from "./mcp-pins.ts";

/** A run's servers, all of which have started or failed, and the tools that it has without them. */
type Ready = { plan: Plan; own: readonly Tool[]; servers: Servers; warn(message: string): void };

/** A server whose tools are not those that are pinned. */
export async function changedPins({ plan, servers }: Ready): Promise<Problem | undefined> {
  for (const { name, pin } of plan.mcp) {
    if (pin === undefined || !isReady(servers, name)) continue;
    const now = pinOf(pin.file, servers.listed(name));
    if (now.hash === pin.hash) continue;
    const difference = await pinDifference(pin, now);
    const message = `The tools of the MCP server '${name}' are not those that '${pin.file}' pins:\n${difference}`;
    // Also of a server that a run can do without: what it says now nobody has read.
    return { outcome: "missing", message, hint: `look at what changed, then run 'rein mcp pin ${plan.file}'` };
  }
  return undefined;
}

/** A tool that the file names and its server has not; of a server that a run can do without it is a warning. */
export function missingTools({ plan, servers, warn }: Ready): Problem | undefined {
  for (const { name, required } of plan.mcp) {
    if (!isReady(servers, name)) continue;
    const own = plan.tools.filter((tool): tool is McpTool => tool.kind === "mcp" && tool.server === name);
    const absent = own.filter(({ tool }) => servers.door.facts(name, tool) === undefined);
    const missing = [
      ...servers.unmatched(name).map(({ pick, near }) => ({ tool: pick.name, near })),
      ...absent.map(({ tool }) => ({ tool, near: undefined })),
    ];
    for (const { tool, near } of missing) {
      const message = `The MCP server '${name}' has no tool '${tool}'`;
      const has = servers.listed(name).map((one) => one.name);
      const hint = near === undefined ? `it has: ${has.join(", ") || "none"}` : `did you mean '${near}'?`;
      if (required) return { outcome: "missing", message, hint };
      warn(message);
    }
  }
  return undefined;
}

/** Two tools that would have one name. */
export async function collisions({ plan, own, servers }: Ready): Promise<Problem | undefined> {
  const { collision } = await import("../mcp/picks.ts");
  // Also a tool of ours that the file does not list: its name says what it does.
  const ours = toolNames.map((name): Named => ({ name, by: "rein" }));
  for (const { name } of own) if (!toolNames.includes(name)) ours.push({ name, by: "the file" });
  const theirs = servers.door.tools().map(({ server, name, facts }): Named => {
    const place = plan.mcp.find((one) => one.name === server)?.place ?? { file: plan.file, line: 1, column: 1 };
    return { name, by: { server, tool: facts.name, place } };
  });
  const found = collision([...ours, ...theirs]);
  if (found === undefined) return undefined;
  const { file, line, column } = found.place;
  return { outcome: "usage", message: `${file}:${line}:${column}: ${found.message}`, hint: found.hint };
}

function isReady({ door }: Servers, name: string): boolean {
  return door.status().some((one) => one.name === name && one.state === "ready");
}
