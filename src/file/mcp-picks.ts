import { nearest } from "../core/nearest.ts";
import type { Place, ServerPick } from "../core/mcp.ts";
import { entriesOf, find, itemsOf, quote, type MapNode, type Node } from "./node.ts";
import { oneOf } from "./shape.ts";
import type { Problem, Range } from "./source.ts";
import { ownToolSchema, toolNamePattern } from "./tool-schema.ts";

/** Whether an item of `tools:` picks tools of servers, rather than being a tool. */
export function isPicks(item: MapNode): boolean {
  return ![...item.entries.keys()].some((key) => Object.hasOwn(ownToolSchema.entries, key));
}

/** A tool's name as servers may have it, or a pattern. */
const pickPattern = /^[A-Za-z0-9_./*-]{1,128}$/;

/** What picking needs of the tools of the file around it. */
export type Picking = {
  servers: readonly string[];
  builtins: readonly string[];
  place(at: Range): Place;
  /** Takes the name that a tool has for the model; it is told where another has it. */
  take(name: string, at: Range): void;
};

/** Reads an item of `tools:` that picks tools of servers. */
export function checkPicks(item: MapNode, picked: Map<string, ServerPick[]>, picking: Picking): Problem[] {
  const [, second] = item.entries;
  const problems: Problem[] =
    second === undefined
      ? []
      : [
          {
            code: "wrong_value",
            at: second[1].key,
            message: "Each server is an item of its own",
            hint: `write - ${second[0]}: […]`,
          },
        ];
  for (const [server, { key, value }] of item.entries) {
    if (value.kind !== "list") continue;
    const unknown = unknownServer(server, key, picking.servers);
    if (unknown !== undefined) problems.push(unknown);
    const picks = picked.get(server) ?? [];
    if (value.items.length === 0) {
      const hint = "remove the server from 'mcp', or name its tools";
      problems.push({ code: "wrong_value", at: value.at, message: `No tool of ${quote(server)} is picked`, hint });
    }
    for (const one of itemsOf(value)) {
      const pick = pickOf(one, picking, problems);
      if (pick === undefined) continue;
      if (picks.some(({ name }) => name === pick.name)) {
        const message = `Tool ${quote(pick.name)} of ${quote(server)} is picked twice`;
        problems.push({ code: "wrong_value", at: one.at, message, hint: "remove one" });
        continue;
      }
      if (!pick.name.includes("*") && unknown === undefined) picking.take(pick.as ?? pick.name, one.at);
      picks.push(pick);
    }
    picked.set(server, picks);
  }
  return problems;
}

function pickOf(item: Node, { builtins, place }: Picking, problems: Problem[]): ServerPick | undefined {
  const [renamed, second] = entriesOf(item);
  const [name, at] = item.kind === "text" ? [item.value, item.at] : [renamed?.[0], renamed?.[1].key];
  if (name === undefined || at === undefined) {
    if (item.kind === "map") problems.push({ code: "wrong_value", at: item.at, message: "A tool's name is missing" });
    return undefined;
  }
  const before = problems.length;
  const wrong = (where: Range, message: string, hint?: string) =>
    void problems.push({ code: "wrong_value", at: where, message, hint });
  if (second !== undefined) wrong(second[1].key, "Each tool is an item of its own", `write { ${second[0]}: … }`);
  if (!pickPattern.test(name))
    wrong(at, `${quote(name)} is no tool's name: letters, digits, '_', '-', '.' and '/', or '*' in a pattern`);
  const as = renamed && find(item, name);
  const pick: ServerPick = { name, place: place(at) };
  if (as?.kind === "text") {
    if (name.includes("*")) wrong(at, `A pattern cannot be renamed: ${quote(name)}`, "rename one tool by its name");
    else if (!toolNamePattern.test(as.value)) {
      wrong(
        as.at,
        `A tool's name is at most 64 letters, digits, '_' and '-', and starts with a letter, found ${quote(as.value)}`,
      );
    } else if (builtins.includes(as.value)) wrong(as.at, `A tool cannot be named ${quote(as.value)}: rein has one`);
    pick.as = as.value;
  } else if (as !== undefined) return undefined;
  else if (builtins.includes(name)) {
    wrong(at, `A tool cannot be named ${quote(name)}: rein has one`, `rename it: { ${name}: NAME }`);
  }
  return problems.length === before ? pick : undefined;
}

/** A server that the file does not have. */
export function unknownServer(name: string, at: Range, servers: readonly string[]): Problem | undefined {
  if (servers.includes(name)) return undefined;
  const close = nearest(name, servers);
  const known = servers.length === 0 ? "name it under 'mcp'" : `expected ${oneOf(servers)}`;
  const hint = close === undefined ? known : `did you mean '${close}'?`;
  return { code: "unknown_name", at, message: `Unknown server ${quote(name)}`, hint };
}
