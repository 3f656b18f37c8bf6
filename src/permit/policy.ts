import { permissionKinds, type Grants, type PermissionKind, type PermissionLists } from "../core/permission.ts";
import type { Result } from "../core/result.ts";
import { covers, parseRule, type Resolve, type Rule } from "./rule.ts";

/** What a run may do, in canonical rules, sorted. Plain data. */
export type Policy = {
  /** The working folder, absolute and without symlinks: flags are shown relative to it. */
  cwd: string;
  /** The most that the agent can get: what its file requests. */
  ceiling: Rule[];
  /** What it got: in the ceiling and granted. */
  allow: Rule[];
  /** What can be granted at all, where that is less than the ceiling: of a run that goes on, what it had been granted. */
  grantable?: Rule[];
  /** What nothing can allow. */
  deny: DenyRule[];
};

/** A rule that denies, and how it was said: `--deny-read=src` or `deny.read 'src'`. */
export type DenyRule = Rule & { said: string };

/**
 * Compares what an agent file requests with what was granted. Errors are messages: rules that cannot be read, and grants that
 * could never have an effect because the file requests nothing there.
 */
export function makePolicy(
  plan: { permissions: PermissionLists; deny: PermissionLists },
  grants: Grants,
  machine: { cwd: string; resolve: Resolve },
): Result<Policy, string[]> {
  const errors: string[] = [];
  const read = (kind: PermissionKind, text: string, said: string, anyPort: boolean): Rule[] => {
    const rule = parseRule(kind, text, machine.resolve, anyPort);
    if (rule.ok) return [rule.value];
    errors.push(`${said}: '${text}' ${rule.error}`);
    return [];
  };

  const ceiling: Rule[] = [];
  const allow: Rule[] = [];
  const deny: DenyRule[] = [];
  for (const kind of permissionKinds) {
    const requested = (plan.permissions[kind] ?? []).flatMap((text) => read(kind, text, `permissions.${kind}`, false));
    ceiling.push(...requested);
    if (grants.all) allow.push(...requested);

    const granted = grants.allow[kind];
    if (granted === true) {
      if (requested.length === 0) errors.push(`--allow-${kind} can have no effect: the agent file requests no ${kind}`);
      allow.push(...requested);
    }
    for (const text of granted === true || granted === undefined ? [] : granted) {
      for (const grant of read(kind, text, `--allow-${kind}`, false)) {
        const both = requested.flatMap((request) => narrower(request, grant) ?? []);
        if (both.length === 0) errors.push(noEffect(grant, requested));
        allow.push(...both);
      }
    }

    for (const text of plan.deny[kind] ?? []) {
      deny.push(...read(kind, text, `deny.${kind}`, true).map((rule) => ({ ...rule, said: `deny.${kind} '${text}'` })));
    }
    const denied = grants.deny[kind];
    if (denied === true) deny.push({ kind, text: "everything", scope: { type: "any" }, said: `--deny-${kind}` });
    for (const text of denied === true || denied === undefined ? [] : denied) {
      const said = `--deny-${kind}=${text}`;
      deny.push(...read(kind, text, `--deny-${kind}`, true).map((rule) => ({ ...rule, said })));
    }
  }
  if (errors.length > 0) return { ok: false, error: errors };
  return { ok: true, value: { cwd: machine.cwd, ceiling: sorted(ceiling), allow: sorted(allow), deny: sorted(deny) } };
}

/** What two rules both cover. */
export function narrower(a: Rule, b: Rule): Rule | undefined {
  if (covers(a, b)) return b;
  return covers(b, a) ? a : undefined;
}

function noEffect(grant: Rule, requested: Rule[]): string {
  const flag = `--allow-${grant.kind}=${grant.text}`;
  if (requested.length === 0) return `${flag} can have no effect: the agent file requests no ${grant.kind}`;
  const texts = requested.map((rule) => `'${rule.text}'`).join(", ");
  return `${flag} can have no effect: the agent file requests only ${texts}`;
}

/** By kind and then by text; what a rule before it covers just the same is left out. */
export function sorted<R extends Rule>(rules: R[]): R[] {
  const inOrder = rules.toSorted((a, b) => order(a) - order(b) || (a.text < b.text ? -1 : 1));
  return inOrder.filter((rule, index) => !inOrder.slice(0, index).some((r) => covers(r, rule) && covers(rule, r)));
}

function order(rule: Rule): number {
  return permissionKinds.indexOf(rule.kind);
}
