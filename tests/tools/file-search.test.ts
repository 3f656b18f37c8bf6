import { describe, expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../src/core/json.ts";
import { fileSearch } from "../../src/tools/file-search.ts";
import { callTool } from "../helpers/call-tool.ts";
import { openRoom, type Room } from "../host/harness.ts";
import { placed, type Files } from "./placed.ts";

function room(files: Files, deny: string[] = []): Room {
  return openRoom({ permissions: { read: ["."] }, deny: { read: deny }, place: placed(files) });
}

async function search(files: Files, input: JsonObject): Promise<string> {
  await using opened = room(files);
  return (await callTool(fileSearch, input, opened)).content;
}

const tree: Files = {
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
    await using opened = room(tree);
    const found = async (input: JsonObject) =>
      (await callTool(fileSearch, { pattern: "TODO", path: "a.ts", ...input }, opened)).content;
    expect(await found({ context: 1 })).toBe(
      "a.ts\n1- one\n2: two TODO: first\n3- three\n--\n5- five\n6: six TODO: second\n7- seven",
    );
    expect(await found({ context: 2 })).toBe(
      "a.ts\n1- one\n2: two TODO: first\n3- three\n4- four\n5- five\n6: six TODO: second\n7- seven",
    );
    expect(await found({ before: 1 })).toBe("a.ts\n1- one\n2: two TODO: first\n--\n5- five\n6: six TODO: second");
    expect(await found({ context: 1, after: 0 })).toBe(
      "a.ts\n1- one\n2: two TODO: first\n--\n5- five\n6: six TODO: second",
    );
    expect(await found({ context: 1, offset: 2 })).toBe(
      "a.ts\n5- five\n6: six TODO: second\n7- seven\n[matches 2-2 of 2]",
    );
  });

  test("files and counts", async () => {
    await using opened = room(tree);
    const found = async (input: JsonObject) =>
      (await callTool(fileSearch, { pattern: "TODO", exclude: "*.png", ...input }, opened)).content;
    expect(await found({ output: "files" })).toBe("a.ts\nb/c.md");
    expect(await found({ output: "counts" })).toBe("a.ts: 2\nb/c.md: 1");
    expect(await found({ output: "files", all: true })).toBe("a.ts\nb/c.md\nout/a.ts");
    expect(await found({ output: "files", limit: 1 })).toBe("a.ts\n[files 1-1 of 2; the next ones: offset 2]");
    expect(await found({ output: "counts", offset: 2 })).toBe("b/c.md: 1\n[files 2-2 of 2]");
  });

  test("globs and types", async () => {
    await using opened = room({ ...tree, "b/d/e.rs": "TODO\n", Makefile: "TODO\n" });
    const found = async (input: JsonObject) =>
      (await callTool(fileSearch, { pattern: "TODO", output: "files", ...input }, opened)).content;
    expect(await found({ glob: "*.md" })).toBe("b/c.md");
    expect(await found({ glob: "b/**", exclude: "*.md" })).toBe("b/d/e.rs");
    expect(await found({ glob: "!*.{md,png}" })).toBe("Makefile\na.ts\nb/d/e.rs");
    expect(await found({ path: "b", glob: "*.md" })).toBe("b/c.md");
    expect(await found({ type: "rust" })).toBe("b/d/e.rs");
    expect(await found({ type: "make" })).toBe("Makefile");
    expect(await found({ type: "rest" })).toBe(
      "Cannot search for 'TODO': there is no file type 'rest'; did you mean 'rst'?",
    );
    expect(await found({ type: "qqqqqq" })).toBe(
      "Cannot search for 'TODO': there is no file type 'qqqqqq'; use a glob",
    );
    expect(await found({ glob: "*.none" })).toBe("[no matches: there was no text file to search]");
  });

  test("the end of a Windows line is its end", async () => {
    expect(await search(tree, { pattern: "list$", output: "counts", glob: "*.md" })).toBe("b/c.md: 1");
  });

  test("a match may span lines when that is asked for", async () => {
    const text = "begin\n  a\n  b\nend\nbegin\nend\n";
    expect(await search({ text }, { pattern: "begin\\n(?:  .*\\n)+end", multiline: true })).toBe(
      "text\n1: begin\n2:   a\n3:   b\n4: end",
    );
    expect(await search({ text }, { pattern: "(?s)a.*d", multiline: true, output: "counts" })).toBe("text: 5");
    const long = `${"x\n".repeat(100)}y\n`;
    const lines = (await search({ long }, { pattern: "(?s)x.*y", multiline: true })).split("\n");
    expect(lines.slice(39)).toEqual(["39: x", "40: x", "(… 61 more lines of this match)"]);
  });

  test("UTF-16 is searched as text", async () => {
    const wide = Buffer.from("\ufeffeins\ngrüße\n", "utf16le");
    expect(await search({ wide }, { pattern: "ü" })).toBe("wide\n2: grüße");
  });

  test("nothing found says so, and in how much", async () => {
    expect(await search(tree, { pattern: "FIXME" })).toBe("[no matches in 3 files]\n[binary files left out: 1]");
  });
});

describe("patterns", () => {
  const text: Files = { a: "f(x) + a.b\nF(X)\nstraße\nSTRASSE ÜBER über\nword1 word2\n" };
  const cases: Array<[string, JsonObject, number[]]> = [
    ["plain text", { pattern: "word" }, [5]],
    ["a regular expression", { pattern: "^word\\d\\s+\\w+2$" }, [5]],
    ["literal takes special characters as they are", { pattern: "f(x) + a.b", literal: true }, [1]],
    ["case ignored with a literal", { pattern: "f(x)", literal: true, case: "ignore" }, [1, 2]],
    ["case ignored beyond ASCII", { pattern: "über", case: "ignore" }, [4]],
    ["alternatives", { pattern: "stra(ß|ss)e", case: "ignore" }, [3, 4]],
    ["smart case without upper case", { pattern: "strasse", case: "smart" }, [4]],
    ["smart case with upper case", { pattern: "Über", case: "smart" }, []],
  ];
  for (const [name, input, lines] of cases) {
    test(name, async () => {
      const found = [...(await search(text, input)).matchAll(/^(\d+): /gm)].map((match) => Number(match[1]));
      expect(found).toEqual(lines);
    });
  }

  const orLiteral = "; or set literal to search for the text as it is";
  const broken: Array<[string, string]> = [
    ["a(b", `unclosed group at character 2 '('; write 'a\\(b' for the character itself${orLiteral}`],
    ["*a", `repetition operator missing expression at character 1; write '\\*a' for the character itself${orLiteral}`],
    ["x[a-", `unclosed character class at character 2 '['; write 'x\\[a-' for the character itself${orLiteral}`],
    ["\\y", `unrecognized escape sequence at character 1 '\\y'; leave the backslash out, or double it${orLiteral}`],
    ["(?=a)b", "look-around, including look-ahead and look-behind, is not supported at character 1 '(?='; search for"],
    ["(a)\\1", "backreferences are not supported at character 4 '\\1'; write what it refers to once more"],
    [
      "a\\nb",
      "it asks for the end of a line, and lines are searched one by one; set multiline to let a match span lines",
    ],
    ["((a{1000}){1000}){1000}", "it is too large when it is repeated that often; use smaller counts"],
  ];
  for (const [pattern, message] of broken) {
    test(`'${pattern}' is refused with a reason`, async () => {
      await using opened = room(text);
      const outcome = await callTool(fileSearch, { pattern }, opened);
      expect(outcome.content).toStartWith(`Cannot search for '${pattern}': ${message}`);
      expect(outcome.error).toBe(true);
    });
  }

  test("patterns that make a backtracking engine hang end, and find what is there", async () => {
    await using opened = room({ a: `${"a".repeat(60_000)}\n` });
    const traps: Array<[string, string]> = [
      ["^(a+)+$", "a: 1"],
      ["(a|aa)+$", "a: 1"],
      ["(.*)*x", "[no matches in 1 file]"],
      [".*.*.*.*.*.*x", "[no matches in 1 file]"],
      ["(a*)*b", "[no matches in 1 file]"],
      ["^(([a-z])+.)+[A-Z]([a-z])+$", "[no matches in 1 file]"],
      ["[ab]*a[ab]{50}c", "[no matches in 1 file]"],
    ];
    for (const [pattern, answer] of traps) {
      const { content } = await callTool(fileSearch, { pattern, output: "counts" }, opened);
      expect({ pattern, content }).toEqual({ pattern, content: answer });
    }
  });
});

describe("bounds", () => {
  test("a page ends at its limit, counts the rest and says how to go on", async () => {
    await using opened = room({ a: "hit\n".repeat(250) });
    const page = async (input: JsonObject) =>
      (await callTool(fileSearch, { pattern: "hit", ...input }, opened)).content;
    expect(await page({ limit: 2 })).toBe("a\n1: hit\n2: hit\n[matches 1-2 of 250; the next ones: offset 3]");
    expect(await page({ offset: 250 })).toBe("a\n250: hit\n[matches 250-250 of 250]");
    expect(await page({ offset: 251 })).toBe("[there are only 250 matches]");
  });

  test("pages follow each other over many files, and each match is on one of them", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [
        `d${index % 7}/f${index}`,
        "hit\nmiss\nhit me\n".repeat(1 + (index % 3)),
      ]),
    );
    await using opened = room(files);
    const seen: string[] = [];
    for (let offset = 1, more = true; more;) {
      const { content } = await callTool(fileSearch, { pattern: "hit", offset, limit: 97 }, opened);
      const next = /; the next ones: offset (\d+)\]$/.exec(content)?.[1];
      more = next !== undefined;
      offset = Number(next);
      let path = "";
      for (const line of content.split("\n")) {
        if (/^\d+: hit/.test(line)) seen.push(`${path}:${line}`);
        else if (line.startsWith("d")) path = line;
      }
    }
    const all = Object.entries(files).flatMap(([path, text]) =>
      text.split("\n").flatMap((line, index) => (line.startsWith("hit") ? [`${path}:${index + 1}: ${line}`] : [])),
    );
    expect(seen.toSorted()).toEqual(all.toSorted());
  });

  test("a page far into much more than is held is complete", async () => {
    // 2 MB of matches in one batch: what is far behind is searched anew for its page.
    const files = Object.fromEntries(
      Array.from({ length: 4 }, (_, file) => [
        `f${file}`,
        Array.from({ length: 5000 }, (_, line) => `hit ${file} ${line} ${"x".repeat(90)}\n`).join(""),
      ]),
    );
    await using opened = room(files);
    const { content } = await callTool(fileSearch, { pattern: "hit", offset: 14_999, limit: 4 }, opened);
    expect(content.replaceAll(/ x+$/gm, "")).toBe(
      "f2\n4999: hit 2 4998\n5000: hit 2 4999\n\nf3\n1: hit 3 0\n2: hit 3 1\n" +
        "[matches 14999-15002 of 20,000; the next ones: offset 15003]",
    );
  });

  test("a page that is full before its limit says where it ended", async () => {
    const content = await search({ a: `${"hit ".repeat(90)}\n`.repeat(300) }, { pattern: "hit", limit: 300 });
    expect(content.length).toBeLessThan(50_200);
    const last = content.split("\n").length - 2;
    expect(content).toEndWith(`[matches 1-${last} of 300; the next ones: offset ${last + 1}]`);
  });

  test("a long line is shown around its match", async () => {
    const content = await search({ a: `${"x".repeat(10_000)}needle${"ü".repeat(10_000)}` }, { pattern: "needle" });
    expect(content).toMatch(/^a\n1: …x{100}needleü{294}… \(20,006 characters\)$/);
  });

  test("a line of many megabytes is searched whole and keeps the line numbers right", async () => {
    const content = await search({ a: `${"x".repeat(3_000_000)}needle\nneedle\n` }, { pattern: "needle$" });
    expect(content).toMatch(/^a\n1: …x{100}needle… \(3,000,006 characters\)\n2: needle$/);
  });

  test("a match at the border of two pieces of a file is found", async () => {
    for (const size of [65_535, 65_536, 65_537, 131_072, 262_144]) {
      const text = `${"z\n".repeat(size / 2 - 2)}needle\n`;
      expect(await search({ a: text }, { pattern: "needle", output: "counts" })).toBe("a: 1");
    }
  });

  test("a huge file is left out and named, and searched when it is the path", async () => {
    const huge = Buffer.alloc(50_000_001, "0123456789abcd\n");
    huge.write("needle", 50_000_000 - 16);
    await using opened = room({ "a.log": huge, b: "needle\n" });
    expect((await callTool(fileSearch, { pattern: "needle", output: "files" }, opened)).content).toBe(
      "b\n[files above 50 MB left out: a.log (50 MB); name one as path to search it]",
    );
    const { content } = await callTool(fileSearch, { pattern: "needle", path: "a.log", output: "counts" }, opened);
    expect(content).toBe("a.log: 1");
  });
});

describe("failures", () => {
  test("what may not be read is left out without a word", async () => {
    await using opened = room({ ...tree, "secret/x.ts": "TODO", "b/key.ts": "TODO" }, ["secret", "b/key.ts"]);
    symlinkSync("../secret", join(opened.cwd, "b/door"));
    symlinkSync("../secret/x.ts", join(opened.cwd, "b/x.ts"));
    for (const all of [false, true]) {
      const input = { pattern: "TODO", output: "files", glob: "*.ts", exclude: "out", all };
      expect((await callTool(fileSearch, input, opened)).content).toBe("a.ts");
    }
    expect(opened.told.filter(({ verdict }) => verdict !== "allow")).toEqual([]);
  });

  test("a denied path carries the host's words, through a link too", async () => {
    await using opened = room(tree, ["b"]);
    symlinkSync("b", join(opened.cwd, "door"));
    for (const path of ["b", "door", "b/c.md"]) {
      const outcome = await callTool(fileSearch, { pattern: "TODO", path }, opened);
      expect(outcome.content).toStartWith(`Cannot read '${path}': denied by deny.read 'b'`);
      expect(outcome.error).toBe(true);
    }
  });

  test("a link to a folder that may be read is searched when it is named", async () => {
    await using opened = room(tree);
    symlinkSync("b", join(opened.cwd, "door"));
    const { content } = await callTool(fileSearch, { pattern: "TODO", path: "door", output: "files" }, opened);
    expect(content).toBe("door/c.md");
  });

  test("a missing path names the nearest, and what is no file is none", async () => {
    await using opened = room(tree);
    Bun.spawnSync(["mkfifo", join(opened.cwd, "pipe")]);
    const named = async (path: string) => (await callTool(fileSearch, { pattern: "x", path }, opened)).content;
    expect(await named("a.tx")).toEndWith("; did you mean 'a.ts'?");
    expect(await named("pipe")).toStartWith("Cannot read 'pipe': it is not a regular file");
    expect(await named("a.ts/b")).toStartWith("Cannot read 'a.ts/b': a part of its path is not a folder");
  });

  test("a cancelled search says so", async () => {
    await using opened = room(tree);
    const outcome = await callTool(fileSearch, { pattern: "TODO" }, { host: opened.host, signal: AbortSignal.abort() });
    expect(outcome).toEqual({ content: "Cannot search '.': cancelled", error: true });
  });
});
