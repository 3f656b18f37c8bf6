import type { PermissionKind } from "../core/permission.ts";
import { quote } from "./node.ts";
import { plain } from "./shape.ts";
import type { Wrong } from "./template.ts";

/** What is wrong with one rule of `permissions:` or `deny:`, as it is written; undefined when it is right. */
export function wrongRule(kind: PermissionKind, rule: string): Wrong | undefined {
  if (rule.trim() === "") return { message: "A rule cannot be empty" };
  if (/[\u0000-\u001f\u007f]/.test(rule)) return { message: `Rule ${quote(rule)} has a control character` };
  return judges[kind](rule);
}

const judges: Record<PermissionKind, (rule: string) => Wrong | undefined> = {
  read: wrongPath,
  write: wrongPath,
  net: wrongHost,
  run: wrongProgram,
  env: wrongVariable,
};

function wrongPath(rule: string): Wrong | undefined {
  if (/[*?]/.test(rule)) {
    const folder = rule
      .slice(0, rule.search(/[*?]/))
      .replace(/[^/]*$/, "")
      .replace(/(.)\/$/, "$1");
    return {
      message: `Globs such as ${quote(rule)} are not supported`,
      hint: `a folder means its tree: write '${folder === "" ? "." : folder}'`,
    };
  }
  if (rule.startsWith("~") && rule !== "~" && !rule.startsWith("~/")) {
    return {
      message: `Path ${quote(rule)} names another user's home`,
      hint: "'~/' is your own home; write other folders in full",
    };
  }
  if (rule.includes("$"))
    return { message: `Path ${quote(rule)} has a '$': variables are not expanded`, hint: "write '~/' for home" };
  if (/^[a-z]+:\/\//.test(rule))
    return { message: `${quote(rule)} is a URL, not a path`, hint: "hosts belong in 'net'" };
  return undefined;
}

const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;

function wrongHost(rule: string): Wrong | undefined {
  if (rule === "*") return { message: "'*' would be every host", hint: "name the hosts, such as '*.example.com'" };
  const url = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(rule);
  if (url !== null) return { message: `${quote(rule)} is a URL, not a host`, hint: `write '${url[1] ?? ""}'` };
  const { host, port, bracketed } = splitPort(rule);
  if (bracketed && !isIpv6(host)) return { message: `${quote(host)} is not an IPv6 address` };
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) {
    return { message: `Port ${quote(port)} of ${quote(rule)} is not a number from 1 to 65535` };
  }
  const slash = host.indexOf("/");
  if (slash !== -1) return wrongNetwork(rule, host.slice(0, slash), host.slice(slash + 1));
  if (host.includes(":")) return isIpv6(host) ? undefined : { message: `${quote(host)} is not an IPv6 address` };
  if (isIpv4(host)) return undefined;
  const labels = host.replace(/^\*\./, "").split(".");
  if (/^\d+$/.test(labels.at(-1) ?? "")) return { message: `${quote(host)} is neither a host nor an IP address` };
  if (host.includes("*") && !host.startsWith("*.")) {
    return { message: `'*' in ${quote(rule)} can only be the first part`, hint: "write '*.example.com'" };
  }
  if (labels.every((name) => label.test(name)) && host.length <= 253) return undefined;
  return { message: `${quote(host)} is not a host, IP address or CIDR`, hint: asciiHint(host) };
}

function splitPort(rule: string): { host: string; port: string | undefined; bracketed: boolean } {
  const inside = /^\[([^\]]*)\](?::(.*))?$/.exec(rule);
  if (inside !== null) return { host: inside[1] ?? "", port: inside[2], bracketed: true };
  const [host = "", port, ...more] = rule.split(":");
  return more.length > 0 ? { host: rule, port: undefined, bracketed: false } : { host, port, bracketed: false };
}

function wrongNetwork(rule: string, address: string, prefix: string): Wrong | undefined {
  const bits = isIpv4(address) ? 32 : isIpv6(address) ? 128 : undefined;
  if (bits === undefined) {
    return {
      message: `${quote(rule)} is not a host: a '/' stands only in a CIDR such as '10.0.0.0/8'`,
      hint: `write ${plain(address)}`,
    };
  }
  if (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits) return undefined;
  return { message: `The prefix of ${quote(rule)} is not a number from 0 to ${bits}` };
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  return /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text) && URL.canParse(`http://[${text}]/`);
}

function asciiHint(host: string): string | undefined {
  if (!/[^\u0000-\u007f]/.test(host) || !URL.canParse(`http://${host}/`)) return undefined;
  return `write '${new URL(`http://${host}/`).hostname}'`;
}

/** Also the rule for the program of a check. */
export function wrongProgram(rule: string): Wrong | undefined {
  if (/[*?]/.test(rule))
    return { message: `Globs such as ${quote(rule)} are not supported`, hint: "name each program" };
  if (rule.startsWith("/"))
    return rule.endsWith("/") ? { message: `${quote(rule)} is a folder, not a program` } : undefined;
  if (rule.includes("/")) {
    return {
      message: `Program ${quote(rule)} is a relative path`,
      hint: "write a name that is looked up on PATH, or an absolute path",
    };
  }
  const first = rule.split(/\s/, 1)[0] ?? "";
  if (first !== rule) return { message: `${quote(rule)} is a command, not a program`, hint: `write ${plain(first)}` };
  if (rule === "." || rule === "..") return { message: `${quote(rule)} is a folder, not a program` };
  return undefined;
}

function wrongVariable(rule: string): Wrong | undefined {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(rule) || /^[A-Za-z][A-Za-z0-9_]*_\*$/.test(rule)) return undefined;
  if (rule.includes("*"))
    return { message: `'*' in ${quote(rule)} can only follow a prefix and '_'`, hint: "write 'PREFIX_*'" };
  const name = rule.replace(/^\$\{?/, "").replace(/[=}].*$/, "");
  const hint = name !== rule && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? `write '${name}'` : undefined;
  return { message: `${quote(rule)} is not the name of a variable`, hint };
}
