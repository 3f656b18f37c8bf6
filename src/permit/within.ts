import { narrower, sorted, type Policy } from "./policy.ts";
import type { Rule } from "./rule.ts";

/**
 * The policy of an agent that another one spawned: what its own file requests, as far as the other may do it. What the other is
 * denied it is denied, and what the other would have to ask for it has to ask for. `own` is its policy with all granted.
 */
export function policyWithin(parent: Policy, own: Policy): Policy {
  const both = (outer: Rule[], inner: Rule[]): Rule[] =>
    sorted(inner.flatMap((rule) => outer.flatMap((other) => narrower(rule, other) ?? [])));
  return {
    ...parent,
    ceiling: both(parent.ceiling, own.ceiling),
    allow: both(parent.allow, own.allow),
    deny: sorted([...parent.deny, ...own.deny]),
  };
}
