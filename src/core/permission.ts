/** What can be granted. The order is the order of help texts and of the missing flags in a message. */
export const permissionKinds = ["read", "write", "net", "run", "env"] as const;

export type PermissionKind = (typeof permissionKinds)[number];

/** Each kind for people: what its rules are called, what they allow, an example as YAML, and how a rule is written. */
export const permissionWords: Record<PermissionKind, { rules: string; act: string; example: string; note: string }> = {
  read: {
    rules: "PATHS",
    act: "reading these files and folders",
    example: "[.]",
    note: "paths; a folder means its tree; 'agent:' is the agent file's folder, '~/' is home",
  },
  write: { rules: "PATHS", act: "writing these files and folders", example: "[out]", note: "does not include reading" },
  net: {
    rules: "HOSTS",
    act: "connecting to these hosts",
    example: "['*.example.org:8443']",
    note: "hosts, '*.' before one, IPs or CIDRs; port 443 unless named",
  },
  run: {
    rules: "PROGRAMS",
    act: "running these programs",
    example: "[git, bash]",
    note: "programs, by name or absolute path",
  },
  env: {
    rules: "NAMES",
    act: "using these environment variables",
    example: "[LANG, GIT_*]",
    note: "variables that commands may see",
  },
};

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
