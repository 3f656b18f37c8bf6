import type { McpServer, McpToolFacts, OfferedTool, Place, ServerPick } from "../core/mcp.ts";
import { nearest } from "../core/nearest.ts";

/** A name or pattern of the file that no tool of the server has. */
export type Unmatched = { pick: ServerPick; near?: string };

/**
 * The tools of a server as the file picks and names them, in the order of the picks and then of the server; and the picks that name
 * none. `named`: an own tool of the file names the server, so that without picks nothing more of it is offered.
 */
export function pickTools(
  { name: server, picks }: Pick<McpServer, "name" | "picks">,
  listed: readonly McpToolFacts[],
  named: boolean,
): { offered: OfferedTool[]; unmatched: Unmatched[] } {
  const plain = (facts: McpToolFacts): OfferedTool => ({ server, name: offeredName(facts.name), facts });
  if (picks === undefined) return { offered: named ? [] : listed.map(plain), unmatched: [] };
  const offered = new Map<string, OfferedTool>();
  const unmatched: Unmatched[] = [];
  for (const pick of picks) {
    const found = listed.filter(({ name }) => matches(pick.name, name));
    if (found.length === 0) {
      const names = listed.map(({ name }) => name);
      const near = pick.name.includes("*") ? undefined : nearest(pick.name, names);
      unmatched.push({ pick, ...(near === undefined ? {} : { near }) });
    }
    // A name beats a pattern: `[list_*, { list_issues: issues }]` is each once.
    for (const facts of found) {
      const before = offered.get(facts.name);
      if (before === undefined || pick.as !== undefined) {
        offered.set(facts.name, pick.as === undefined ? plain(facts) : { server, name: pick.as, facts });
      }
    }
  }
  return { offered: [...offered.values()], unmatched };
}

/** Whether the name or pattern of a pick means a tool: `*` is any characters, all else stands for itself. */
export function matches(pick: string, tool: string): boolean {
  const parts = pick.split("*").map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(tool);
}

/** Services take letters, digits, `_` and `-` only, and no more than 64 of them. */
function offeredName(name: string): string {
  const fitting = name.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 64);
  return /^[A-Za-z]/.test(fitting) ? fitting : `t_${fitting}`.slice(0, 64);
}

/** What has a name that is offered: rein, the file itself, or a server. */
export type Named = { name: string; by: "rein" | "the file" | { server: string; tool: string; place: Place } };

/** Two tools that would have one name, and the way out; undefined where all names are different. */
export function collision(names: readonly Named[]): { message: string; hint: string; place: Place } | undefined {
  const known = new Map<string, Named["by"]>();
  for (const { name, by } of names) {
    const other = known.get(name);
    if (other !== undefined && typeof by === "object") {
      const theirs =
        other === "rein"
          ? "rein has"
          : other === "the file"
            ? "the agent file has"
            : `the server '${other.server}' has`;
      const message = `The server '${by.server}' has a tool '${name}', and ${theirs} one of that name`;
      const hint = `rename it under 'tools': ${by.server}: ['*', { ${by.tool}: ${by.server.replace(/[^A-Za-z0-9_-]/g, "_")}_${name} }]`;
      return { message, hint, place: by.place };
    }
    known.set(name, by);
  }
  return undefined;
}
