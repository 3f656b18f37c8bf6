import * as v from "valibot";
import { serverLanguages, type ServerLanguage } from "../core/language-server.ts";
import { laterOr } from "./later.ts";
import { entriesOf, find, itemsOf, quote, type Node } from "./node.ts";
import { wrongProgram } from "./rules.ts";
import type { Problem } from "./source.ts";

/** The commands of language servers: `{ python: [pyright-langserver, --stdio] }`. */
export const lspSchema = laterOr({}, () =>
  v.pipe(
    v.strictObject({
      typescript: server("TypeScript and JavaScript", ["typescript-language-server", "--stdio"]),
      python: server("Python", ["pyright-langserver", "--stdio"]),
      go: server("Go", ["gopls"]),
      rust: server("Rust", ["rust-analyzer"]),
    } satisfies Record<ServerLanguage, unknown>),
    v.title("a map of languages"),
    v.description(
      "The language servers of `lsp_integration`, where they are not the usual ones: a program and its arguments, with which it " +
        "talks on stdin and stdout. It counts as requested in `permissions.run`; a usual one must be named there.",
    ),
    v.examples([{ python: ["basedpyright-langserver", "--stdio"] }]),
  ),
);

function server(title: string, usual: string[]) {
  return v.exactOptional(
    v.pipe(
      v.array(v.pipe(v.string(), v.title("text"))),
      v.title("a list of a program and its arguments"),
      v.minLength(1, "Expected a program"),
      v.description(`The server for ${title}. Default: \`${usual.join(" ")}\`.`),
    ),
  );
}

/** The programs that `lsp:` names, each where it stands. */
export function lspPrograms(node: Node) {
  return serverLanguages.flatMap((language) => {
    const [program] = itemsOf(find(node, "lsp", language));
    return program?.kind === "text" ? [program] : [];
  });
}

/** What is wrong with these programs, and servers that no tool would use. */
export function lspProblems(node: Node): Problem[] {
  const problems = lspPrograms(node).flatMap((program): Problem[] => {
    if (program.value.includes("${{")) return [];
    const wrong = program.value === "" ? { message: "A program cannot be empty" } : wrongProgram(program.value);
    return wrong === undefined ? [] : [{ code: "permission", at: program.at, ...wrong }];
  });
  const lsp = node.kind === "map" ? node.entries.get("lsp") : undefined;
  const used = itemsOf(find(node, "tools")).some((tool) => tool.kind === "text" && tool.value === "lsp_integration");
  if (lsp === undefined || used || entriesOf(lsp.value).length === 0) return problems;
  const message = `No tool uses ${quote("lsp")}`;
  return [...problems, { code: "wrong_value", at: lsp.key, message, hint: "add lsp_integration to 'tools'" }];
}
