import type { PermissionKind } from "../core/permission.ts";
import type { Result } from "../core/result.ts";
import { isLoopback, parseAddress, parseNetwork, within, type Network } from "./address.ts";

/**
 * What a rule covers. `tree`: a path with all below it; `program`: one program by its absolute path, or by its name where it was
 * not found; `host`: a name, or all names below it; `network`: addresses; `name`: a variable, or all that start with it.
 * A port of null means every port.
 */
export type Scope =
  | { type: "any" }
  | { type: "tree"; path: string }
  | { type: "program"; program: string }
  | { type: "host"; host: string; below: boolean; port: number | null }
  | { type: "network"; network: Network; port: number | null }
  | { type: "name"; name: string; prefix: boolean };

/** One canonical rule. `text` is as it was written, for messages and lists. */
export type Rule = { kind: PermissionKind; text: string; scope: Scope };

/** What rules need to know of the machine, handed in so that they are read without touching it. */
export type Resolve = {
  /** The absolute path of a rule, without symlinks; knows `agent:` and `~/`. */
  path(rule: string): string;
  /** The absolute path of a program that is named or given as a path, as it will be started; undefined when there is none. */
  program(name: string): string | undefined;
};

/** Reads one rule. `anyPort`: a net rule without a port means every port (to deny) and not 443 (to allow). */
export function parseRule(
  kind: PermissionKind,
  text: string,
  resolve: Resolve,
  anyPort: boolean,
): Result<Rule, string> {
  const scope = parseScope(kind, text, resolve, anyPort);
  return typeof scope === "string" ? { ok: false, error: scope } : { ok: true, value: { kind, text, scope } };
}

function parseScope(kind: PermissionKind, text: string, resolve: Resolve, anyPort: boolean): Scope | string {
  if (text === "") return "is empty";
  if (text.includes("\0")) return "holds a NUL byte";
  switch (kind) {
    case "read":
    case "write":
      return { type: "tree", path: resolve.path(text) };
    case "run":
      if (text.includes("/") && !text.startsWith("/")) return "is not a program's name or absolute path";
      return { type: "program", program: resolve.program(text) ?? text };
    case "net":
      return parseNet(text, anyPort ? null : 443);
    case "env":
      if (!/^[A-Za-z_][A-Za-z0-9_]*\*?$/.test(text)) return "is not a variable's name or 'PREFIX_*'";
      return { type: "name", name: text.replace("*", ""), prefix: text.endsWith("*") };
  }
}

function parseNet(text: string, defaultPort: number | null): Scope | string {
  const expected = "is not a host, '*.host', IP address or network, with or without ':port'";
  const whole = parseNetwork(text);
  if (whole !== undefined) return { type: "network", network: whole, port: defaultPort };
  const parts = /^(?:\[(?<inside>[^\]]*)\]|(?<outside>[^:]*))(?::(?<port>\d{1,5}))?$/.exec(text)?.groups;
  if (parts === undefined) return expected;
  const name = parts["inside"] ?? parts["outside"] ?? "";
  const port = parts["port"] === undefined ? defaultPort : Number(parts["port"]);
  if (port !== null && (port < 1 || port > 65_535)) return `names a port that does not exist`;
  const network = parseNetwork(name);
  if (network !== undefined) return { type: "network", network, port };
  const below = name.startsWith("*.");
  const host = hostName(below ? name.slice(2) : name);
  return host === undefined || parts["inside"] !== undefined ? expected : { type: "host", host, below, port };
}

/** A host's name as URLs have it: lower case, IDN as punycode, no dot at its end. */
function hostName(text: string): string | undefined {
  if (/[/?#@:\\\s*%]/.test(text) || !URL.canParse(`http://${text}/`)) return undefined;
  const host = new URL(`http://${text}/`).hostname.replace(/\.$/, "");
  return host === "" || parseAddress(host) !== undefined ? undefined : host;
}

/** The rule that covers exactly one canonical target. */
export function exactRule(kind: PermissionKind, target: string): Rule {
  return { kind, text: target, scope: exactScope(kind, target) };
}

function exactScope(kind: PermissionKind, target: string): Scope {
  if (kind === "read" || kind === "write") return { type: "tree", path: target };
  if (kind === "run") return { type: "program", program: target };
  if (kind === "env") return { type: "name", name: target, prefix: false };
  const colon = target.lastIndexOf(":");
  const host = target.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  const port = Number(target.slice(colon + 1));
  const address = parseAddress(host);
  return address === undefined
    ? { type: "host", host, below: false, port }
    : { type: "network", network: { address, bits: 128 }, port };
}

/** Whether all that `inner` covers is covered by `outer`. Two rules of a kind never overlap only in part. */
export function covers(outer: Rule, inner: Rule): boolean {
  if (outer.kind !== inner.kind) return false;
  const a = outer.scope;
  const b = inner.scope;
  if (a.type === "any") return true;
  if (a.type === "tree") return b.type === "tree" && treeCovers(a.path, b.path);
  if (a.type === "program") return b.type === "program" && a.program === b.program;
  if (a.type === "name") return b.type === "name" && nameCovers(a, b);
  if ((b.type !== "host" && b.type !== "network") || (a.port !== null && a.port !== b.port)) return false;
  if (a.type === "network") {
    return b.type === "network" && a.network.bits <= b.network.bits && within(a.network, b.network.address);
  }
  if (b.type === "host") {
    const same = a.host === b.host && a.below === b.below;
    return same || (a.below && b.host.endsWith(`.${a.host}`));
  }
  // `localhost` names the addresses of this machine too.
  return !a.below && a.host === "localhost" && b.network.bits >= 104 && isLoopback(b.network.address);
}

function treeCovers(outer: string, inner: string): boolean {
  // /proc holds other processes' memory and environment, our keys too: no folder around it covers it.
  if (isInside("/proc", inner) && !isInside("/proc", outer)) return false;
  return isInside(outer, inner);
}

/** Whether a canonical path is a folder or lies in its tree. */
export function isInside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}

function nameCovers(a: { name: string; prefix: boolean }, b: { name: string; prefix: boolean }): boolean {
  return a.prefix ? b.name.startsWith(a.name) : !b.prefix && a.name === b.name;
}
