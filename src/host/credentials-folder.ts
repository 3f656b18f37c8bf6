import type { Policy } from "../permit/policy.ts";
import { canonicalPath, type Environment } from "./machine.ts";

/** Where sign-ins are kept that no keychain takes, whether it is there or not; undefined where the environment names no place. */
export function credentialsFolder({ XDG_DATA_HOME: data, HOME: home }: Environment): string | undefined {
  // The XDG specification: a path that is not absolute is to be ignored.
  const parent = data?.startsWith("/") ? data : home?.startsWith("/") ? `${home}/.local/share` : undefined;
  if (parent === undefined) return undefined;
  const path = `${parent}/rein/credentials`;
  const real = canonicalPath(path);
  return real.ok ? real.value : path;
}

/** The policy with that folder closed: a grant for a home is none for the tokens in it, which no model may see. */
export function withoutCredentials(policy: Policy, environment: Environment): Policy {
  const path = credentialsFolder(environment);
  if (path === undefined) return policy;
  const said = "rein: its sign-ins are kept there";
  const rules = (["read", "write"] as const).map((kind) => ({
    kind,
    text: path,
    scope: { type: "tree" as const, path },
    said,
  }));
  return { ...policy, deny: [...policy.deny, ...rules] };
}
