import { expect, test } from "bun:test";
import { permissionKinds, type PermissionKind, type PermissionLists } from "../../src/core/permission.ts";
import { decide } from "../../src/permit/decide.ts";
import { makePolicy, type Policy } from "../../src/permit/policy.ts";
import type { Resolve } from "../../src/permit/rule.ts";
import { policyWithin } from "../../src/permit/within.ts";
import { random } from "../native/random.ts";

const resolve: Resolve = {
  path: (rule) => (rule.startsWith("/") ? rule : rule === "." ? "/work" : `/work/${rule}`),
  program: (name) => (name.startsWith("/") ? name : `/usr/bin/${name}`),
};

/** Rules that lie in each other, beside each other, and are equal. */
const rules: Record<PermissionKind, string[]> = {
  read: ["/", ".", "src", "src/a", "srcs", "/proc", "/proc/self", "/etc/passwd"],
  write: ["/", ".", "out", "out/x", "/tmp"],
  net: [
    "a.org",
    "*.a.org",
    "b.a.org",
    "*.b.a.org",
    "a.org:80",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.3",
    "localhost",
    "127.0.0.1",
  ],
  run: ["git", "bash", "/usr/bin/git", "/opt/git"],
  env: ["LANG", "CI_*", "CI_X", "CI_X_*"],
};

const targets: Record<PermissionKind, string[]> = {
  read: ["/work", "/work/src", "/work/src/a/b", "/work/srcs", "/proc/self/environ", "/etc/passwd", "/etc"],
  write: ["/work", "/work/out/x/y", "/tmp/z", "/etc"],
  net: [
    "a.org:443",
    "a.org:80",
    "b.a.org:443",
    "c.b.a.org:443",
    "10.1.2.3:443",
    "10.9.0.1:443",
    "127.0.0.1:443",
    "localhost:443",
  ],
  run: ["/usr/bin/git", "/usr/bin/bash", "/opt/git"],
  env: ["LANG", "CI_X", "CI_X_Y", "HOME"],
};

function pick<T>(from: readonly T[], chance: () => number): T[] {
  return from.filter(() => chance() < 0.35);
}

function lists(chance: () => number): PermissionLists {
  return Object.fromEntries(permissionKinds.map((kind) => [kind, pick(rules[kind], chance)]));
}

function policyOf(permissions: PermissionLists, deny: PermissionLists, granted: PermissionLists | "all"): Policy {
  // A grant without effect would be refused: only what is requested is granted.
  const allow = granted === "all" ? {} : granted;
  const made = makePolicy(
    { permissions, deny },
    { all: granted === "all", allow, deny: {} },
    { cwd: "/work", resolve },
  );
  if (!made.ok) throw new Error(made.error.join("\n"));
  return made.value;
}

function verdict(policy: Policy, kind: PermissionKind, target: string, canAsk: boolean) {
  return decide(policy, { kind, target, shown: target }, { canAsk, answers: [] }).verdict;
}

test("whatever a spawned agent may do, the one that spawned it may, at any depth", () => {
  const chance = random(7).next;
  let allowed = 0;
  for (let round = 0; round < 300; round++) {
    const requested = lists(chance);
    const granted = Object.fromEntries(permissionKinds.map((kind) => [kind, pick(requested[kind] ?? [], chance)]));
    let parent = policyOf(
      requested,
      lists(() => chance() * 3),
      granted,
    );
    for (let depth = 0; depth < 3; depth++) {
      const own = policyOf(
        lists(chance),
        lists(() => chance() * 3),
        "all",
      );
      const child = policyWithin(parent, own);
      for (const kind of permissionKinds) {
        for (const target of targets[kind]) {
          const may = verdict(child, kind, target, false) === "allow";
          if (may) allowed++;
          if (may && verdict(parent, kind, target, false) !== "allow") throw new Error(`${kind} ${target} in ${round}`);
          if (may && verdict(own, kind, target, false) !== "allow")
            throw new Error(`own ${kind} ${target} in ${round}`);
          const both =
            verdict(parent, kind, target, false) === "allow" && verdict(own, kind, target, false) === "allow";
          expect(may).toBe(both);
          if (verdict(parent, kind, target, true) === "deny") expect(verdict(child, kind, target, true)).toBe("deny");
        }
      }
      parent = child;
    }
  }
  expect(allowed).toBeGreaterThan(500);
});

test("what the agent that spawned it would have to ask for, it has to ask for", () => {
  const parent = policyOf({ read: ["."] }, {}, {});
  const child = policyWithin(parent, policyOf({ read: ["src"] }, {}, "all"));
  expect(verdict(child, "read", "/work/src/a", true)).toBe("ask");
  expect(verdict(child, "read", "/work/other", true)).toBe("deny");
});

test("what denies is said as it was for the agent that it was written for", () => {
  const parent = policyOf({ read: ["."] }, { read: ["src"] }, "all");
  const child = policyWithin(parent, policyOf({ read: ["."] }, {}, "all"));
  expect(child.deny.map(({ said }) => said)).toEqual(["deny.read 'src'"]);
});
