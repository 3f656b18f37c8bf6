import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unifiedDiff } from "../../src/native/diff.ts";
import { fileEdit } from "../../src/tools/file-edit.ts";
import { makeFileRead } from "../../src/tools/file-read.ts";
import { callTool } from "../helpers/call-tool.ts";
import { memoryHost } from "../helpers/memory-host.ts";
import { random } from "../native/random.ts";

// Edits by chance, the same in every run.

const scratch = mkdtempSync(join(tmpdir(), "rein-edits-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const rounds = 200;
const vocabulary = ["", "a", "b", "}", "  return x;", "ü", "\t", "@@ -1 +1 @@", "-- a", "\\ No newline"];

type Chance = ReturnType<typeof random>;

function someLines({ below, pick }: Chance, most: number): string[] {
  return Array.from({ length: below(most) }, () => pick(vocabulary));
}

/** A text, and what an edit of some of its lines made of it. */
function versions(seed: number): [string, string] {
  const chance = random(seed);
  const lines = someLines(chance, 60);
  const changed = [...lines];
  for (let edit = chance.below(4); edit >= 0; edit--)
    changed.splice(chance.below(changed.length + 1), chance.below(3), ...someLines(chance, 3));
  const end = () => (chance.below(3) === 0 ? "" : "\n");
  return [lines.join("\n") + end(), changed.join("\n") + end()];
}

test("the diff that an edit returns is one that patch applies, and gives the new text", async () => {
  let patches = "";
  const after = new Map<string, string>();
  for (let seed = 0; seed < rounds; seed++) {
    const chance = random(seed);
    const [before] = versions(seed);
    const host = memoryHost({ files: { [`case-${seed}`]: before } });
    const at = chance.below(before.length + 1);
    const old = before.slice(at, at + 1 + chance.below(40));
    const edits = [{ old_text: old, new_text: someLines(chance, 4).join("\n"), all: true }];
    const { content, error } = await callTool(fileEdit, { path: `case-${seed}`, edits }, { host });
    if (error === true) continue;
    patches += content.slice(content.indexOf("\n") + 1);
    writeFileSync(join(scratch, `case-${seed}`), before);
    after.set(`case-${seed}`, host.text(`case-${seed}`) ?? "");
  }
  expect(after.size).toBeGreaterThan(rounds / 2);
  const patch = Bun.spawnSync(["patch", "-p0", "--binary", "--quiet"], { cwd: scratch, stdin: Buffer.from(patches) });
  expect(patch.stderr.toString() + patch.stdout.toString()).toBe("");
  for (const [name, text] of after) expect([name, readFileSync(join(scratch, name), "utf8")]).toEqual([name, text]);
});

test("a diff between two texts makes the second of the first", async () => {
  for (let seed = 0; seed < rounds; seed++) {
    const [before, after] = versions(seed);
    for (const context of [0, 1, 3]) {
      const diff = await unifiedDiff(before, after, { oldName: "a", newName: "a", context });
      if (diff === "") continue;
      for (const lineEnd of ["\n", "\r\n"]) {
        const host = memoryHost({ files: { a: before.replaceAll("\n", lineEnd) } });
        const { content, error } = await callTool(fileEdit, { path: "a", diff }, { host });
        expect([seed, context, error, content, host.text("a")]).toEqual([
          seed,
          context,
          undefined,
          content,
          // Where no line is left of which the ends could be kept, they are plain.
          before.includes("\n") ? after.replaceAll("\n", lineEnd) : after,
        ]);
      }
    }
  }
});

test("a diff still fits when lines came before it and around it", async () => {
  for (let seed = 0; seed < rounds; seed++) {
    const { below } = random(seed);
    const lines = Array.from({ length: 40 }, (_, index) => `line ${index}`);
    const changed = lines.toSpliced(3 + below(30), 1 + below(3), "new 1", "new 2");
    const diff = await unifiedDiff(`${lines.join("\n")}\n`, `${changed.join("\n")}\n`, {
      oldName: "a",
      newName: "a",
      context: 3,
    });
    const more = Array.from({ length: below(9) }, (_, index) => `more ${index}`);
    const host = memoryHost({ files: { a: `${[...more, ...lines, ...more].join("\n")}\n` } });
    await callTool(fileEdit, { path: "a", diff }, { host });
    expect(host.text("a")).toBe(`${[...more, ...changed, ...more].join("\n")}\n`);
  }
});

test("lines that anchors name are replaced, and nothing else", async () => {
  for (let seed = 0; seed < rounds; seed++) {
    const chance = random(seed);
    const lines = [...someLines(chance, 30), "last"];
    const end = chance.pick(["\n", ""]);
    const host = memoryHost({ files: { a: lines.join("\n") + end } });
    const { content } = await callTool(makeFileRead(), { path: "a", anchors: true }, { host });
    const anchors = content.split("\n").map((line) => line.split("|")[0] ?? "");
    const from = chance.below(lines.length);
    const count = 1 + chance.below(lines.length - from);
    const added = chance.pick([[], ["x"], ["", "x"], ["x", ""]]);
    const edit = {
      start: anchors[from] ?? "",
      end: anchors[from + count - 1] ?? "",
      new_text: added.map((line) => `${line}\n`).join(""),
    };
    await callTool(fileEdit, { path: "a", edits: [edit] }, { host });
    const expected = lines.toSpliced(from, count, ...added);
    expect([seed, host.text("a")]).toEqual([seed, expected.join("\n") + (expected.length === 0 ? "" : end)]);
  }
});
