import { expect, test } from "bun:test";
import { nearest } from "../../src/core/nearest.ts";

const tools = ["file_read", "file_write", "file_list", "file_search", "bash_exec"];
const types = ["string", "number", "integer", "boolean", "array", "object"];

test.each([
  ["read_file", "file_read"],
  ["readFile", "file_read"],
  ["FileRead", "file_read"],
  ["readfile", "file_read"],
  ["file-read", "file_read"],
  ["fiel_read", "file_read"],
  ["raed_fiel", "file_read"],
  ["exec_bash", "bash_exec"],
  ["search", "file_search"],
  ["Bash", "bash_exec"],
])("%s means %s", (typed, meant) => {
  expect(nearest(typed, tools)).toBe(meant);
});

test.each(["", "_", "grep", "file", "x", "browser", "a".repeat(100_000)])("nothing is near '%.20s'", (typed) => {
  expect(nearest(typed, tools)).toBeUndefined();
});

test("the beginning of a name means it when no other begins so", () => {
  expect(nearest("int", types)).toBe("integer");
  expect(nearest("str", ["string", "strict"])).toBeUndefined();
});

test("fewest typos win over the order", () => {
  expect(nearest("tokns", ["turns", "tokens"])).toBe("tokens");
});

test("swapped neighbours are one typo", () => {
  expect(nearest("evn", ["env", "even"])).toBe("env");
});
