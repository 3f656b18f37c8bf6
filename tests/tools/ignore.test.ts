import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { judge, parseIgnore } from "../../src/tools/ignore.ts";

// The reference is git itself: each pattern is put into a .gitignore, and `git check-ignore` is asked about each path.

const paths = [
  "a",
  "b",
  "foo",
  "foo.log",
  "bar.log",
  "x.pyc",
  "x.pyd",
  "x.py",
  "#note",
  "!bang",
  "with space",
  "trail ",
  "{a,b}",
  "a[b]",
  "é.txt",
  "dir/foo",
  "dir/foo.log",
  "dir/sub/foo",
  "dir/sub/deep/foo",
  "doc/a.txt",
  "doc/sub/a.txt",
  "build/out",
  "lib/build/out",
  "a-b",
  "a.b.c",
  "back\\slash",
  "star*",
  "aXb",
  "-dash",
  ".hidden",
  ".env",
  ".env.local",
];

const patterns = [
  "foo",
  "/foo",
  "foo/",
  "/foo/",
  "dir/foo",
  "/dir/foo",
  "**/foo",
  "dir/**",
  "dir/**/foo",
  "**/sub/foo",
  "*.log",
  "/*.log",
  "dir/*",
  "dir/*/foo",
  "*.py[cd]",
  "*.py[!cd]",
  "x.p?c",
  "x.p??",
  "#note",
  "\\#note",
  "!bang",
  "\\!bang",
  "with space",
  "with space  ",
  "trail\\ ",
  "trail ",
  "{a,b}",
  "\\{a,b\\}",
  "a\\[b\\]",
  "a[-_]b",
  "*",
  "/*",
  "**",
  "doc/*.txt",
  "doc/**/*.txt",
  "build",
  "build/",
  "/build",
  "*/build",
  "back\\\\slash",
  "star\\*",
  "star[*]",
  "[a-c]",
  "[^a-c]",
  "a*b",
  "a**b",
  ".*",
  ".env*",
  "é*",
  "",
  "   ",
  "/",
  "//",
  "foo\r",
  "sub/",
  "deep",
  "*.log\n!bar.log",
  "/*\n!/dir",
  "dir/*\n!dir/foo",
  "*\n!*/\n!foo",
  "!foo\nfoo",
  "foo\n!foo\nfoo",
  "#c\n\nfoo\n#d",
  "\ufefffoo",
];

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "rein-ignore-"));
  git(["init", "-q"]);
  for (const path of paths) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), "");
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function git(args: string[], stdin = ""): string {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
  return Bun.spawnSync(["git", ...args], { cwd: folder, env, stdin: Buffer.from(stdin) }).stdout.toString();
}

/** What a walk would leave out: itself ignored, or below a folder that is. */
function ignoredByUs(source: string): string[] {
  const rules = parseIgnore(source);
  return paths.filter((path) => {
    const steps = path.split("/");
    return steps.some((_, index) => {
      const isFolder = index < steps.length - 1;
      return judge(rules, steps.slice(0, index + 1).join("/"), isFolder) === "ignored";
    });
  });
}

test("each pattern rules out what git rules out by it", () => {
  for (const source of patterns) {
    writeFileSync(join(folder, ".gitignore"), source);
    const answer = git(["check-ignore", "--no-index", "-z", "--stdin"], paths.map((path) => `${path}\0`).join(""));
    const byGit = answer.split("\0").filter((path) => path !== "");
    expect({ source, ignored: ignoredByUs(source) }).toEqual({ source, ignored: byGit });
  }
});

test("a hostile .gitignore is read in bounded time", () => {
  const rules = parseIgnore(`${"\\".repeat(90_000)}x\n${"*a".repeat(40_000)}\n${"a\n".repeat(20_000)}`);
  expect(rules.length).toBeLessThanOrEqual(5000);
  expect(judge(rules, "b".repeat(200), false)).toBeUndefined();
});
