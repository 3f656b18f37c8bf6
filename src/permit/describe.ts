import { permissionKinds, type PermissionLists } from "../core/permission.ts";
import type { PermissionView } from "../core/plan-view.ts";
import type { Policy } from "./policy.ts";
import type { Rule } from "./rule.ts";

/** A policy as lists for `--dry-run`: rules as they were written, in a fixed order, kinds without rules left out. */
export function describe(policy: Policy): PermissionView {
  const granted = new Set(policy.allow.map((rule) => `${rule.kind} ${rule.text}`));
  const allowed = lists(policy.allow);
  return {
    allowed,
    ungranted: lists(policy.ceiling.filter((rule) => !granted.has(`${rule.kind} ${rule.text}`))),
    denied: lists(policy.deny),
    children: { contained: false, env: [...new Set([...childVariables, ...(allowed.env ?? [])])].toSorted() },
  };
}

function lists(rules: Rule[]): PermissionLists {
  const result: PermissionLists = {};
  for (const kind of permissionKinds) {
    const texts = rules.filter((rule) => rule.kind === kind).map((rule) => rule.text);
    if (texts.length > 0) result[kind] = texts;
  }
  return result;
}

/** The variables that every child sees, where they are set; TMPDIR is a private folder of the run. */
export const childVariables = ["HOME", "LANG", "LC_*", "PATH", "TERM", "TMPDIR", "TZ", "USER"] as const;
