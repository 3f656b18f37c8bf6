import type { Policy } from "../permit/policy.ts";
import { covers, exactRule } from "../permit/rule.ts";
import { childVariables } from "../permit/describe.ts";
import type { Environment } from "./machine.ts";

/**
 * The environment of a child: the fixed variables and the granted ones, less what is denied and what holds a service's key, then
 * `extra`. `keep` names the granted ones that were granted by their own name: the jail drops those that change how programs start
 * unless they are in it.
 */
export function childEnvironment(options: {
  environment: Environment;
  policy: Policy;
  path: string[];
  temporary: string;
  secretNames: readonly string[];
  extra: Record<string, string>;
  /** Of the granted ones only these. */
  only?: readonly string[];
}): { env: Record<string, string>; keep: string[] } {
  const { environment, policy } = options;
  const env: Record<string, string> = {};
  const keep: string[] = [];
  const values: Environment = { ...environment, PATH: options.path.join(":"), TMPDIR: options.temporary };
  for (const name of Object.keys(values).toSorted()) {
    const value = values[name];
    if (value === undefined || options.secretNames.includes(name)) continue;
    const wanted = exactRule("env", name);
    const granted = options.only?.includes(name) === false ? [] : policy.allow.filter((rule) => covers(rule, wanted));
    if ((granted.length === 0 && !isFixed(name)) || policy.deny.some((rule) => covers(rule, wanted))) continue;
    env[name] = value;
    if (granted.some((rule) => covers(wanted, rule))) keep.push(name);
  }
  // What is given by the way of the child is given whatever it does, where that name was granted.
  const given = Object.keys(options.extra).filter((name) => !keep.includes(name) && isGrantedByName(name, policy));
  return { env: { ...env, ...options.extra }, keep: [...keep, ...given] };
}

/** Whether programs may get it without a question. */
export function isGranted(name: string, { allow, deny }: Policy): boolean {
  const wanted = exactRule("env", name);
  return allow.some((rule) => covers(rule, wanted)) && !deny.some((rule) => covers(rule, wanted));
}

/** By its own name, and not by a pattern. */
function isGrantedByName(name: string, { allow, deny }: Policy): boolean {
  const wanted = exactRule("env", name);
  const named = allow.some((rule) => covers(rule, wanted) && covers(wanted, rule));
  return named && !deny.some((rule) => covers(rule, wanted));
}

function isFixed(name: string): boolean {
  return childVariables.some((fixed) => (fixed.endsWith("*") ? name.startsWith(fixed.slice(0, -1)) : name === fixed));
}
