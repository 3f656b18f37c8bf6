import type { AccessRequest, Decision, Denial, Need, PermissionKind } from "../core/permission.ts";
import { permissionKinds } from "../core/permission.ts";
import { isPublic, parseAddress } from "./address.ts";
import type { Policy } from "./policy.ts";
import { covers, exactRule, isInside, type Rule } from "./rule.ts";

/** A target that a person allowed for the rest of the run. */
export type Remembered = { kind: PermissionKind; target: string };

/** Who can be asked, and what they have answered so far. */
export type Asking = { canAsk: boolean; answers: readonly Remembered[] };

/**
 * Judges one request. Denied: what a deny rule covers, and what the agent file does not request; neither a flag nor an answer
 * changes that. What it requests and was not granted is asked, or denied with the flag that would have allowed it.
 */
export function decide(policy: Policy, request: AccessRequest, asking: Asking): Decision {
  const decision = judge(policy, exactRule(request.kind, request.target), asking, "");
  if (decision.verdict !== "allow" || request.address === undefined) return decision;

  // A name that was granted may lead to an address that nobody meant (DNS rebinding): that one must be named by itself.
  const address = addressRule(request.target, request.address);
  const bytes = parseAddress(request.address);
  if (bytes === undefined) return deny(address, "its address cannot be read");
  const why = ` (the host's address is '${request.address}')`;
  const denying = policy.deny.find((rule) => covers(rule, address));
  if (denying !== undefined) return deny(address, `denied by ${denying.said}${why}`);
  return isPublic(bytes) ? decision : judge(policy, address, asking, why);
}

/** What is denied in the tree of a folder that is itself allowed: canonical paths, each with all below it. */
export function closedBelow(policy: Policy, kind: "read" | "write", folder: string): string[] {
  const denied = policy.deny.flatMap(({ kind: of, scope }) =>
    of === kind && scope.type === "tree" ? [scope.path] : [],
  );
  // No folder around /proc covers it.
  const open = policy.allow.some((rule) => covers(rule, exactRule(kind, "/proc")));
  return [...denied, ...(open ? [] : ["/proc"])].filter((path) => path !== folder && isInside(folder, path));
}

function judge(policy: Policy, wanted: Rule, asking: Asking, why: string): Decision {
  const denying = policy.deny.find((rule) => covers(rule, wanted));
  if (denying !== undefined) return deny(wanted, `denied by ${denying.said}${why}`);
  if (!policy.ceiling.some((rule) => covers(rule, wanted))) {
    const then = policy.grantable === undefined ? "" : ", or did not when the run began";
    return deny(wanted, `the agent file does not request it${then}${why}`);
  }
  if (policy.allow.some((rule) => covers(rule, wanted))) return { verdict: "allow", by: "grant" };
  const answered = asking.answers.some((answer) => answer.kind === wanted.kind && answer.target === wanted.text);
  if (answered) return { verdict: "allow", by: "answer" };
  const denial = notGranted(policy, wanted, why);
  return { verdict: asking.canAsk ? "ask" : "deny", denial };
}

function notGranted({ grantable, ...policy }: Policy, wanted: Rule, why: string): Denial {
  const denial = { kind: wanted.kind, target: wanted.text, reason: `not granted${why}` };
  if (grantable === undefined || grantable.some((rule) => covers(rule, wanted)))
    return { ...denial, flag: flagFor(policy, wanted) };
  return { ...denial, reason: `not granted when the run began${why}` };
}

function deny(wanted: Rule, reason: string): Decision {
  return { verdict: "deny", denial: { kind: wanted.kind, target: wanted.text, reason } };
}

function addressRule(target: string, address: string): Rule {
  const port = target.slice(target.lastIndexOf(":") + 1);
  return exactRule("net", address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`);
}

/** The flag that would grant one target, as a user would write it: paths relative to the working folder where they are inside. */
function flagFor(policy: Policy, wanted: Rule): string {
  return `--allow-${wanted.kind}=${shownTarget(policy, wanted)}`;
}

function shownTarget(policy: Policy, wanted: Rule): string {
  const target = wanted.text;
  switch (wanted.kind) {
    case "read":
    case "write": {
      if (target === policy.cwd) return ".";
      if (!isInside(policy.cwd, target)) return target;
      const relative = target.slice(policy.cwd === "/" ? 1 : policy.cwd.length + 1);
      return /^(agent:|~)/.test(relative) ? `./${relative}` : relative;
    }
    case "net":
      return target.replace(/:443$/, "").replace(/^\[(.*)\]$/, "$1");
    case "run":
      return policy.ceiling.find((rule) => rule.scope.type === "program" && covers(rule, wanted))?.text ?? target;
    case "env":
      return target;
  }
}

/**
 * The flags without which these needs cannot be met at all, one per kind; none where somebody can be asked. A need that the agent
 * file does not request, or that is denied, has no flag and is left out. A `run` need names a program as the file does.
 */
export function missing(policy: Policy, needs: Need[], canAsk: boolean): string[] {
  if (canAsk) return [];
  return permissionKinds.flatMap((kind) => {
    const texts = needs.filter((need) => need.kind === kind).flatMap((need) => missingFor(policy, need));
    if (texts.length === 0) return [];
    return texts.includes("") ? [`--allow-${kind}`] : [`--allow-${kind}=${[...new Set(texts)].toSorted().join(",")}`];
  });
}

/** What to write after `--allow-KIND=` for one need: nothing to write at all when it is met, "" for the bare flag. */
function missingFor(policy: Policy, need: Need): string[] {
  const open = (rule: Rule) => rule.kind === need.kind && !policy.deny.some((denied) => covers(denied, rule));
  if (need.target === undefined) {
    return policy.allow.some(open) || !policy.ceiling.some(open) ? [] : [""];
  }
  const named = policy.ceiling.find((rule) => rule.kind === need.kind && rule.text === need.target);
  const wanted = named ?? exactRule(need.kind, need.target);
  const requested = policy.ceiling.some((rule) => covers(rule, wanted));
  if (!requested || !open(wanted) || policy.allow.some((rule) => covers(rule, wanted))) return [];
  return [named === undefined ? shownTarget(policy, wanted) : named.text];
}
