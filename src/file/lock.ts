import { basename } from "node:path";
import type { Diagnostic } from "../core/diagnostic.ts";
import { isJsonObject, type Json } from "../core/json.ts";
import type { McpPin, McpServer } from "../core/mcp.ts";
import { pinOfParts } from "../core/mcp-pin.ts";
import { ok, type Result } from "../core/result.ts";
import { quote } from "./node.ts";
import { unreadable } from "./source.ts";

/** What lies beside agent files and holds the tools of their servers, as they were pinned. */
export const lockName = "rein.lock";

/** The largest lock file, in bytes. */
export const maxLockBytes = 16 * 1024 * 1024;

/** Pins by the names of agent files, and of their servers. */
export type Lock = ReadonlyMap<string, ReadonlyMap<string, McpPin>>;

const version = 1;

/** Reads a lock file; `file` is what the user would call it. What only a hand can have changed is an error. */
export function readLock(file: string, bytes: Uint8Array): Result<Lock, Diagnostic> {
  const refuse = (message: string, hint = "restore it, or remove it and pin again: rein mcp pin FILE") =>
    ({ ok: false, error: unreadable(file, message, "wrong_value", hint) }) as const;
  const content = jsonOf(bytes);
  if (!isJsonObject(content)) return refuse("A lock file is JSON that 'rein mcp pin' writes, this is not");
  if (content["version"] !== version) {
    const found = content["version"] === undefined ? "none" : quote(content["version"]);
    return refuse(
      `This lock file has version ${found}, and this rein reads version ${version}`,
      "use the rein that wrote it",
    );
  }
  const agents = new Map<string, Map<string, McpPin>>();
  for (const [agent, servers] of entries(content["agents"])) {
    const pins = new Map<string, McpPin>();
    for (const [server, entry] of entries(servers)) {
      const { hash, tools, instructions } = isJsonObject(entry) ? entry : {};
      const said = instructions === undefined || typeof instructions === "string";
      if (typeof hash !== "string" || !Array.isArray(tools) || !tools.every((tool) => isJsonObject(tool)) || !said) {
        return refuse(`The entry of server ${quote(server)} for ${quote(agent)} is not one that 'rein mcp pin' writes`);
      }
      const pin = pinOfParts(file, tools.filter(isJsonObject), instructions);
      if (pin.hash !== hash)
        return refuse(
          `The tools of server ${quote(server)} for ${quote(agent)} were changed by hand: their hash is another`,
        );
      pins.set(server, pin);
    }
    agents.set(agent, pins);
  }
  return ok(agents);
}

/** A lock file's text: the same pins are the same bytes. */
export function lockText(lock: Lock): string {
  const agents = sorted(lock).map(([agent, pins]): [string, Json] => {
    const servers = sorted(pins).map(([server, { hash, listed, instructions }]): [string, Json] => [
      server,
      { hash, ...(instructions === undefined ? {} : { instructions }), tools: listed },
    ]);
    return [agent, Object.fromEntries(servers)];
  });
  return `${JSON.stringify({ version, agents: Object.fromEntries(agents) }, null, 2)}\n`;
}

/**
 * The servers of an agent file with their pins. Where there is a lock file, what it does not pin is worth a word: a server, or all of
 * a file that may have been renamed. `agent` is the file as the user would call it.
 */
export function withPins(
  servers: readonly McpServer[],
  lock: Lock,
  file: string,
  agent: string,
): { servers: McpServer[]; warnings: Diagnostic[] } {
  const pins = lock.get(basename(agent));
  const others = [...lock.keys()].map((name) => quote(name)).join(", ");
  const unpinned = servers
    .filter(({ name }) => pins?.has(name) !== true)
    .map(({ name }) => `Server ${quote(name)} is not pinned`);
  const texts =
    pins === undefined
      ? [`No server of ${quote(agent)} is pinned: this file pins those of ${others || "no file"}`]
      : unpinned;
  const pinned = servers.map((server) => {
    const pin = pins?.get(server.name);
    return pin === undefined ? server : { ...server, pin };
  });
  const hint = `rein mcp pin ${agent}`;
  const warnings = texts.map((text) => ({
    ...unreadable(file, text, "wrong_value", hint),
    severity: "warning" as const,
  }));
  return { servers: pinned, warnings };
}

function jsonOf(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined; // Which is told as what it is not.
  }
}

function entries(value: Json | undefined): Array<[string, Json]> {
  return isJsonObject(value) ? Object.entries(value) : [];
}

function sorted<T>(map: ReadonlyMap<string, T>): Array<[string, T]> {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** A lock file's content with other pins for one agent file, and none for those that are gone. */
export function lockWith(
  lock: Lock,
  agent: string,
  pins: ReadonlyMap<string, McpPin>,
  gone: readonly string[] = [],
): Lock {
  return new Map([...[...lock].filter(([name]) => !gone.includes(name)), [agent, pins]]);
}
