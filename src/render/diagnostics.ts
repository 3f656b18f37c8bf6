import type { Diagnostic } from "../core/diagnostic.ts";

/** Characters of a source line that are shown, around what is marked. */
const maxColumns = 120;

/**
 * Diagnostics for people, with a closing line that counts them. Empty when there are none.
 *
 *     review.yaml:4:1: error: Unknown key 'promt'
 *       4 | promt: hello
 *         | ^^^^^ did you mean 'prompt'?
 */
export function diagnosticsText(diagnostics: readonly Diagnostic[], options: { color: boolean }): string {
  if (diagnostics.length === 0) return "";
  const paint = (style: keyof typeof styles, text: string) =>
    options.color && text !== "" ? `${styles[style]}${text}${reset}` : text;
  const blocks = diagnostics.map((diagnostic) => {
    const { file, line, column, severity } = diagnostic;
    const head = `${visible(file)}:${line}:${column}: ${paint(severity, `${severity}:`)} ${paint("strong", visible(diagnostic.message))}\n`;
    const hint = diagnostic.hint === undefined ? "" : visible(diagnostic.hint);
    if (diagnostic.source === "") return hint === "" ? head : `${head}  ${paint("hint", hint)}\n`;
    const { text, before, marked } = excerpt(diagnostic);
    const gutter = " ".repeat(String(line).length);
    const caret = paint(severity, "^".repeat(Math.max(1, Bun.stringWidth(marked))));
    const under = [caret, paint("hint", hint)].filter((part) => part !== "").join(" ");
    return `${head}  ${line} | ${text}\n  ${gutter} | ${blank(before)}${under}\n`;
  });
  return `${blocks.join("")}${closing(diagnostics)}\n`;
}

const reset = "\u001b[0m";
const styles = { error: "\u001b[31;1m", warning: "\u001b[33;1m", strong: "\u001b[1m", hint: "\u001b[36m" } as const;

/** The part of the line that is shown, what stands before the mark, and what is marked. Control characters made visible. */
function excerpt({ source, column, width }: Diagnostic): { text: string; before: string; marked: string } {
  // A line may be a megabyte: only what can be shown is taken apart.
  const end = column - 1 + Math.min(width, maxColumns);
  const characters = Array.from(source.slice(0, (end + maxColumns) * 2));
  const start = end <= maxColumns ? 0 : Math.max(0, column - 1 - maxColumns / 2);
  const stop = start + maxColumns;
  const lead = start > 0 ? "…" : "";
  const tail = characters.length > stop ? "…" : "";
  const part = (from: number, to: number) => visible(characters.slice(from, to).join(""));
  return {
    text: `${lead}${part(start, stop)}${tail}`,
    before: `${lead}${part(start, column - 1)}`,
    marked: part(column - 1, Math.min(end, stop)),
  };
}

/** Spaces as wide as a text; its tabs stay tabs. */
function blank(text: string): string {
  return text
    .split("\t")
    .map((part) => " ".repeat(Bun.stringWidth(part)))
    .join("\t");
}

/** Control characters as pictures, and those that reorder text as a replacement: none reaches a terminal raw. Tabs stay. */
function visible(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000a-\u001f]/g, (character) => String.fromCharCode(0x2400 + character.charCodeAt(0)))
    .replace(/\u007f/g, "\u2421")
    .replace(/[\u0080-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, "\ufffd")
    .toWellFormed();
}

function closing(diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  const warnings = diagnostics.length - errors;
  const files = new Set(diagnostics.map(({ file }) => file)).size;
  const counts = [errors > 0 ? counted(errors, "error") : "", warnings > 0 ? counted(warnings, "warning") : ""];
  return `${counts.filter((count) => count !== "").join(" and ")} in ${counted(files, "file")}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Diagnostics as one JSON document, an object with a list; a long source line is cut as in the text. */
export function diagnosticsJson(diagnostics: readonly Diagnostic[]): string {
  const list = diagnostics.map((diagnostic) => ({
    ...diagnostic,
    source: diagnostic.source.length > maxColumns * 4 ? excerpt(diagnostic).text : diagnostic.source,
  }));
  return `${JSON.stringify({ version: 1, diagnostics: list }, undefined, 2)}\n`;
}

/** Diagnostics as SARIF 2.1.0, as code hosts read it. `version` is rein's own. */
export function diagnosticsSarif(diagnostics: readonly Diagnostic[], version: string): string {
  const rules = [...new Set(diagnostics.map(({ code }) => code))].toSorted();
  const document = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "rein", version, rules: rules.map((id) => ({ id })) } },
        columnKind: "unicodeCodePoints",
        results: diagnostics.map((diagnostic) => ({
          ruleId: diagnostic.code,
          ruleIndex: rules.indexOf(diagnostic.code),
          level: diagnostic.severity,
          message: {
            text: diagnostic.hint === undefined ? diagnostic.message : `${diagnostic.message}: ${diagnostic.hint}`,
          },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: uri(diagnostic.file) },
                region: {
                  startLine: diagnostic.line,
                  startColumn: diagnostic.column,
                  endColumn: diagnostic.column + diagnostic.width,
                },
              },
            },
          ],
        })),
      },
    ],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** A file name as a URI reference: relative names stay relative. */
function uri(file: string): string {
  const escaped = file.split("/").map(encodeURIComponent).join("/");
  return file.startsWith("/") ? `file://${escaped}` : escaped;
}
