import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/core/json.ts";
import { fileEdit } from "../../src/tools/file-edit.ts";
import { makeFileRead } from "../../src/tools/file-read.ts";
import { callTool } from "../helpers/call-tool.ts";
import { memoryHost } from "../helpers/memory-host.ts";

/** What an edit of a file makes of it, and what it says. */
async function edited(content: string | Uint8Array, input: JsonObject) {
  const host = memoryHost({ files: { a: content } });
  const outcome = await callTool(fileEdit, { path: "a", ...input }, { host });
  return { text: host.text("a"), bytes: host.bytes("a"), ...outcome };
}

function exact(old_text: string, new_text: string, more: JsonObject = {}): JsonObject {
  return { edits: [{ old_text, new_text, ...more }] };
}

describe("an exact edit", () => {
  test("replaces what stands there once, and says how the text changed", async () => {
    expect(await edited("one\ntwo\nthree\n", exact("two", "2"))).toMatchObject({
      text: "one\n2\nthree\n",
      content: "Edited a\n--- a\n+++ a\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n",
    });
  });

  test("is refused where the text stands several times, with their lines", async () => {
    const { text, content, error } = await edited("x\ny\nx\nx x\n", exact("x", "z"));
    expect(content).toBe(
      "Cannot edit 'a': 'old_text' is 4 times in the file, at lines 1, 3, 4, 4: add lines around it, so that it is clear " +
        "which is meant, or set all: true",
    );
    expect([text, error]).toEqual(["x\ny\nx\nx x\n", true]);
  });

  test("with all replaces each, and what it put in is not looked at again", async () => {
    expect((await edited("aaa b a\n", exact("a", "aa", { all: true }))).text).toBe("aaaaaa b aa\n");
  });

  test("with all replaces as many as there are", async () => {
    expect((await edited("a".repeat(1_000_000), exact("a", "b", { all: true }))).text).toBe("b".repeat(1_000_000));
  });

  test("of more places than fit into memory, or a text of more than 10 MB, is refused", async () => {
    const many = "ab".repeat(1_000_000);
    const all = [
      { old_text: "a", new_text: "c", all: true },
      { old_text: "b", new_text: "c", all: true },
    ];
    expect((await edited(many, { edits: all })).content).toBe(
      "Cannot edit 'a': edit 2 of 2: more than 1,000,000 places would change; use a command instead\nNone of the edits was made.",
    );
    const { text, content } = await edited("a".repeat(1000), exact("a", "x".repeat(20_000), { all: true }));
    expect(content).toBe("Cannot edit 'a': it would have more than 10 MB then; use a command instead");
    expect(text).toBe("a".repeat(1000));
  });

  test("several are of the text as it was", async () => {
    const edits = [
      { old_text: "one", new_text: "two" },
      { old_text: "two", new_text: "one" },
    ];
    expect((await edited("one two\n", { edits })).text).toBe("two one\n");
  });

  test("several are made all or none, and the one that fails is named", async () => {
    const edits = [
      { old_text: "one", new_text: "1" },
      { old_text: "three", new_text: "3" },
    ];
    const { text, content } = await edited("one two\n", { edits });
    expect(text).toBe("one two\n");
    expect(content).toStartWith("Cannot edit 'a': edit 2 of 2: 'old_text' is not in the file.");
    expect(content).toEndWith("\nNone of the edits was made.");
  });

  test("two that overlap are refused", async () => {
    const edits = [
      { old_text: "a\nb", new_text: "x" },
      { old_text: "b\nc", new_text: "y" },
    ];
    expect((await edited("a\nb\nc\n", { edits })).content).toBe(
      "Cannot edit 'a': edit 1 and edit 2 change the same text (lines 1 and 2): join them",
    );
  });

  test("that changes nothing is said to change nothing", async () => {
    const { content, error } = await edited("a\n", exact("a", "a"));
    expect([content, error]).toEqual(["Cannot edit 'a': the new text is the same as the old one", true]);
  });

  const wrong: Array<[string, JsonObject, string]> = [
    ["nothing to do", {}, "name 'edits' or a 'diff'"],
    ["two ways at once", { ...exact("a", "b"), diff: "@@\n-a\n+b\n" }, "name 'edits' or a 'diff', and not both"],
    ["no old text", exact("", "b"), "name the text to replace as 'old_text', or lines by 'start' or 'after'"],
    ["white space that is not there", exact("\t\n", "b"), "'old_text' is not in the file. It is only white space."],
    [
      "both an old text and an anchor",
      exact("a", "b", { start: "1:abc" }),
      "name only one of 'old_text', 'start' and 'after'",
    ],
    [
      "what is like nothing there",
      exact("zebra", "b"),
      "'old_text' is not in the file. Nothing in the file is like it: read the file again.",
    ],
  ];
  for (const [name, input, why] of wrong) {
    test(`is refused with ${name}`, async () => {
      const { text, content, error } = await edited("a\n", input);
      expect([text, content, error]).toEqual(["a\n", `Cannot edit 'a': ${why}`, true]);
    });
  }
});

describe("a near miss shows the closest lines, and what differs", () => {
  const source = "function f() {\n\tif (ready) {\n\t\treturn 'yes';\n\t}\n}\n";
  const cases: Array<[string, string, string]> = [
    ["white space", "    if (ready) {\n        return 'yes';", "lines 2-3. They differ in white space"],
    ["quotes", '\t\treturn "yes";', "line 3. They differ in quotes"],
    ["both", '  return  "yes";', "line 3. They differ in white space and quotes"],
    ["capital letters", "IF (ready)", "line 2. They differ in capital letters"],
    ["words", "if (ready) {\n return 'no';\n}", "lines 2-4. They differ in more than white space"],
  ];
  for (const [name, old, where] of cases) {
    test(name, async () => {
      const { content } = await edited(source, exact(old, "x"));
      expect(content).toContain(`'old_text' is not in the file. The closest is ${where}. Line `);
      expect(content).toMatch(/:\n[23]\|\t/);
    });
  }

  test("the first line that differs is quoted, so that tabs and spaces are seen", async () => {
    const { content } = await edited(source, exact("    if (ready) {\n", "x"));
    expect(content).toEndWith(
      'Line 2 of the file is "\\tif (ready) {", and what was looked for has "    if (ready) {":\n2|\tif (ready) {',
    );
  });

  test("a text that repeats itself, or is long, is told of in time", async () => {
    const { content } = await edited("a\n".repeat(100_000), exact(`${"a\n".repeat(20_000)}b`, "x"));
    expect(content).toContain("'old_text' is not in the file.");
    expect((await edited("a\n".repeat(600_000), exact("b", "x"))).content).toBe(
      "Cannot edit 'a': 'old_text' is not in the file. The file is too large to show what is like it: search it.",
    );
  });

  test("long lines and many lines are cut", async () => {
    const lines = `${`word ${"x".repeat(5000)}\n`.repeat(100)}`;
    const { content } = await edited(lines, exact(lines.replaceAll("word ", "word\t"), "y"));
    expect(content.length).toBeLessThan(4000);
    expect(content).toContain("[88 more lines]");
  });
});

describe("what is not changed stays to the byte", () => {
  test("Windows line ends, also of what is new", async () => {
    expect((await edited("one\r\ntwo\r\nthree\r\n", exact("two\n", "2\n2b\n"))).text).toBe(
      "one\r\n2\r\n2b\r\nthree\r\n",
    );
    expect((await edited("one\r\ntwo\r\n", exact("one\r\ntwo", "1\r\n2"))).text).toBe("1\r\n2\r\n");
  });

  test("line ends of both kinds, where they are", async () => {
    const mixed = "a\r\nb\nc\r\nd\r\n";
    expect((await edited(mixed, exact("d", "D\nE"))).text).toBe("a\r\nb\nc\r\nD\r\nE\r\n");
    expect((await edited(mixed, exact("a\nb\nc\nd", "a\nb\nc\nD"))).text).toBe("a\r\nb\nc\r\nD\r\n");
    expect((await edited(mixed, { diff: "@@\n a\n b\n-c\n+C\n d\n" })).text).toBe("a\r\nb\nC\r\nd\r\n");
  });

  test("a carriage return within a line", async () => {
    expect((await edited("a\rb\nc\n", exact("c", "d"))).text).toBe("a\rb\nd\n");
  });

  test("a byte order mark, and what it says of the encoding", async () => {
    const marked = await edited("\ufeffone\n", exact("one", "eins"));
    expect(Buffer.from(marked.bytes ?? []).toString()).toBe("\ufeffeins\n");
    const wide = Buffer.from("\ufeffgrün\r\n", "utf16le");
    expect((await edited(wide, exact("grün", "blaü"))).bytes).toEqual(Buffer.from("\ufeffblaü\r\n", "utf16le"));
    const swapped = await edited(Buffer.from(wide).swap16(), exact("grün", "blaü"));
    expect(swapped.bytes).toEqual(Buffer.from("\ufeffblaü\r\n", "utf16le").swap16());
  });

  test("Latin-1, and what it cannot hold is refused", async () => {
    const latin = Buffer.from("stra\xdfe \x80 \x81\n", "latin1");
    expect((await edited(latin, exact("e", "en – €"))).bytes).toEqual(
      Buffer.from("stra\xdfen \x96 \x80 \x80 \x81\n", "latin1"),
    );
    expect((await edited(latin, exact("e", "世"))).content).toBe(
      "Cannot edit 'a': it is written in Latin-1, which has no '世'; use other characters",
    );
  });

  test("a missing newline at the end", async () => {
    expect((await edited("a\nb", exact("b", "c"))).text).toBe("a\nc");
  });

  test("a text with malformed parts is refused, since they would be lost", async () => {
    const { content } = await edited(Buffer.from("\ufeffa\ud800b", "utf16le"), exact("a", "c"));
    expect(content).toBe("Cannot read 'a' as text: parts of it are malformed");
  });
});

describe("an edit by anchors", () => {
  /** The anchors of a file's lines. */
  async function anchors(content: string): Promise<string[]> {
    const host = memoryHost({ files: { a: content } });
    const { content: shown } = await callTool(makeFileRead(), { path: "a", anchors: true }, { host });
    return shown.split("\n").map((line) => line.split("|")[0] ?? "");
  }

  const text = "one\ntwo\nthree\nfour\n";
  const cases: Array<[string, string, (at: string[]) => JsonObject, string]> = [
    ["replaces one line", text, ([, two = ""]) => ({ start: two, new_text: "2" }), "one\n2\nthree\nfour\n"],
    [
      "replaces lines",
      text,
      ([, two = "", three = ""]) => ({ start: two, end: three, new_text: "2\n3\n" }),
      "one\n2\n3\nfour\n",
    ],
    ["deletes lines", text, ([one = "", two = ""]) => ({ start: one, end: two, new_text: "" }), "three\nfour\n"],
    ["leaves an empty line", text, ([one = ""]) => ({ start: one, new_text: "\n" }), "\ntwo\nthree\nfour\n"],
    [
      "inserts lines behind one",
      text,
      ([one = ""]) => ({ after: one, new_text: "1b\n1c" }),
      "one\n1b\n1c\ntwo\nthree\nfour\n",
    ],
    ["inserts at the start", text, () => ({ after: "0", new_text: "zero" }), "zero\none\ntwo\nthree\nfour\n"],
    ["appends", text, (at) => ({ after: at[3] ?? "", new_text: "five" }), "one\ntwo\nthree\nfour\nfive\n"],
    [
      "appends to a text without a newline at its end",
      "a\nb",
      (at) => ({ after: at[1] ?? "", new_text: "c\n" }),
      "a\nb\nc",
    ],
    ["replaces a last line without a newline", "a\nb", (at) => ({ start: at[1] ?? "", new_text: "c\n" }), "a\nc"],
    ["deletes a last line without a newline", "a\nb", (at) => ({ start: at[1] ?? "", new_text: "" }), "a"],
    ["deletes all", "a\nb", (at) => ({ start: at[0] ?? "", end: at[1] ?? "", new_text: "" }), ""],
    ["takes an anchor with its line", "a\nb\n", (at) => ({ start: `${at[1]}|b`, new_text: "c" }), "a\nc\n"],
    [
      "takes what is filled in for nothing",
      "a\n",
      (at) => ({ start: at[0] ?? "", old_text: "", end: "", new_text: "b" }),
      "b\n",
    ],
  ];
  for (const [name, before, edit, after] of cases) {
    test(name, async () => {
      expect((await edited(before, { edits: [edit(await anchors(before))] })).text).toBe(after);
    });
  }

  test("is refused where the text before has changed, with the lines that stand there now and their anchors", async () => {
    const [, , three] = await anchors(text);
    const changed = text.replace("one", "eins");
    const { content, text: left } = await edited(changed, { edits: [{ start: three ?? "", new_text: "3" }] });
    expect(left).toBe(changed);
    expect(content).toStartWith(
      `Cannot edit 'a': the anchor '${three}' is stale: the file has changed there or before it.`,
    );
    const fresh = await anchors(changed);
    expect(content).toEndWith(`now:\n${fresh[0]}|eins\n${fresh[1]}|two\n${fresh[2]}|three\n${fresh[3]}|four`);
  });

  test("is refused where a line between the two has changed", async () => {
    const [one, , , four] = await anchors(text);
    const edits = [{ start: one ?? "", end: four ?? "", new_text: "" }];
    expect((await edited(text.replace("two", "zwei"), { edits })).content).toContain(`'${four}' is stale`);
  });

  test("is not stale by what comes after it", async () => {
    const [one] = await anchors(text);
    expect((await edited(text.replace("two", "zwei"), { edits: [{ start: one ?? "", new_text: "1" }] })).text).toBe(
      "1\nzwei\nthree\nfour\n",
    );
  });

  const wrong: Array<[string, JsonObject, string]> = [
    ["a line that is not there", { start: "99:abc" }, "the anchor '99:abc' is stale"],
    ["a mere number", { start: "2" }, "'2' is no anchor"],
    ["a number too large", { start: "99999999999:abc" }, "'99999999999:abc' is no anchor"],
  ];
  for (const [name, edit, why] of wrong) {
    test(`is refused by ${name}`, async () => {
      expect((await edited(text, { edits: [{ new_text: "x", ...edit }] })).content).toStartWith(
        `Cannot edit 'a': ${why}`,
      );
    });
  }

  test("is refused where the end stands before the start", async () => {
    const [one, two] = await anchors(text);
    const { content } = await edited(text, { edits: [{ start: two ?? "", end: one ?? "", new_text: "x" }] });
    expect(content).toBe("Cannot edit 'a': 'end' stands before 'start'");
  });
});

describe("a diff", () => {
  const text = "a\nb\nc\nd\ne\nf\ng\n";
  const fits: Array<[string, string, string]> = [
    ["as it is", "--- a\n+++ a\n@@ -2,3 +2,3 @@\n b\n-c\n+C\n d\n", "a\nb\nC\nd\ne\nf\ng\n"],
    ["without numbers", "@@\n b\n-c\n+C\n d", "a\nb\nC\nd\ne\nf\ng\n"],
    ["with wrong numbers", "@@ -70,9 +70,1 @@ f()\n b\n-c\n+C\n d\n", "a\nb\nC\nd\ne\nf\ng\n"],
    ["with several hunks", "@@ -1 +1 @@\n-a\n+A\n@@ -7 +7,2 @@\n-g\n+G\n+H\n", "A\nb\nc\nd\ne\nf\nG\nH\n"],
    ["with other lines around", "@@ -1,5 +1,5 @@\n x\n b\n-c\n+C\n d\n y\n", "a\nb\nC\nd\ne\nf\ng\n"],
    ["with space behind its lines", "@@\n b  \n-c\t\n+C\n d\n", "a\nb\nC\nd\ne\nf\ng\n"],
    ["in a fence", "```diff\n@@\n-c\n+C\n```\n", "a\nb\nC\nd\ne\nf\ng\n"],
    ["with Windows line ends", "@@\r\n-c\r\n+C\r\n", "a\nb\nC\nd\ne\nf\ng\n"],
    ["that inserts by its number", "@@ -2,0 +3 @@\n+x\n", "a\nb\nx\nc\nd\ne\nf\ng\n"],
    ["that takes the newline at the end away", "@@\n-g\n+g\n\\ No newline at end of file\n", "a\nb\nc\nd\ne\nf\ng"],
    ["that deletes", "@@\n-a\n-b\n", "c\nd\ne\nf\ng\n"],
  ];
  for (const [name, diff, after] of fits) {
    test(`is applied ${name}`, async () => {
      const { content, text: left } = await edited(text, { diff });
      expect([left, content]).toEqual([after, expect.stringContaining("Edited a\n--- a\n")]);
    });
  }

  test("of one place among several that are alike takes the one that its number names", async () => {
    const alike = "x\n1\nx\n2\nx\n3\n";
    expect((await edited(alike, { diff: "@@ -3 +3 @@\n-x\n+y\n" })).text).toBe("x\n1\ny\n2\nx\n3\n");
    expect((await edited(alike, { diff: "@@\n-x\n+y\n" })).content).toBe(
      "Cannot edit 'a': hunk 1 fits at lines 1, 3, 5: show more lines around the change",
    );
    expect((await edited(alike, { diff: "@@ -2 +2 @@\n-x\n+y\n" })).error).toBe(true);
  });

  test("that says more of a line at the end than is there adds no newline of its own", async () => {
    expect((await edited("a\nb", { diff: "@@\n a\n-b\n+c\n" })).text).toBe("a\nc");
    expect((await edited("a\nb", { diff: "@@\n-b\n\\ No newline at end of file\n+b\n" })).text).toBe("a\nb\n");
  });

  test("makes an empty file a text", async () => {
    expect((await edited("", { diff: "--- /dev/null\n+++ b/a\n@@ -0,0 +1,2 @@\n+a\n+b\n" })).text).toBe("a\nb\n");
  });

  const wrong: Array<[string, string, string]> = [
    ["no hunk", "--- a\n+++ a\n", "the diff has no hunk: begin each with a line '@@'"],
    [
      "several files",
      "--- a\n+++ a\n@@\n-a\n+b\n--- b\n+++ b\n@@\n-c\n+d\n",
      "the diff is of several files: make one call for each",
    ],
    [
      "a deleted file",
      "--- a\n+++ /dev/null\n@@\n-a\n",
      "the diff deletes the file, which file_edit does not: use file_delete",
    ],
    [
      "a new name",
      "diff --git a/a b/b\nrename from a\nrename to b\n@@\n-a\n+b\n",
      "the diff renames or copies the file, which file_edit does not: send only its hunks",
    ],
    [
      "a new file",
      "--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+a\n",
      "the diff creates the file, and it is there: use file_write to replace it",
    ],
    [
      "a new mode",
      "diff --git a/a b/a\nold mode 100644\nnew mode 100755\n@@\n-a\n+b\n",
      "the diff changes the file's mode, which file_edit does not: send only its hunks",
    ],
    ["binary data", "diff --git a/a b/a\nGIT binary patch\nliteral 3\n", "the diff is of a binary file"],
    ["a hunk that changes nothing", "@@\n a\n", "hunk 1 changes nothing: it has no line with '-' or '+'"],
    ["a hunk that says not where", "@@\n+x\n", "hunk 1 says not where: show some lines around what it adds"],
    [
      "a line that is none",
      "@@\n-a\nb\n",
      "line 3 of the diff is no part of one (begin each line of a hunk with ' ', '-' or '+'): b",
    ],
    [
      "a hunk that fits nowhere",
      "@@\n-a\n+A\n@@\n-zebra\n+x\n",
      "hunk 2 fits nowhere. Nothing in the file is like it: read the file again.",
    ],
  ];
  for (const [name, diff, why] of wrong) {
    test(`with ${name} is refused`, async () => {
      const { text: left, content } = await edited(text, { diff });
      expect([left, content]).toEqual([text, `Cannot edit 'a': ${why}`]);
    });
  }

  test("of a text that repeats itself without end is refused in time", async () => {
    const diff = `@@\n${" x\n".repeat(3000)}-y\n+z\n`;
    expect((await edited("x\n".repeat(100_000), { diff })).content).toBe(
      "Cannot edit 'a': hunk 1 fits almost everywhere: the file repeats itself too much",
    );
  });
});

describe("what cannot be edited", () => {
  test("a file that changed between reading and writing is left as it is", async () => {
    const host = memoryHost({ files: { a: "one\n" } });
    const read = host.fs.read;
    host.fs.read = async (path, range) => {
      const part = await read(path, range);
      host.put("a", "two\n");
      return part;
    };
    const { content } = await callTool(fileEdit, { path: "a", ...exact("one", "1") }, { host });
    expect(content).toBe("Cannot write 'a': it has changed since it was read; read it again before you change it");
    expect(host.text("a")).toBe("two\n");
  });

  test("a missing file names the nearest one", async () => {
    const host = memoryHost({ files: { "src/main.ts": "x" } });
    const { content } = await callTool(fileEdit, { path: "src/mian.ts", ...exact("x", "y") }, { host });
    expect(content).toBe("Cannot read 'src/mian.ts': no such file or folder; did you mean 'src/main.ts'?");
  });

  test("binary and large files", async () => {
    expect((await edited(Buffer.from("a\0b"), exact("a", "b"))).content).toBe(
      "Cannot read 'a' as text: it is binary data, 3 bytes",
    );
    expect((await edited(Buffer.alloc(10_000_001, 0x61), exact("a", "b"))).content).toBe(
      "Cannot take 'a' whole: it has more than 10 MB",
    );
  });

  for (const kind of ["read", "write"] as const) {
    test(`what may not be ${kind === "read" ? "read" : "written"}`, async () => {
      const host = memoryHost({ files: { a: "one\n" }, denied: { [kind]: ["a"] } });
      const { content, error } = await callTool(fileEdit, { path: "a", ...exact("one", "1") }, { host });
      expect([error, host.text("a")]).toEqual([true, "one\n"]);
      expect(content).toStartWith(`Cannot ${kind} 'a': not granted`);
    });
  }
});
