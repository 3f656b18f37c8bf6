import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unifiedDiff } from "../../src/native/diff.ts";
import { random } from "./random.ts";

const scratch = mkdtempSync(join(tmpdir(), "rein-diff-"));
afterAll(() => rmSync(scratch, { recursive: true }));

type Case = { name: string; old: string; new: string };

const edges: Array<[string, string]> = [
  ["", "one\n"],
  ["", "one"],
  ["one\n", ""],
  ["one", "one\n"],
  ["one\n", "one"],
  ["one\ntwo", "one\ntwo\nthree"],
  ["a\r\nb\r\n", "a\r\nc\r\n"],
  ["a\rb", "a\rb\r"],
  ["\n\n\n", "\n\n"],
  ["-- a\n++ b\n", "++ b\n-- a\n"],
  ["@@ -1 +1 @@\n", "\\ No newline at end of file\n"],
  ["ünïcode 🦀\n", "ünïcode 🦞\n"],
];

/** Texts with few different lines, so that there is much to align, and a random edit of them. */
function edited(seed: number): [string, string] {
  const { below, pick } = random(seed);
  const vocabulary = ["", "a", "b", "}", "  return x;", "ü", "\t"];
  const lines = Array.from({ length: below(60) }, () => pick(vocabulary));
  const changed = [...lines];
  for (let edit = below(8); edit >= 0; edit--)
    changed.splice(below(changed.length + 1), below(3), ...Array.from({ length: below(3) }, () => pick(vocabulary)));
  const end = () => (below(3) === 0 ? "" : "\n");
  return [lines.join("\n") + end(), changed.join("\n") + end()];
}

function cases(): Case[] {
  const pairs = [...edges, ...Array.from({ length: 150 }, (_, seed) => edited(seed))];
  return pairs.map(([before, after], index) => ({
    name: index % 5 === 0 ? `case ${index}` : `case-${index}`,
    old: before,
    new: after,
  }));
}

for (const command of [
  ["git", "apply", "-p0", "--unidiff-zero", "--whitespace=nowarn"],
  ["patch", "-p0", "--binary", "--quiet"],
]) {
  test(`every diff applies with ${command[0]} and gives the new text`, async () => {
    for (const context of [0, 1, 3]) {
      const folder = join(scratch, `${command[0]}-${context}`);
      mkdirSync(folder);
      const all = cases();
      let patch = "";
      for (const { name, old, new: after } of all) {
        writeFileSync(join(folder, name), old);
        patch += await unifiedDiff(old, after, { oldName: name, newName: name, context });
      }
      // Not within this repository, or git would look for the files there.
      const env = { PATH: process.env["PATH"], GIT_CEILING_DIRECTORIES: scratch };
      const child = Bun.spawn(command, { cwd: folder, env, stdin: new Blob([patch]), stdout: "pipe", stderr: "pipe" });
      expect([await child.exited, await child.stdout.text(), await child.stderr.text()]).toEqual([0, "", ""]);
      for (const { name, new: after } of all) expect(readFileSync(join(folder, name), "utf8")).toBe(after);
    }
  });
}

test("equal texts have no diff", async () => {
  expect(await unifiedDiff("same\n", "same\n", { oldName: "a", newName: "b", context: 3 })).toBe("");
});

test("a diff shows its names and the lines around a change", async () => {
  const diff = await unifiedDiff("1\n2\n3\n4\n", "1\n2\nthree\n4\n", { oldName: "a/x", newName: "b/x", context: 1 });
  expect(diff).toBe("--- a/x\n+++ b/x\n@@ -2,3 +2,3 @@\n 2\n-3\n+three\n 4\n");
});

test("a large text is compared on a thread, with the same outcome", async () => {
  const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`);
  const diff = await unifiedDiff(lines.join(""), lines.toSpliced(10_000, 1).join(""), {
    oldName: "a",
    newName: "b",
    context: 0,
  });
  expect(diff).toBe("--- a\n+++ b\n@@ -10001 +10000,0 @@\n-line 10000\n");
});

test("a cancelled comparison throws the signal's reason", async () => {
  const text = (step: number) => Array.from({ length: 50_000 }, (_, index) => `${(index * step) % 49_999}\n`).join("");
  const controller = new AbortController();
  const diff = unifiedDiff(text(7), text(31), { oldName: "a", newName: "b", context: 3 }, controller.signal);
  controller.abort(new Error("enough"));
  await expect(diff).rejects.toThrow("enough");
});
