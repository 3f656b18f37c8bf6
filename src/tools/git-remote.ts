import type { Host } from "../core/host.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Override } from "./git-config.ts";

/** Where a repository is that is not the one at hand. */
export type Remote =
  { kind: "https" | "ssh"; url: string; host: string; port: number } | { kind: "file"; url: string; path: string };

/** Reads an address as git does, for the protocols that are allowed. The error says what is wrong with it. */
export function parseRemote(text: string): Result<Remote, string> {
  // oxlint-disable-next-line no-control-regex
  if (/^-|[\x00-\x20\x7f]/.test(text) || text === "") return { ok: false, error: "it is no address of a repository" };
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)?.[1]?.toLowerCase();
  if (scheme === "file") {
    const path = text.slice("file://".length);
    if (!path.startsWith("/")) return { ok: false, error: "a file address has no host" };
    return ok({ kind: "file", url: text, path });
  }
  if (scheme !== undefined) return parseUrl(text, scheme);
  if (/^[A-Za-z][A-Za-z0-9+.-]*::/.test(text)) return { ok: false, error: onlyThese };
  const scp = /^(?:[A-Za-z0-9_][\w.+-]*@)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9][A-Za-z0-9.-]*):(?!-)[^:]/.exec(text);
  if (scp !== null && !text.slice(0, text.indexOf(":")).includes("/")) {
    return ok({ kind: "ssh", url: text, host: scp[1] ?? "", port: 22 });
  }
  return text.includes(":") ? { ok: false, error: onlyThese } : ok({ kind: "file", url: text, path: text });
}

const onlyThese = "only https, ssh and paths are possible";

function parseUrl(text: string, scheme: string): Result<Remote, string> {
  if (scheme !== "https" && scheme !== "ssh") return { ok: false, error: onlyThese };
  // Hosts of other schemes than https are read less strictly.
  const asHttps = text.replace(/^[^:]*/, "https");
  if (!URL.canParse(asHttps)) return { ok: false, error: "it is no URL" };
  const url = new URL(asHttps);
  if (url.password !== "" || (scheme === "https" && url.username !== "")) {
    return { ok: false, error: "credentials do not belong into a URL; they come from granted variables" };
  }
  const standard = scheme === "https" ? 443 : 22;
  const port = /:(\d+)$/.exec(/^[^/]*:\/\/([^/]*)/.exec(text)?.[1] ?? "")?.[1];
  if (url.hostname.startsWith("-") || url.username.startsWith("-")) return { ok: false, error: "it is no URL" };
  return ok({ kind: scheme, url: text, host: url.hostname, port: port === undefined ? standard : Number(port) });
}

/** The URL without what may be a secret, for texts. */
export function shownUrl(text: string): string {
  return text.replace(/:\/\/[^/@\s]*@/g, "://").replace(/[?#].*$/s, "");
}

/**
 * Judges what git is about to reach, and pins the addresses that were judged, so that no name is resolved again. ssh must be
 * granted to run.
 */
export async function passRemote(
  host: Host,
  remote: Remote,
  direction: "fetch" | "push",
  signal: AbortSignal,
): Promise<Result<Override[]>> {
  if (remote.kind === "file") {
    const read = await host.fs.pass("read", remote.path);
    if (!read.ok) return read;
    const write = direction === "push" ? await host.fs.pass("write", remote.path) : read;
    return write.ok ? ok([]) : write;
  }
  const addresses = await host.net.pass(remote.host, remote.port);
  if (!addresses.ok) return addresses;
  if (remote.kind === "ssh") {
    const ssh = await host.process.run(["ssh", "-V"], { signal, onOutput: () => undefined });
    return ssh.ok ? ok([]) : ssh;
  }
  if (addresses.value.length === 0) return fail("failed", `Cannot reach '${remote.host}': it has no address`);
  const shown = addresses.value.map((address) =>
    address.includes(":") && !address.startsWith("[") ? `[${address}]` : address,
  );
  return ok([["http.curloptResolve", `${remote.host}:${remote.port}:${shown.join(",")}`]]);
}

/**
 * Answers git's question for credentials from the variables that the run was granted, which a child has in its environment. A token
 * goes to its own host only: that of GIT_HOST, or the service that the variable is named for.
 */
export const credentialHelper: Override = [
  "credential.helper",
  `!f() { test "$1" = get || exit 0; h=; p=; while IFS== read -r k v; do case $k in host) h=$v;; protocol) p=$v;; esac; done; ` +
    `test "$p" = https || exit 0; u=x-access-token; w=; case $h in ` +
    `"$GIT_HOST") u=\${GIT_USERNAME:-$u}; w=$GIT_PASSWORD;; ` +
    `github.com) w=\${GITHUB_TOKEN:-$GH_TOKEN};; ` +
    `gitlab.com) u=oauth2; w=$GITLAB_TOKEN;; esac; ` +
    `test -z "$w" || printf 'username=%s\\npassword=%s\\n' "$u" "$w"; }; f`,
];
