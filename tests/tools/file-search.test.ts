import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/core/json.ts";
import { fileSearch } from "../../src/tools/file-search.ts";
import { callTool } from "../helpers/call-tool.ts";
import { memoryHost } from "../helpers/memory-host.ts";
import type { MemoryFiles } from "../helpers/memory-host.ts";

async function search(files: MemoryFiles, input: JsonObject): Promise<string> {
  return (await callTool(fileSearch, input, { host: memoryHost({ files }) })).content;
}

const tree: MemoryFiles = {
  ".gitignore": "out/\n",
  "a.ts": "one\ntwo TODO: first\nthree\nfour\nfive\nsix TODO: second\nseven\n",
  "b/c.md": "# TODO list\r\nnothing\r\n",
  "out/a.ts": "TODO generated\n",
  "image.png": Buffer.from("\x89PNG\r\n\x1a\n\0TODO", "latin1"),
};

describe("what is found", () => {
  test("matching lines stand with their numbers below their file", async () => {
    expect(await search(tree, { pattern: "TODO" })).toBe(
      "a.ts\n2: two TODO: first\n6: six TODO: second\n\nb/c.md\n1: # TODO list\n[binary files left out: 1]",
    );
  });

  test("context lines stand around a match, each once, with gaps marked", async () => {
    const { content } = await callTool(
      fileSearch,
      { pattern: "TODO", path: "a.ts", context: 1 },
      { host: memoryHost({ files: tree }) },
    );
    expect(content).toBe("a.ts\n1- one\n2: two TODO: first\n3- three\n--\n5- five\n6: six TODO: second\n7- seven");
    expect(await search(tree, { pattern: "TODO", path: "a.ts", context: 2 })).toBe(
      "a.ts\n1- one\n2: two TODO: first\n3- three\n4- four\n5- five\n6: six TODO: second\n7- seven",
    );
  });

  test("files and counts", async () => {
    const input = { pattern: "TODO", glob: "*.{ts,md}" };
    expect(await search(tree, { ...input, output: "files" })).toBe("a.ts\nb/c.md");
    expect(await search(tree, { ...input, output: "counts" })).toBe("a.ts: 2\nb/c.md: 1");
    expect(await search(tree, { ...input, output: "files", all: true })).toBe("a.ts\nb/c.md\nout/a.ts");
    expect(await search(tree, { ...input, output: "files", limit: 1 })).toBe(
      "a.ts\n[files 1-1 of 2; the next ones: offset 2]",
    );
  });

  test("a glob without a slash is for names, one with ! is for all the others", async () => {
    expect(await search(tree, { pattern: "TODO", output: "files", glob: "*.md" })).toBe("b/c.md");
    expect(await search(tree, { pattern: "TODO", output: "files", glob: "!*.{md,png}" })).toBe("a.ts");
    expect(await search(tree, { pattern: "TODO", output: "files", path: "b", glob: "*.md" })).toBe("b/c.md");
  });

  test("the end of a Windows line is its end", async () => {
    expect(await search(tree, { pattern: "list$", output: "counts", glob: "*.md" })).toBe("b/c.md: 1");
  });

  test("nothing found says so", async () => {
    expect(await search(tree, { pattern: "FIXME", glob: "*.ts" })).toBe("[no matches]");
  });
});

describe("patterns", () => {
  const text: MemoryFiles = { a: "f(x) + a.b\nF(X)\nstraße\nSTRASSE ÜBER über\nword1 word2\n" };
  const cases: Array<[string, JsonObject, number[]]> = [
    ["plain text needs no engine", { pattern: "word" }, [5]],
    ["a regular expression", { pattern: "^word\\d\\s+\\w+2$" }, [5]],
    ["literal takes special characters as they are", { pattern: "f(x) + a.b", literal: true }, [1]],
    ["ignore_case with a literal", { pattern: "f(x)", literal: true, ignore_case: true }, [1, 2]],
    ["ignore_case beyond ASCII", { pattern: "über", ignore_case: true }, [4]],
    ["alternatives", { pattern: "stra(ß|ss)e", ignore_case: true }, [3, 4]],
  ];
  for (const [name, input, lines] of cases) {
    test(name, async () => {
      const found = [...(await search(text, input)).matchAll(/^(\d+): /gm)].map((match) => Number(match[1]));
      expect(found).toEqual(lines);
    });
  }

  const broken: Array<[string, string]> = [
    ["a(b", "Cannot search for 'a(b': missing closing ): 'a(b'; set literal to search for the text as it is"],
    [
      "*a",
      "Cannot search for '*a': missing argument to repetition operator: '*'; set literal to search for the text as it is",
    ],
    [
      "(?=a)b",
      "Cannot search for '(?=a)b': invalid or unsupported Perl syntax: '(?='; look-around and backreferences are not supported; set literal to search for the text as it is",
    ],
    ["((a{1000}){1000}){1000}", "Cannot search for '((a{1000}){1000}){1000}': "],
  ];
  for (const [pattern, message] of broken) {
    test(`'${pattern}' is refused with a reason`, async () => {
      const outcome = await callTool(fileSearch, { pattern }, { host: memoryHost({ files: text }) });
      expect(outcome.content).toStartWith(message);
      expect(outcome.error).toBe(true);
    });
  }

  test("patterns that make a backtracking engine hang end, and find what is there", async () => {
    const trap = `${"a".repeat(60_000)}\n`;
    const cases: Array<[string, string]> = [
      ["^(a+)+$", "a: 1"],
      ["(a|aa)+$", "a: 1"],
      ["(.*)*x", "[no matches]"],
      [".*.*.*.*.*.*x", "[no matches]"],
      ["(a*)*b", "[no matches]"],
      ["^(([a-z])+.)+[A-Z]([a-z])+$", "[no matches]"],
      ["[ab]*a[ab]{50}c", "[no matches]"],
    ];
    for (const [pattern, answer] of cases) {
      const found = await search({ a: trap }, { pattern, output: "counts" });
      expect({ pattern, found }).toEqual({ pattern, found: answer });
    }
  });
});

describe("bounds", () => {
  test("a page ends at its limit, counts the rest and says how to go on", async () => {
    const files = { a: "hit\n".repeat(250) };
    expect(await search(files, { pattern: "hit", limit: 2 })).toBe(
      "a\n1: hit\n2: hit\n[matches 1-2 of 250; the next ones: offset 3]",
    );
    expect(await search(files, { pattern: "hit", offset: 250 })).toBe("a\n250: hit\n[matches 250-250 of 250]");
    expect(await search(files, { pattern: "hit", offset: 251 })).toBe("[there are only 250 matches]");
  });

  test("a page that is full before its limit says where it ended", async () => {
    const content = await search({ a: `${"hit ".repeat(90)}\n`.repeat(300) }, { pattern: "hit", limit: 300 });
    expect(content.length).toBeLessThan(50_200);
    const last = content.split("\n").length - 2;
    expect(content).toEndWith(`[matches 1-${last} of 300; the next ones: offset ${last + 1}]`);
  });

  test("a long line is shown around its match", async () => {
    const content = await search({ a: `${"x".repeat(10_000)}needle${"y".repeat(10_000)}` }, { pattern: "needle" });
    expect(content).toMatch(/^a\n1: …x{100}needley{294}… \(20,006 characters\)$/);
  });

  test("a line of many megabytes is searched in parts and keeps the line numbers right", async () => {
    const content = await search({ a: `${"x".repeat(3_000_000)}needle\nneedle\n` }, { pattern: "needle$" });
    expect(content).toMatch(/\n1: …x+needle( \(.*\))?\n2: needle$/);
  });

  test("a match at the border of two pieces of a file is found", async () => {
    const text = `${"x".repeat(256 * 1024 - 3)} needle\nlast\n`;
    expect(await search({ a: `${"z\n".repeat(131_070)}needle\n` }, { pattern: "needle", output: "counts" })).toBe(
      "a: 1",
    );
    expect(await search({ a: text }, { pattern: "last" })).toBe("a\n2: last");
  });

  test("a huge file is left out and named, and searched when it is the path", async () => {
    const huge = Buffer.alloc(50_000_001, "0123456789abcde");
    huge.write("needle", 50_000_000 - 16);
    const files = { "a.log": huge, b: "needle\n" };
    expect(await search(files, { pattern: "needle", output: "files" })).toBe(
      "b\n[files above 50 MB left out: a.log (50 MB); name one as path to search it]",
    );
    expect(await search(files, { pattern: "needle", path: "a.log", output: "counts" })).toBe("a.log: 1");
  });

  test("a hundred thousand files", async () => {
    const host = memoryHost({ files: { a: "hit\n" } });
    const names = Array.from({ length: 100_000 }, (_, index) => ({
      name: `f${index}`,
      kind: "other" as const,
      size: 0,
      modifiedMs: 0,
    }));
    const list: typeof host.fs.list = async () => ({
      ok: true,
      value: [...names, { name: "a", kind: "file", size: 4, modifiedMs: 0 }],
    });
    const { content } = await callTool(fileSearch, { pattern: "hit" }, { host: { ...host, fs: { ...host.fs, list } } });
    expect(content).toBe("a\n1: hit");
  });
});

describe("failures", () => {
  test("what may not be read is left out without a word", async () => {
    const host = memoryHost({ files: { ...tree, "secret/x.ts": "TODO" }, denied: { read: ["secret"] } });
    const { content } = await callTool(fileSearch, { pattern: "TODO", output: "files", glob: "*.ts" }, { host });
    expect(content).toBe("a.ts");
    expect(host.refused).toEqual([]);
  });

  test("a denied path carries the host's words", async () => {
    const host = memoryHost({ files: tree, denied: { read: ["b"] } });
    const outcome = await callTool(fileSearch, { pattern: "TODO", path: "b" }, { host });
    expect(outcome.content).toStartWith("Cannot read 'b': not granted");
    expect(outcome.error).toBe(true);
  });

  test("a cancelled search says so", async () => {
    const outcome = await callTool(
      fileSearch,
      { pattern: "TODO" },
      { host: memoryHost({ files: tree }), signal: AbortSignal.abort() },
    );
    expect(outcome.error).toBe(true);
  });
});
