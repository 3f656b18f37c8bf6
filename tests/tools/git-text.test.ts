import { describe, expect, test } from "bun:test";
import { parseSettings, screen } from "../../src/tools/git-config.ts";
import { parseRemote, shownUrl } from "../../src/tools/git-remote.ts";
import { parseNumstat, parsePush, parseStatus } from "../../src/tools/git-text.ts";

describe("what git prints", () => {
  test("a status with a rename, a conflict and odd names", () => {
    const output = [
      "# branch.oid (initial)",
      "# branch.head (detached)",
      "# branch.upstream origin/main",
      "# branch.ab +1 -2",
      "1 MD N... 100644 100644 000000 abc def a b.txt",
      "2 R. N... 100644 100644 100644 abc def R100 new\nname",
      "old name",
      "u UU N... 100644 100644 100644 100644 a b c both.txt",
      "? new file",
      "",
    ].join("\0");
    expect(parseStatus(output)).toEqual({
      branch: null,
      commit: null,
      upstream: "origin/main",
      ahead: 1,
      behind: 2,
      staged: [
        { path: "a b.txt", change: "modified" },
        { path: "new\nname", change: "renamed", from: "old name" },
      ],
      unstaged: [{ path: "a b.txt", change: "deleted" }],
      untracked: ["new file"],
      conflicts: [{ path: "both.txt", change: "modified by both" }],
    });
  });

  test("counts of a rename and of a binary file", () => {
    expect(parseNumstat("1\t2\ta\tb\0-\t-\tc.png\x000\t0\t\0from\0to\0")).toEqual([
      { path: "a\tb", added: 1, deleted: 2 },
      { path: "c.png", added: null, deleted: null },
      { path: "to", from: "from", added: 0, deleted: 0 },
    ]);
  });

  test("what became of a push", () => {
    const output = "To https://x\n*\trefs/heads/a:refs/heads/a\t[new branch]\n \tr:s\tabc..def\nDone\n";
    expect(parsePush(output)).toEqual([
      { from: "refs/heads/a", to: "refs/heads/a", result: "new branch" },
      { from: "r", to: "s", result: "abc..def" },
    ]);
  });
});

describe("settings", () => {
  test("values may have newlines, or none at all", () => {
    expect(parseSettings("local\0a.b\nc\nd\0worktree\0e.f\0")).toEqual([
      { scope: "local", key: "a.b", value: "c\nd" },
      { scope: "worktree", key: "e.f", value: "true" },
    ]);
  });

  test("only the repository's own are looked at", () => {
    expect(screen([{ scope: "command", key: "filter.x.clean", value: "y" }])).toEqual({
      ok: true,
      value: { overrides: [], ignored: [] },
    });
  });

  test("what a later git might run is refused", () => {
    expect(screen([{ scope: "local", key: "new.thing.command", value: "x" }])).toEqual({
      ok: false,
      error: "its config has 'new.thing.command', which names a program",
    });
  });
});

describe("addresses", () => {
  test.each([
    ["https://Example.test/a.git", { kind: "https", host: "example.test", port: 443 }],
    ["https://example.test:8443/a", { kind: "https", host: "example.test", port: 8443 }],
    ["ssh://git@example.test/a", { kind: "ssh", host: "example.test", port: 22 }],
    ["ssh://git@example.test:443/a", { kind: "ssh", host: "example.test", port: 443 }],
    ["git@example.test:a/b.git", { kind: "ssh", host: "example.test", port: 22 }],
    ["[::1]:a", { kind: "ssh", host: "[::1]", port: 22 }],
    ["./a", { kind: "file", path: "./a" }],
    ["/a/b", { kind: "file", path: "/a/b" }],
    ["file:///a", { kind: "file", path: "/a" }],
  ])("%s", (text, remote) => {
    expect(parseRemote(text)).toEqual({ ok: true, value: expect.objectContaining({ url: text, ...remote }) });
  });

  test.each([
    "",
    "-x",
    "--upload-pack=x",
    "ext::sh",
    "ftp://a/b",
    "git://a/b",
    "http://a/b",
    "https://a:b@c/d",
    "https://token@c/d",
    "ssh://git:pass@c/d",
    "ssh://-oProxyCommand=x/d",
    "a@-oProxyCommand=x:y",
    "file://host/path",
    "a b:c",
    "a\0b",
    "host:-x",
  ])("%j is none", (text) => {
    expect(parseRemote(text).ok).toBe(false);
  });

  test("nothing secret of one is shown", () => {
    expect(shownUrl("https://ada:secret@x/y?token=z")).toBe("https://x/y");
  });
});
