import { describe, expect, test } from "bun:test";
import type { AccessRequest, Grants, PermissionLists } from "../../src/core/permission.ts";
import { closedBelow, decide, missing } from "../../src/permit/decide.ts";
import { describe as describePolicy } from "../../src/permit/describe.ts";
import { makePolicy, type Policy } from "../../src/permit/policy.ts";
import type { Resolve } from "../../src/permit/rule.ts";

const none: Grants = { all: false, allow: {}, deny: {} };
const everything: Grants = { ...none, all: true };

const resolve: Resolve = {
  path: (rule) => (rule.startsWith("/") ? rule : rule === "." ? "/work" : `/work/${rule}`),
  program: (name) => (name === "absent" ? undefined : name.startsWith("/") ? name : `/usr/bin/${name}`),
};

function result(permissions: PermissionLists, grants: Grants, deny: PermissionLists = {}) {
  return makePolicy({ permissions, deny }, grants, { cwd: "/work", resolve });
}

function policy(permissions: PermissionLists, grants: Grants = everything, deny: PermissionLists = {}): Policy {
  const made = result(permissions, grants, deny);
  if (!made.ok) throw new Error(made.error.join("\n"));
  return made.value;
}

function errors(permissions: PermissionLists, grants: Grants, deny: PermissionLists = {}): string[] {
  const made = result(permissions, grants, deny);
  return made.ok ? [] : made.error;
}

function judge(rules: Policy, kind: AccessRequest["kind"], target: string, address?: string) {
  const request: AccessRequest = { kind, target, shown: target, ...(address === undefined ? {} : { address }) };
  const decision = decide(rules, request, { canAsk: false, answers: [] });
  return decision.verdict === "allow" ? "allow" : `${decision.denial.reason} ${decision.denial.flag ?? ""}`.trim();
}

const unrequested = "the agent file does not request it";

describe("the ceiling and the grants", () => {
  test("what the file does not request is denied, without a flag and without a question", () => {
    const request: AccessRequest = { kind: "read", target: "/etc/passwd", shown: "/etc/passwd" };
    expect(decide(policy({ read: ["."] }), request, { canAsk: true, answers: [] })).toEqual({
      verdict: "deny",
      denial: { kind: "read", target: "/etc/passwd", reason: unrequested },
    });
  });

  test("where less can be granted than the file requests no flag is named for the rest, and a person is asked as ever", () => {
    const rules: Policy = { ...policy({ read: ["."] }, none), grantable: policy({ read: ["src"] }).allow };
    expect(judge(rules, "read", "/work/src/a")).toBe("not granted --allow-read=src/a");
    expect(judge(rules, "read", "/work/a")).toBe("not granted when the run began");
    const request: AccessRequest = { kind: "read", target: "/work/a", shown: "a" };
    expect(decide(rules, request, { canAsk: true, answers: [] }).verdict).toBe("ask");
  });

  test("where anything can be granted the flag names the program", () => {
    const rules: Policy = { ...policy({}, none), ceiling: [{ kind: "run", text: "anything", scope: { type: "any" } }] };
    expect(judge(rules, "run", "/usr/bin/gopls")).toBe("not granted --allow-run=/usr/bin/gopls");
  });

  test("-P grants all that the file requests and nothing more", () => {
    const rules = policy({ read: ["."] });
    expect(judge(rules, "read", "/work/a")).toBe("allow");
    expect(judge(rules, "write", "/work/a")).toBe(unrequested);
  });

  test("a rule for all hosts below one can be granted as it is requested", () => {
    const rules = policy({ net: ["*.a.org"] }, { ...none, allow: { net: ["*.a.org"] } });
    expect(judge(rules, "net", "b.a.org:443", "93.184.215.14")).toBe("allow");
    expect(judge(rules, "net", "a.org:443", "93.184.215.14")).toBe(unrequested);
  });

  test("write does not include read", () => {
    expect(judge(policy({ write: ["."] }), "read", "/work/a")).toBe(unrequested);
  });

  test("a grant narrower than the request allows only its part", () => {
    const rules = policy({ read: ["."] }, { ...none, allow: { read: ["src"] } });
    expect(judge(rules, "read", "/work/src/a")).toBe("allow");
    expect(judge(rules, "read", "/work/docs")).toBe("not granted --allow-read=docs");
  });

  test("a grant wider than the request is cut to the request", () => {
    const rules = policy({ read: ["src"] }, { ...none, allow: { read: ["/"] } });
    expect(judge(rules, "read", "/work/src/a")).toBe("allow");
    expect(judge(rules, "read", "/work/b")).toBe(unrequested);
  });

  test("a bare flag grants all of its kind that the file requests", () => {
    const rules = policy({ read: ["."], env: ["CI"] }, { ...none, allow: { read: true } });
    expect(judge(rules, "read", "/work/x")).toBe("allow");
    expect(judge(rules, "env", "CI")).toBe("not granted --allow-env=CI");
  });

  test("a grant that could never have an effect is an error that names the flag", () => {
    expect(errors({ read: ["."] }, { ...none, allow: { net: ["x.com"], run: true, read: ["/etc"] } })).toEqual([
      "--allow-read=/etc can have no effect: the agent file requests only '.'",
      "--allow-net=x.com can have no effect: the agent file requests no net",
      "--allow-run can have no effect: the agent file requests no run",
    ]);
  });

  test("a program that is not installed can still be granted by its name", () => {
    expect(errors({ run: ["absent"] }, { ...none, allow: { run: ["absent"] } })).toEqual([]);
  });

  test("rules that cannot be read are errors, all of them at once", () => {
    expect(
      errors({ net: ["http://x.com", "x.com:0", "a b", "*"], run: ["./x"], env: ["A-B"] }, none, { read: [""] }),
    ).toEqual([
      "deny.read: '' is empty",
      "permissions.net: 'http://x.com' is not a host, '*.host', IP address or network, with or without ':port'",
      "permissions.net: 'x.com:0' names a port that does not exist",
      "permissions.net: 'a b' is not a host, '*.host', IP address or network, with or without ':port'",
      "permissions.net: '*' is not a host, '*.host', IP address or network, with or without ':port'",
      "permissions.run: './x' is not a program's name or absolute path",
      "permissions.env: 'A-B' is not a variable's name or 'PREFIX_*'",
    ]);
  });
});

describe("asking", () => {
  const rules = policy({ read: ["."] }, none);
  const request: AccessRequest = { kind: "read", target: "/work/a", shown: "a" };

  test("what was requested and not granted is asked where somebody can be asked", () => {
    const decision = decide(rules, request, { canAsk: true, answers: [] });
    expect(decision.verdict).toBe("ask");
  });

  test("an answer for the session allows exactly its target", () => {
    const answers = [{ kind: "read" as const, target: "/work/a" }];
    expect(decide(rules, request, { canAsk: true, answers })).toEqual({ verdict: "allow", by: "answer" });
    expect(decide(rules, { ...request, target: "/work/a/b" }, { canAsk: true, answers }).verdict).toBe("ask");
  });

  test("no answer beats a deny rule", () => {
    const denying = policy({ read: ["."] }, none, { read: ["a"] });
    const answers = [{ kind: "read" as const, target: "/work/a" }];
    expect(decide(denying, request, { canAsk: true, answers }).verdict).toBe("deny");
  });
});

describe("deny", () => {
  test("a deny rule beats -P, inside of an allowed tree too", () => {
    const rules = policy({ read: ["."] }, everything, { read: [".git"] });
    expect(judge(rules, "read", "/work/a")).toBe("allow");
    expect(judge(rules, "read", "/work/.git/config")).toBe("denied by deny.read '.git'");
  });

  test("a deny flag names itself, and a bare one denies the whole kind", () => {
    const rules = policy({ read: ["."], net: ["x.com"] }, { all: true, allow: {}, deny: { read: ["a"], net: true } });
    expect(judge(rules, "read", "/work/a")).toBe("denied by --deny-read=a");
    expect(judge(rules, "net", "x.com:443")).toBe("denied by --deny-net");
  });

  test("a denied host is denied on every port", () => {
    const rules = policy({ net: ["*.x.com", "*.x.com:8080"] }, everything, { net: ["a.x.com"] });
    expect(judge(rules, "net", "b.x.com:8080")).toBe("allow");
    expect(judge(rules, "net", "a.x.com:8080")).toBe("denied by deny.net 'a.x.com'");
  });
});

describe("paths", () => {
  test("a folder covers its tree and not its namesakes", () => {
    const rules = policy({ read: ["/a/b"] });
    expect(judge(rules, "read", "/a/b")).toBe("allow");
    expect(judge(rules, "read", "/a/b/c")).toBe("allow");
    expect(judge(rules, "read", "/a/bc")).toBe(unrequested);
    expect(judge(rules, "read", "/a")).toBe(unrequested);
  });

  test("the root covers everything but /proc, which must be named", () => {
    expect(judge(policy({ read: ["/"] }), "read", "/etc/passwd")).toBe("allow");
    expect(judge(policy({ read: ["/"] }), "read", "/proc/1/environ")).toBe(unrequested);
    expect(judge(policy({ read: ["/proc/meminfo"] }), "read", "/proc/meminfo")).toBe("allow");
  });

  test("the flag shows a path as its user would write it", () => {
    const rules = policy({ read: ["/"] }, none);
    expect(judge(rules, "read", "/work")).toBe("not granted --allow-read=.");
    expect(judge(rules, "read", "/work/src/x")).toBe("not granted --allow-read=src/x");
    expect(judge(rules, "read", "/workshop")).toBe("not granted --allow-read=/workshop");
    expect(judge(rules, "read", "/work/~a")).toBe("not granted --allow-read=./~a");
  });
});

describe("net", () => {
  test("a host means port 443 unless its rule names another", () => {
    const rules = policy({ net: ["x.com", "y.com:8080"] });
    expect(judge(rules, "net", "x.com:443")).toBe("allow");
    expect(judge(rules, "net", "x.com:80")).toBe(unrequested);
    expect(judge(rules, "net", "y.com:443")).toBe(unrequested);
    expect(judge(rules, "net", "y.com:8080")).toBe("allow");
  });

  test("*.host covers names below it and not itself nor its namesakes", () => {
    const rules = policy({ net: ["*.x.com"] });
    expect(judge(rules, "net", "a.x.com:443")).toBe("allow");
    expect(judge(rules, "net", "a.b.x.com:443")).toBe("allow");
    expect(judge(rules, "net", "x.com:443")).toBe(unrequested);
    expect(judge(rules, "net", "evilx.com:443")).toBe(unrequested);
  });

  test("a host is compared in lower case and as punycode", () => {
    const rules = policy({ net: ["Bücher.Example", "X.com."] });
    expect(judge(rules, "net", "xn--bcher-kva.example:443")).toBe("allow");
    expect(judge(rules, "net", "x.com:443")).toBe("allow");
  });

  test("networks cover addresses of both families, however they are spelled", () => {
    const rules = policy({ net: ["10.0.0.0/8:80", "fc00::/7", "[2001:db8::1]:8080"] });
    expect(judge(rules, "net", "10.255.0.1:80")).toBe("allow");
    expect(judge(rules, "net", "[::ffff:10.0.0.1]:80")).toBe("allow");
    expect(judge(rules, "net", "11.0.0.1:80")).toBe(unrequested);
    expect(judge(rules, "net", "[fdff::1]:443")).toBe("allow");
    expect(judge(rules, "net", "[fe00::1]:443")).toBe(unrequested);
    expect(judge(rules, "net", "[2001:DB8:0::1]:8080")).toBe("allow");
  });

  test.each([
    "127.0.0.1",
    "10.1.2.3",
    "172.31.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "168.63.129.16",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "64:ff9b::10.0.0.1",
    "fe80::1",
    "fd00:ec2::254",
    "2002:7f00:1::",
    "224.0.0.1",
  ])("a granted name that leads to %s is denied", (address) => {
    expect(judge(policy({ net: ["x.com"] }), "net", "x.com:443", address)).toBe(
      `${unrequested} (the host's address is '${address}')`,
    );
  });

  test.each(["93.184.215.14", "2606:2800:220::1", "64:ff9b::93.184.215.14", "172.32.0.1", "100.128.0.1"])(
    "a granted name that leads to %s is allowed",
    (address) => {
      expect(judge(policy({ net: ["x.com"] }), "net", "x.com:443", address)).toBe("allow");
    },
  );

  test("a private address is allowed where a rule names it for that port", () => {
    expect(judge(policy({ net: ["x.lan", "10.0.0.0/8"] }), "net", "x.lan:443", "10.0.0.1")).toBe("allow");
    expect(judge(policy({ net: ["x.lan", "10.0.0.0/8:80"] }), "net", "x.lan:443", "10.0.0.1")).toContain(unrequested);
    const partly = policy({ net: ["x.lan", "10.0.0.0/8"] }, { ...none, allow: { net: ["x.lan"] } });
    expect(judge(partly, "net", "x.lan:443", "10.0.0.1")).toBe(
      "not granted (the host's address is '10.0.0.1') --allow-net=10.0.0.1",
    );
  });

  test("the name localhost names the loopback addresses and no others", () => {
    const rules = policy({ net: ["localhost:8080"] });
    expect(judge(rules, "net", "localhost:8080", "127.0.0.1")).toBe("allow");
    expect(judge(rules, "net", "localhost:8080", "::1")).toBe("allow");
    expect(judge(rules, "net", "localhost:8080", "10.0.0.1")).toContain(unrequested);
    expect(judge(rules, "net", "localhost:8081", "127.0.0.1")).toBe(unrequested);
  });

  test("a denied network denies the names that lead into it", () => {
    const rules = policy({ net: ["x.com"] }, everything, { net: ["93.0.0.0/8"] });
    expect(judge(rules, "net", "x.com:443", "93.184.215.14")).toBe(
      "denied by deny.net '93.0.0.0/8' (the host's address is '93.184.215.14')",
    );
  });

  test("an address is no rule for the names that lead to it", () => {
    expect(judge(policy({ net: ["93.184.215.14"] }), "net", "x.com:443", "93.184.215.14")).toBe(unrequested);
  });
});

describe("run and env", () => {
  test("a program is its absolute path and nothing else of that name", () => {
    const rules = policy({ run: ["git"] });
    expect(judge(rules, "run", "/usr/bin/git")).toBe("allow");
    expect(judge(rules, "run", "/work/git")).toBe(unrequested);
    expect(judge(policy({ run: ["git"] }, none), "run", "/usr/bin/git")).toBe("not granted --allow-run=git");
  });

  test("a name that is not installed covers nothing", () => {
    expect(judge(policy({ run: ["absent"] }), "run", "/work/absent")).toBe(unrequested);
  });

  test("a variable is covered by its name or by a prefix", () => {
    const rules = policy({ env: ["CI", "GITHUB_*"] });
    expect(judge(rules, "env", "CI")).toBe("allow");
    expect(judge(rules, "env", "CI_TOKEN")).toBe(unrequested);
    expect(judge(rules, "env", "GITHUB_SHA")).toBe("allow");
  });
});

describe("the grant check", () => {
  const needs = [
    { kind: "run" as const, target: "jq" },
    { kind: "read" as const },
    { kind: "run" as const, target: "bash" },
  ];

  test("names one flag per kind for what cannot be met", () => {
    expect(missing(policy({ read: ["."], run: ["bash", "jq"] }, none), needs, false)).toEqual([
      "--allow-read",
      "--allow-run=bash,jq",
    ]);
  });

  test("is empty when every need is met or somebody can be asked", () => {
    expect(missing(policy({ read: ["."], run: ["bash", "jq"] }), needs, false)).toEqual([]);
    expect(missing(policy({ read: ["."], run: ["bash", "jq"] }, none), needs, true)).toEqual([]);
    const part = policy({ read: ["."] }, { ...none, allow: { read: ["src"] } });
    expect(missing(part, [{ kind: "read" }], false)).toEqual([]);
  });

  test("leaves out what no flag can grant", () => {
    expect(missing(policy({ run: ["bash"] }, none, { run: ["bash"] }), needs, false)).toEqual([]);
  });
});

test("a policy describes itself in the same order however its rules were written", () => {
  const grants: Grants = { all: false, allow: { read: ["src"], env: true }, deny: { net: true } };
  const deny = { read: [".git"] };
  const a = describePolicy(policy({ env: ["CI", "A"], read: [".", "docs"], net: ["x.com"] }, grants, deny));
  const b = describePolicy(policy({ net: ["x.com"], read: ["docs", ".", "."], env: ["A", "CI"] }, grants, deny));
  expect(a).toEqual(b);
  expect(a).toEqual({
    allowed: { read: ["src"], env: ["A", "CI"] },
    ungranted: { read: [".", "docs"], net: ["x.com"] },
    denied: { read: [".git"], net: ["everything"] },
    children: {
      contained: false,
      env: ["A", "CI", "HOME", "LANG", "LC_*", "PATH", "TERM", "TMPDIR", "TZ", "USER"],
    },
  });
});

describe("what stays closed in a folder's tree", () => {
  const deny = { read: ["src/secret", "/other"], write: ["src/open"] };

  test("denied paths of that kind below it, and not those beside it", () => {
    const rules = policy({ read: ["."] }, everything, deny);
    expect(closedBelow(rules, "read", "/work")).toEqual(["/work/src/secret"]);
    expect(closedBelow(rules, "read", "/work/src/secret/deep")).toEqual([]);
    expect(closedBelow(rules, "write", "/work")).toEqual(["/work/src/open"]);
    expect(closedBelow(rules, "read", "/wor")).toEqual([]);
  });

  test("/proc, unless it was granted itself", () => {
    expect(closedBelow(policy({ read: ["/"] }), "read", "/")).toEqual(["/proc"]);
    expect(closedBelow(policy({ read: ["/", "/proc"] }), "read", "/")).toEqual([]);
    expect(closedBelow(policy({ read: ["/", "/proc"] }, everything, { read: ["/proc/1"] }), "read", "/proc")).toEqual([
      "/proc/1",
    ]);
  });
});
