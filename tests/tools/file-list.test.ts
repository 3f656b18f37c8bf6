import { describe, expect, test } from "bun:test";
import { symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../src/core/json.ts";
import { fileList } from "../../src/tools/file-list.ts";
import { callTool } from "../helpers/call-tool.ts";
import { openRoom, type Room } from "../host/harness.ts";
import { placed, type Files } from "./placed.ts";

function room(files: Files, deny: string[] = []): Room {
  return openRoom({ permissions: { read: ["."] }, deny: { read: deny }, place: placed(files) });
}

async function list(files: Files, input: JsonObject): Promise<string> {
  await using opened = room(files);
  return (await callTool(fileList, input, opened)).content;
}

const tree: Files = {
  ".git/config": "x",
  ".gitignore": "dist/\n*.log\n!keep.log\n",
  "README.md": "x".repeat(1500),
  "debug.log": "x",
  "dist/out.js": "x",
  "keep.log": "",
  "src/a/b/deep.ts": "x",
  "src/index.ts": "xy",
  "src/.gitignore": "/index.ts\n!debug.log\n",
  "src/a/debug.log": "x",
};

describe("a folder", () => {
  test("two levels, sorted, with sizes, without what is ignored", async () => {
    expect(await list(tree, {})).toBe(
      [
        ".gitignore (22 bytes)",
        "README.md (1.5 KB)",
        "keep.log (0 bytes)",
        "src/",
        "src/.gitignore (21 bytes)",
        "src/a/",
      ].join("\n"),
    );
  });

  test("depth goes further down, and an inner .gitignore has the last word", async () => {
    const lines = (await list(tree, { depth: 9 })).split("\n");
    expect(lines).toContain("src/a/b/deep.ts (1 byte)");
    expect(lines).toContain("src/a/debug.log (1 byte)");
    expect(lines).not.toContain("src/index.ts (2 bytes)");
  });

  test("lines are in byte order", async () => {
    const files = { "a/x": "", "a-b": "", "a.txt": "", B: "", ä: "", "a/": "" };
    const { "a/": _, ...real } = files;
    const lines = (await list(real, {})).split("\n");
    expect(lines).toEqual(lines.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    expect(lines).toContain("a/x (0 bytes)");
  });

  test("all shows what is ignored too", async () => {
    const lines = (await list(tree, { all: true })).split("\n");
    expect(lines).toContain(".git/config (1 byte)");
    expect(lines).toContain("dist/out.js (1 byte)");
  });

  test("the rules of folders above the listed one count, up to the top of its repository", async () => {
    await using opened = room({ ...tree, "src/sub/.git/HEAD": "", "src/sub/debug.log": "x" });
    const listed = async (path: string) => (await callTool(fileList, { path, depth: 1 }, opened)).content;
    expect(await listed("src/a")).toBe("src/a/b/\nsrc/a/debug.log (1 byte)");
    expect(await listed("src")).toBe("src/.gitignore (21 bytes)\nsrc/a/\nsrc/sub/");
    expect(await listed(`${opened.cwd}/src/`)).toBe(
      ["/.gitignore (21 bytes)", "/a/", "/sub/"].map((line) => `${opened.cwd}/src${line}`).join("\n"),
    );
    expect(await listed("src/sub")).toBe("src/sub/debug.log (1 byte)");
  });

  test("what .git/info/exclude rules out is left out", async () => {
    const files = { ".git/info/exclude": "secret\n", secret: "", "a/secret": "", "a/b": "" };
    expect(await list(files, {})).toBe("a/\na/b (0 bytes)");
    expect(await list(files, { path: "a" })).toBe("a/b (0 bytes)");
  });

  test("an ignored folder that is named is listed", async () => {
    expect(await list(tree, { path: "./dist" })).toBe("dist/out.js (1 byte)");
  });

  test("a glob looks through all levels, and exclude leaves out", async () => {
    expect(await list(tree, { glob: "*.ts" })).toBe("src/a/b/deep.ts (1 byte)\nsrc/index.ts (2 bytes)");
    expect(await list(tree, { glob: "src/**/*.{ts,log}", exclude: "index.*" })).toBe(
      "src/a/b/deep.ts (1 byte)\nsrc/a/debug.log (1 byte)",
    );
    expect(await list(tree, { glob: "./src/*.ts" })).toBe("src/index.ts (2 bytes)");
    expect(await list(tree, { exclude: "{src,*.md}" })).toBe(".gitignore (22 bytes)\nkeep.log (0 bytes)");
    expect(await list(tree, { glob: "*.rs" })).toBe("[nothing matches '*.rs']");
  });

  test("a glob that is none says why", async () => {
    await using opened = room(tree);
    const { content, error } = await callTool(fileList, { glob: "{a" }, opened);
    expect(content).toStartWith("Cannot list '.': the glob '{a' is wrong: unclosed alternate group");
    expect(error).toBe(true);
  });

  test("a .gitignore that may not be read is left alone, above the folder and in it", async () => {
    await using opened = room(tree, [".gitignore", ".git"]);
    const { content } = await callTool(fileList, { path: ".", depth: 1 }, opened);
    expect(content).toBe("README.md (1.5 KB)\ndebug.log (1 byte)\ndist/\nkeep.log (0 bytes)\nsrc/");
    expect((await callTool(fileList, { path: "src/a", depth: 1 }, opened)).content).toContain("debug.log");
    expect(opened.told.filter(({ verdict }) => verdict !== "allow")).toEqual([]);
  });
});

describe("a tree", () => {
  test("names stand indented below their folders", async () => {
    expect(await list(tree, { tree: true, depth: 9, glob: "*.{ts,md}" })).toBe(
      "README.md (1.5 KB)\nsrc/\n  a/\n    b/\n      deep.ts (1 byte)\n  index.ts (2 bytes)",
    );
    expect(await list(tree, { tree: true })).toBe(
      ".gitignore (22 bytes)\nREADME.md (1.5 KB)\nkeep.log (0 bytes)\nsrc/\n  .gitignore (21 bytes)\n  a/",
    );
  });

  test("a page begins with the folders that lead to its first entry", async () => {
    const files = { "a/b/1": "", "a/b/2": "", "a/c": "" };
    expect(await list(files, { tree: true, depth: 9, offset: 4 })).toBe(
      "a/\n  b/\n    2 (0 bytes)\n  c (0 bytes)\n[entries 4-5 of 5]",
    );
  });

  test("it has an order of its own", async () => {
    const outcome = await list(tree, { tree: true, sort: "size" });
    expect(outcome).toBe("Cannot list '.': a tree is sorted by path; leave out tree or sort");
  });
});

describe("sizes and times", () => {
  const files = { "a/small": "x", "b/large": "x".repeat(99), middle: "x".repeat(50), "same-as-small": "y" };

  test("the largest come first, those of one size by path", async () => {
    expect(await list(files, { sort: "size" })).toBe(
      "b/large (99 bytes)\nmiddle (50 bytes)\na/small (1 byte)\nsame-as-small (1 byte)",
    );
    expect(await list(files, { sort: "size", offset: 2, limit: 2 })).toBe(
      "middle (50 bytes)\na/small (1 byte)\n[entries 2-3 of 4; the next ones: offset 4]",
    );
  });

  test("what changed last comes first, with its time", async () => {
    await using opened = openRoom({
      permissions: { read: ["."] },
      place: (cwd) => {
        placed({ old: "", new: "", before: "" })(cwd);
        for (const [name, time] of Object.entries({ old: 86_400, new: 1e9, before: 1 }))
          utimesSync(join(cwd, name), time, time);
      },
    });
    expect((await callTool(fileList, { sort: "time" }, opened)).content).toBe(
      "new (0 bytes, 2001-09-09 01:46)\nold (0 bytes, 1970-01-02 00:00)\nbefore (0 bytes, 1970-01-01 00:00)",
    );
    const { content } = await callTool(fileList, { times: true }, opened);
    expect(content.split("\n")[1]).toBe("new (0 bytes, 2001-09-09 01:46)");
  });
});

describe("pages", () => {
  const many = Object.fromEntries(
    Array.from({ length: 1200 }, (_, index) => [`f${String(index).padStart(4, "0")}`, "x"]),
  );

  test("a long list says where it goes on, and all pages are the whole list", async () => {
    await using opened = room(many);
    const page = async (input: JsonObject) => (await callTool(fileList, input, opened)).content;
    expect(await page({ limit: 2 })).toBe(
      "f0000 (1 byte)\nf0001 (1 byte)\n[entries 1-2 of 1,200; the next ones: offset 3]",
    );
    expect(await page({ offset: 1200 })).toBe("f1199 (1 byte)\n[entries 1200-1200 of 1,200]");
    expect(await page({ offset: 1201 })).toBe("[there are only 1,200 entries]");
    expect(await page({ offset: 2 ** 53 - 1 })).toBe("[there are only 1,200 entries]");
  });

  test("long names end a page early, and the next offset is the first that was left out", async () => {
    await using opened = room(
      Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`${index + 100}${"n".repeat(250)}`, ""])),
    );
    const { content } = await callTool(fileList, {}, opened);
    const last = content.split("\n").length - 1;
    expect(content.length).toBeLessThan(50_200);
    expect(content).toEndWith(`[entries 1-${last} of 300; the next ones: offset ${last + 1}]`);
    const next = await callTool(fileList, { offset: last + 1, limit: 1 }, opened);
    expect(next.content).toStartWith(`${last + 100}n`);
  });
});

describe("odd folders", () => {
  test("a name with a newline stays on one line", async () => {
    expect(await list({ "a\nb": "", '"q"': "" }, {})).toBe('"\\"q\\"" (0 bytes)\n"a\\nb" (0 bytes)');
  });

  test("an empty folder says so", async () => {
    expect(await list({}, {})).toBe("[. is empty]");
  });

  test("a file is no folder, and a missing one names the nearest", async () => {
    await using opened = room(tree);
    expect(await callTool(fileList, { path: "README.md" }, opened)).toEqual({
      content: "Cannot read 'README.md': a part of its path is not a folder; read or search it if it is a file",
      error: true,
    });
    expect((await callTool(fileList, { path: "scr" }, opened)).content).toEndWith("; did you mean 'src'?");
  });

  test("what may not be read is left out, deep in a tree too, and what leads out of it is a name", async () => {
    await using opened = room({ ...tree, "open/secret/key": "", "open/x": "" }, ["src", "open/secret"]);
    symlinkSync("/etc", join(opened.cwd, "open/way"));
    expect((await callTool(fileList, { depth: 9, exclude: "*.log" }, opened)).content).toBe(
      ".gitignore (22 bytes)\nREADME.md (1.5 KB)\nopen/\nopen/way (symbolic link)\nopen/x (0 bytes)",
    );
    expect(opened.told.filter(({ verdict }) => verdict !== "allow")).toEqual([]);
  });

  test("a cancelled list says so", async () => {
    await using opened = room(tree);
    const outcome = await callTool(fileList, {}, { host: opened.host, signal: AbortSignal.abort() });
    expect(outcome).toEqual({ content: "Cannot list '.': cancelled", error: true });
  });
});
