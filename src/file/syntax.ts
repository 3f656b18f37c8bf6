import { isCollection, isScalar, visit, type Document, type YAMLError } from "yaml";
import { quote } from "./node.ts";
import type { Problem, Range } from "./source.ts";

/** One problem per line: what the parser says after the first is mostly its echo. */
export function syntaxProblems(text: string, document: Document.Parsed): Problem[] {
  const errors = [...document.errors, ...document.warnings].toSorted((a, b) => a.pos[0] - b.pos[0]);
  if (errors.length === 0) return [];
  const unclosed = unclosedBefore(document);
  const found = new Map<number, Problem>();
  for (const error of errors) {
    const line = text.lastIndexOf("\n", error.pos[0] - 1);
    if (found.has(line) && error.code !== "MULTILINE_IMPLICIT_KEY") continue;
    const opener = unclosedCodes.includes(error.code) ? unclosed.get(error.pos[0]) : undefined;
    found.set(line, opener === undefined ? syntaxProblem(text, error) : unclosedProblem(text, opener));
  }
  return [...found.values()];
}

/** The codes under which the parser tells of a missing quote or bracket. */
const unclosedCodes: readonly YAMLError["code"][] = ["MISSING_CHAR", "BAD_INDENT"];

/** Where quotes and flow collections start, by the offset where the parser gave up on them. */
function unclosedBefore(document: Document.Parsed): Map<number, number> {
  const starts = new Map<number, number>();
  visit(document, (_, node) => {
    const opens =
      (isCollection(node) && node.flow === true) || (isScalar(node) && node.type?.startsWith("QUOTE") === true);
    if (opens && node.range) starts.set(node.range[1], node.range[0]);
  });
  return starts;
}

const closers = new Map([
  ["[", "]"],
  ["{", "}"],
]);

function unclosedProblem(text: string, start: number): Problem {
  const open = text.charAt(start);
  return {
    code: "yaml",
    at: [start, start + 1],
    message: `This '${open}' is not closed`,
    hint: `a '${closers.get(open) ?? open}' is missing`,
  };
}

/** The parser's errors that people make most, in words that say what to do. */
const syntaxMessages: Partial<Record<YAMLError["code"], { message: string; hint: string }>> = {
  TAB_AS_INDENT: { message: "Tabs cannot indent YAML", hint: "use spaces" },
  BLOCK_AS_IMPLICIT_KEY: { message: "A value cannot hold ': ' unless it is quoted", hint: "quote the value" },
  MULTILINE_IMPLICIT_KEY: {
    message: "Expected 'key: value'",
    hint: "is a ':' with a space after it missing, or a line indented too far?",
  },
  BAD_DQ_ESCAPE: {
    message: "A backslash starts an escape in double quotes, and this is none",
    hint: "use single quotes, or write '\\\\' for a backslash",
  },
};

function syntaxProblem(text: string, error: YAMLError): Problem {
  const [start, end] = error.pos;
  const at: Range = [start, Math.max(end, start + 1)];
  const known = syntaxMessages[error.code];
  if (known !== undefined) return { code: "yaml", at, ...known };
  if (error.code === "TAG_RESOLVE_FAILED") return unsupportedTag(text.slice(start, end), at);
  if (error.code === "BAD_SCALAR_START") {
    return { code: "yaml", at, message: `A value cannot start with ${quote(text[start])}`, hint: "quote the value" };
  }
  return { code: "yaml", at, message: error.message };
}

export function unsupportedTag(tag: string, at: Range): Problem {
  const hint = "remove it, or quote the value if the '!' belongs to it";
  return { code: "yaml", at, message: `Tag ${quote(tag)} is not supported`, hint };
}

export function otherVersion(text: string): Problem {
  const start = text.indexOf("%YAML");
  return { code: "yaml", at: [start, start + 9], message: "Only YAML 1.2 is supported", hint: "remove this line" };
}

export function severalDocuments(text: string, offset: number): Problem {
  const marker = text.lastIndexOf("\n---", offset) + 1;
  return {
    code: "yaml",
    at: [marker, marker + 3],
    message: "A file holds one document, this starts a second",
    hint: "put it into a file of its own",
  };
}
