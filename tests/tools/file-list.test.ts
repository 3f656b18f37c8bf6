import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/core/json.ts";
import { fileList } from "../../src/tools/file-list.ts";
import { callTool } from "../helpers/call-tool.ts";
import { memoryHost } from "../helpers/memory-host.ts";
import type { MemoryFiles } from "../helpers/memory-host.ts";

async function list(files: MemoryFiles, input: JsonObject): Promise<string> {
  return (await callTool(fileList, input, { host: memoryHost({ files }) })).content;
}

const tree: MemoryFiles = {
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

describe("a tree", () => {
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

  test("all shows what is ignored too", async () => {
    const lines = (await list(tree, { all: true })).split("\n");
    expect(lines).toContain(".git/config (1 byte)");
    expect(lines).toContain("dist/out.js (1 byte)");
  });

  test("the rules of folders above the listed one count", async () => {
    expect(await list(tree, { path: "src", depth: 1 })).toBe("src/.gitignore (21 bytes)\nsrc/a/");
    expect(await list(tree, { path: "/work/src/", depth: 1 })).toBe("/work/src/.gitignore (21 bytes)\n/work/src/a/");
  });

  test("an ignored folder that is named is listed", async () => {
    expect(await list(tree, { path: "./dist" })).toBe("dist/out.js (1 byte)");
  });

  test("a glob looks through all levels", async () => {
    expect(await list(tree, { glob: "*.ts" })).toBe("src/a/b/deep.ts (1 byte)");
    expect(await list(tree, { glob: "src/**/*.{ts,log}" })).toBe("src/a/b/deep.ts (1 byte)\nsrc/a/debug.log (1 byte)");
    expect(await list(tree, { glob: "*.rs" })).toBe("[nothing matches '*.rs']");
  });

  test("a .gitignore above that may not be read is left alone", async () => {
    const host = memoryHost({ files: tree, denied: { read: [".gitignore"] } });
    await callTool(fileList, { path: "src" }, { host });
    expect(host.refused).toEqual([]);
  });
});

describe("pages", () => {
  const many = Object.fromEntries(
    Array.from({ length: 1200 }, (_, index) => [`f${String(index).padStart(4, "0")}`, "x"]),
  );

  test("a long list says where it goes on, and all pages are the whole list", async () => {
    expect(await list(many, { limit: 2 })).toBe(
      "f0000 (1 byte)\nf0001 (1 byte)\n[entries 1-2 of 1,200; the next ones: offset 3]",
    );
    expect(await list(many, { offset: 1200 })).toBe("f1199 (1 byte)\n[entries 1200-1200 of 1,200]");
    expect(await list(many, { offset: 1201 })).toBe("[there are only 1,200 entries]");
  });

  test("long names end a page early, and the next offset is the first that was left out", async () => {
    const long = Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [`${index + 100}${"n".repeat(250)}`, ""]),
    );
    const content = await list(long, {});
    const last = content.split("\n").length - 1;
    expect(content.length).toBeLessThan(50_200);
    expect(content).toEndWith(`[entries 1-${last} of 300; the next ones: offset ${last + 1}]`);
    expect(await list(long, { offset: last + 1, limit: 1 })).toStartWith(`${last + 100}n`);
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
    const host = memoryHost({ files: tree });
    expect(await callTool(fileList, { path: "README.md" }, { host })).toEqual({
      content: "Cannot read 'README.md': a part of its path is not a folder; read or search it if it is a file",
      error: true,
    });
    expect((await callTool(fileList, { path: "scr" }, { host })).content).toEndWith("; did you mean 'src'?");
  });

  test("what may not be read is left out", async () => {
    const host = memoryHost({ files: tree, denied: { read: ["src"] } });
    expect((await callTool(fileList, {}, { host })).content).not.toContain("src");
    expect(host.refused).toEqual([]);
  });
});
