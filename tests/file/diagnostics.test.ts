import { expect, test } from "bun:test";
import type { Diagnostic } from "../../src/core/diagnostic.ts";
import { diagnosticsJson, diagnosticsSarif, diagnosticsText } from "../../src/render/diagnostics.ts";

const typo: Diagnostic = {
  code: "unknown_key",
  severity: "error",
  message: "Unknown key 'promt'",
  hint: "did you mean 'prompt'?",
  file: "review.yaml",
  line: 4,
  column: 1,
  width: 5,
  source: "promt: hello",
};

test("a diagnostic quotes its line with a caret and ends in a count", () => {
  expect(diagnosticsText([typo], { color: false })).toBe(`review.yaml:4:1: error: Unknown key 'promt'
  4 | promt: hello
    | ^^^^^ did you mean 'prompt'?
1 error in 1 file
`);
});

test("errors, warnings and files are counted apart, and nothing is said of nothing", () => {
  const warning: Diagnostic = { ...typo, severity: "warning", file: "b.yaml" };
  expect(diagnosticsText([typo, typo, warning], { color: false })).toEndWith("2 errors and 1 warning in 2 files\n");
  expect(diagnosticsText([], { color: false })).toBe("");
});

test("colour is only styling: without it the text is the same", () => {
  const colored = diagnosticsText([typo], { color: true });
  expect(colored).not.toBe(diagnosticsText([typo], { color: false }));
  expect(Bun.stripANSI(colored)).toBe(diagnosticsText([typo], { color: false }));
});

test("control characters never reach a terminal raw, wherever they come from", () => {
  const evil = "\u001b[2J\u0007\r\n\u009b31m\u202e\u2028\u007f\u0000";
  const text = diagnosticsText([{ ...typo, message: evil, hint: evil, file: evil, source: evil }], { color: false });
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/);
  expect(text.split("\n")).toHaveLength(5);
});

test("the caret stands under what it marks: after tabs, wide characters and emoji", () => {
  const source = "\ta: 日本 😀 promt";
  const lines = diagnosticsText([{ ...typo, source, column: 10 }], { color: false }).split("\n");
  const [, shown = "", under = ""] = lines;
  expect(Bun.stringWidth(under.slice(0, under.indexOf("^")))).toBe(
    Bun.stringWidth(shown.slice(0, shown.indexOf("promt"))),
  );
  expect(under).toStartWith("    | \t ");
});

test("a line of a megabyte is cut around the caret", () => {
  const source = `${"x".repeat(600_000)}promt${"y".repeat(400_000)}`;
  const [, shown = "", under = ""] = diagnosticsText([{ ...typo, source, column: 600_001 }], { color: false }).split(
    "\n",
  );
  expect(shown.length).toBeLessThan(140);
  expect(shown).toContain("…");
  expect(under.indexOf("^")).toBe(shown.indexOf("promt"));
  expect(diagnosticsJson([{ ...typo, source, column: 600_001 }]).length).toBeLessThan(1000);
});

test("a mark that is wider than what is shown ends with it", () => {
  const [, shown = "", under = ""] = diagnosticsText([{ ...typo, source: "x".repeat(500), width: 500 }], {
    color: false,
  }).split("\n");
  expect(under.lastIndexOf("^")).toBeLessThan(shown.length);
});

test("JSON holds each diagnostic as it is", () => {
  expect(JSON.parse(diagnosticsJson([typo]))).toEqual({ version: 1, diagnostics: [typo] });
});

test("SARIF names rule, place and file: a relative URI, its characters escaped", () => {
  const document: unknown = JSON.parse(diagnosticsSarif([{ ...typo, file: "my agents/ü#.yaml" }], "1.2.3"));
  expect(document).toMatchObject({
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "rein", version: "1.2.3", rules: [{ id: "unknown_key" }] } },
        columnKind: "unicodeCodePoints",
        results: [
          {
            ruleId: "unknown_key",
            ruleIndex: 0,
            level: "error",
            message: { text: "Unknown key 'promt': did you mean 'prompt'?" },
            locations: [
              {
                physicalLocation: {
                  artifactLocation: { uri: "my%20agents/%C3%BC%23.yaml" },
                  region: { startLine: 4, startColumn: 1, endColumn: 6 },
                },
              },
            ],
          },
        ],
      },
    ],
  });
});
