import { expect, test } from "bun:test";
import { maxDiagnostics, type Problem } from "../../src/file/source.ts";
import { readYaml } from "../../src/file/read.ts";

const lines = maxDiagnostics + 10;
const source = { file: "a.yaml", folder: "/", bytes: new TextEncoder().encode("- x\n".repeat(lines)) };

/** Reads a file in whose every line something is wrong. */
function read(severity: (line: number) => "error" | "warning") {
  const problems = Array.from({ length: lines }, (_, line): Problem => ({
    code: "wrong_value",
    severity: severity(line),
    message: `Wrong ${line}`,
    at: [line * 4, line * 4 + 1],
  }));
  return readYaml(source, "", () => ({ problems, value: () => "its value" }));
}

test("more problems than anybody reads are cut, and the cut is told", () => {
  const checked = read(() => "error");
  const told = checked.ok ? [] : checked.diagnostics.map(({ line, message }) => `${line}: ${message}`);
  expect(told.length).toBe(maxDiagnostics + 1);
  expect(told.slice(-2)).toEqual([
    `${maxDiagnostics}: Wrong ${maxDiagnostics - 1}`,
    `${maxDiagnostics + 1}: More is wrong from here on, which is not shown`,
  ]);
});

test("an error among what is not shown is an error of the file", () => {
  expect(read(() => "warning").ok).toBe(true);
  expect(read((line) => (line === lines - 1 ? "error" : "warning")).ok).toBe(false);
});
