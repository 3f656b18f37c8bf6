import { describe, expect, test } from "bun:test";
import { fileWrite } from "../../src/tools/file-write.ts";
import { callTool } from "../helpers/call-tool.ts";
import { memoryHost } from "../helpers/memory-host.ts";

describe("what was done", () => {
  test("a new file is created, without a diff", async () => {
    const host = memoryHost();
    expect(await callTool(fileWrite, { path: "a/b.txt", content: "grüße\n" }, { host })).toEqual({
      content: "Created a/b.txt (8 bytes)",
    });
    expect(host.text("a/b.txt")).toBe("grüße\n");
  });

  test("a replaced file comes with how its text changed", async () => {
    const host = memoryHost({ files: { "a.txt": "one\ntwo\nthree\n" } });
    const { content } = await callTool(fileWrite, { path: "a.txt", content: "one\n2\nthree\n" }, { host });
    expect(content).toBe("Replaced a.txt (12 bytes)\n--- a.txt\n+++ a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n");
    expect(host.text("a.txt")).toBe("one\n2\nthree\n");
  });

  test("the same text is said to be the same", async () => {
    const host = memoryHost({ files: { a: "x" } });
    const { content } = await callTool(fileWrite, { path: "a", content: "x" }, { host });
    expect(content).toBe("Replaced a (1 byte): the text is the same as before");
  });

  test("an empty text empties the file", async () => {
    const host = memoryHost({ files: { a: "x\n" } });
    await callTool(fileWrite, { path: "a", content: "" }, { host });
    expect(host.text("a")).toBe("");
  });
});

describe("the old text", () => {
  test("what may be written but not read is not shown, and nothing counts as denied", async () => {
    const host = memoryHost({ files: { key: "old secret\n" }, denied: { read: ["key"] } });
    expect(await callTool(fileWrite, { path: "key", content: "new\n" }, { host })).toEqual({
      content: "Replaced key (4 bytes)",
    });
    expect(host.refused).toEqual([]);
  });

  test("of binary and of large files there is no diff", async () => {
    const host = memoryHost({ files: { image: Buffer.from("a\0b"), large: "x\n".repeat(200_000) } });
    expect((await callTool(fileWrite, { path: "image", content: "y" }, { host })).content).toBe(
      "Replaced image (1 byte)",
    );
    expect((await callTool(fileWrite, { path: "large", content: "y" }, { host })).content).toBe(
      "Replaced large (1 byte)",
    );
  });

  test("a long diff is cut, and says by how much", async () => {
    const host = memoryHost({ files: { a: "old line\n".repeat(2000) } });
    const { content } = await callTool(fileWrite, { path: "a", content: "new line\n".repeat(2000) }, { host });
    expect(content.length).toBeLessThan(10_200);
    expect(content).toMatch(/\n-old line\n\[the diff is cut: \d\d,\d{3} more characters\]$/);
  });
});

test("a denied write carries the host's words and changes nothing", async () => {
  const host = memoryHost({ files: { a: "x" }, denied: { write: ["a"] } });
  const outcome = await callTool(fileWrite, { path: "a", content: "y" }, { host });
  expect(outcome.content).toStartWith("Cannot write 'a': not granted");
  expect(outcome.error).toBe(true);
  expect(host.text("a")).toBe("x");
});
