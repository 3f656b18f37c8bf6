import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host, Person } from "../../src/core/host.ts";
import type { Ask, Decision, Grants, PermissionLists } from "../../src/core/permission.ts";
import type { SecretSpec } from "../../src/core/plan.ts";
import type { Result } from "../../src/core/result.ts";
import { systemClock } from "../../src/host/clock.ts";
import { openHost, type OpenHost } from "../../src/host/host.ts";
import { readMachine, type Environment } from "../../src/host/machine.ts";
import type { SignInOptions } from "../../src/host/sign-ins.ts";
import { makePolicy } from "../../src/permit/policy.ts";

export const everything: Grants = { all: true, allow: {}, deny: {} };
export const nothing: Grants = { all: false, allow: {}, deny: {} };

export type Told = { kind: string; target: string; verdict: Decision["verdict"] };

export type Room = {
  /** A folder of its own, the working folder. */
  cwd: string;
  open: OpenHost;
  host: Host;
  /** What the gate told of, in order. */
  told: Told[];
  abort: AbortController;
} & AsyncDisposable;

/** A host in a new folder that is removed with it. `place` fills the folder before the policy is made. */
export function openRoom(options: {
  permissions: PermissionLists;
  deny?: PermissionLists;
  grants?: Grants;
  ask?: Ask;
  environment?: Environment;
  secretNames?: string[];
  secrets?: Record<string, SecretSpec>;
  signIns?: SignInOptions;
  learned?: (values: readonly string[]) => void;
  person?: Person;
  inputs?: ReadonlyMap<string, string>;
  place?: (cwd: string) => void;
}): Room {
  const cwd = realpathSync(mkdtempSync(join(tmpdir(), "rein-test-")));
  options.place?.(cwd);
  const environment = options.environment ?? {
    PATH: process.env["PATH"],
    HOME: "/nonexistent",
    TMPDIR: process.env["TMPDIR"],
  };
  const machine = value(readMachine({ cwd, agentFolder: cwd, environment }));
  const plan = { permissions: options.permissions, deny: options.deny ?? {} };
  const policy = makePolicy(plan, options.grants ?? everything, machine);
  if (!policy.ok) throw new Error(policy.error.join("\n"));
  const open = openHost({
    machine,
    policy: policy.value,
    clock: systemClock,
    environment,
    secretNames: options.secretNames ?? [],
    secrets: options.secrets ?? {},
    inputs: options.inputs ?? new Map(),
    ...(options.ask === undefined ? {} : { ask: options.ask }),
    ...(options.learned === undefined ? {} : { learned: options.learned }),
    ...(options.signIns === undefined ? {} : { signIns: options.signIns }),
    ...(options.person === undefined ? {} : { person: options.person }),
  });
  const told: Told[] = [];
  const abort = new AbortController();
  const host = open.scoped(
    async ({ kind, target }, { verdict }) => void told.push({ kind, target, verdict }),
    abort.signal,
  );
  const close = async () => {
    await open.close();
    rmSync(cwd, { recursive: true, force: true });
  };
  return { cwd, open, host, told, abort, [Symbol.asyncDispose]: close };
}

export function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

/** The failure of what was expected to fail, as `code: message`. */
export function failure(result: Result<unknown>): string {
  return result.ok ? "it did not fail" : `${result.error.code}: ${result.error.message}`;
}

export const bytes = (text: string) => new TextEncoder().encode(text);
export const text = (data: Uint8Array) => new TextDecoder().decode(data);
