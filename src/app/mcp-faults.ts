import type { LeftOutTool, McpServer, McpStatus, StartFailure } from "../core/mcp.ts";
import { pinOf } from "../core/mcp-pin.ts";
import type { McpTool } from "../core/planned-tool.ts";
import type { Plan } from "../core/plan.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import type { Tool } from "../core/tool.ts";
import { collision, matches, type Named } from "../mcp/picks.ts";
import type { Servers } from "../mcp/servers.ts";
import { toolNames } from "../tools/index.ts";
import { pinDifference } from "./mcp-pins.ts";

/** A run's servers, all of which have started or failed, and the tools that it has without them. */
type Ready = { plan: Plan; own: readonly Tool[]; servers: Servers; warn(message: string): void };

/** A server that did not start, as what it means for a run. */
export function problemFor({ name }: McpServer, failure: StartFailure | Problem): Problem {
  if ("outcome" in failure) return failure;
  const { why, message, hint, said = "" } = failure;
  const text = `Cannot start the MCP server '${name}': ${message}${said === "" ? "" : `\n${said}`}`;
  const made = problemOf(why === "denied" ? "denied" : "missing", text, hint);
  return made.error;
}

/** All of them in one: of several the first that no grant and no other file would help. */
export function worst(problems: readonly Problem[]): Problem | undefined {
  const [first] = (["usage", "denied", "missing"] as const).flatMap((outcome) =>
    problems.filter((one) => one.outcome === outcome).slice(0, 1),
  );
  if (first === undefined) return problems[0];
  const same = problems.filter(({ outcome }) => outcome === first.outcome);
  return { ...first, message: same.map(({ message }) => message).join("\n") };
}

/** A server whose tools are not those that are pinned. */
export async function changedPins({ plan, servers }: Ready): Promise<Problem | undefined> {
  for (const { name, pin, instructions } of plan.mcp) {
    if (pin === undefined || !isReady(servers, name)) continue;
    const read = instructions === true ? statusOf(servers, name)?.instructions : undefined;
    const now = pinOf(pin.file, servers.listed(name), read);
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
    const leftOut = statusOf(servers, name)?.left_out ?? [];
    for (const { tool, near } of missing) {
      const unusable = leftOut.find((one) => matches(tool, one.tool));
      if (unusable !== undefined) {
        const message = leftOutText(name, unusable);
        if (required) return { outcome: "missing", message };
        warn(message);
        continue;
      }
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
export function collisions({ plan, own, servers }: Ready): Problem | undefined {
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

/** A tool of a server that is not offered. */
export function leftOutText(server: string, { tool, why }: LeftOutTool): string {
  return `The tool '${tool}' of the MCP server '${server}' is left out: ${why}`;
}

/** More of a server's than these are only counted. */
const mostTold = 5;

/** The same of all that are not. */
export function leftOutTexts(server: string, leftOut: readonly LeftOutTool[]): string[] {
  const more = leftOut.length - mostTold;
  const told = leftOut.slice(0, mostTold).map((one) => leftOutText(server, one));
  if (more <= 0) return told;
  return [...told, `Left out of the MCP server '${server}' are ${more} more`];
}

function isReady(servers: Servers, name: string): boolean {
  return statusOf(servers, name)?.state === "ready";
}

function statusOf({ door }: Servers, name: string): McpStatus | undefined {
  return door.status().find((one) => one.name === name);
}
