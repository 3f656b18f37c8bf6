/** What can be granted. The order is the order of help texts and of the missing flags in a message. */
export const permissionKinds = ["read", "write", "net", "run", "env"] as const;

export type PermissionKind = (typeof permissionKinds)[number];

/** Rules as they are written, in a file's `permissions:` or in flags: paths, hosts, programs or names by kind. */
export type PermissionLists = Partial<Record<PermissionKind, string[]>>;

/**
 * One thing that a door is asked for. `target` is canonical: an absolute path without symlinks (read, write), `host:port`
 * (net), the absolute path of a program (run), a variable's name (env). `shown` is what the user or model wrote.
 * `address` is the IP that a net request would dial.
 */
export type AccessRequest = { kind: PermissionKind; target: string; shown: string; address?: string };

/** A refusal by the gate. `flag` is what would have allowed it (`--allow-read=src`), absent when no flag can. */
export type Denial = { kind: PermissionKind; target: string; reason: string; flag?: string };

/** What the gate said to one request, and why. */
export type Decision =
  | { verdict: "allow"; by: "grant" | "answer" }
  | { verdict: "deny"; denial: Denial }
  | { verdict: "ask"; denial: Denial };

/** A person's answer to a request that was not granted: for this once, for the rest of the run, or no. */
export type Answer = "once" | "session" | "no";

/** Puts one question to a person. Absent where there is nobody to ask. Questions never overlap. */
export type Ask = (request: AccessRequest, signal: AbortSignal) => Promise<Answer>;

/** Puts a yes-or-no question to a person; what is not clearly a yes is a no. */
export type Confirm = (question: string, signal: AbortSignal) => Promise<boolean>;

/** What a tool, a check or a server cannot work without: any rule of that kind, or that one target. */
export type Need = { kind: PermissionKind; target?: string };

/** What was granted by flags: `all` is -P; a kind's value is true for a bare `--allow-read`, a list for `--allow-read=…`. */
export type Grants = {
  all: boolean;
  allow: Partial<Record<PermissionKind, true | string[]>>;
  deny: Partial<Record<PermissionKind, true | string[]>>;
};
