import type { Diagnostic } from "../core/diagnostic.ts";
import type { Node } from "./node.ts";
import { parse } from "./parse.ts";
import { decode, locate, unreadable, type Problem, type Source } from "./source.ts";

/** A file that was checked: what it says, perhaps with warnings; or all that is wrong with it, in the order of the text. */
export type Checked<T> = { ok: true; value: T; warnings: Diagnostic[] } | { ok: false; diagnostics: Diagnostic[] };

/** What a judge says of a file's content. `value` is called only when no problem is an error. */
export type Judgement<T> = { problems: Problem[]; value(): T };

/** The way from bytes to a value: text, YAML, then the judge. `empty` is what a file without any content is told. */
export function readYaml<T>(
  source: Source,
  empty: string,
  judge: (root: Node, text: string) => Judgement<T>,
): Checked<T> {
  const decoded = decode(source);
  if (!decoded.ok) return { ok: false, diagnostics: [decoded.error] };
  const text = decoded.value;
  const { root, problems } = parse(text);
  if (root === undefined && problems.length === 0) {
    const message = text.trim() === "" ? "The file is empty" : "The file has no content";
    return { ok: false, diagnostics: [unreadable(source.file, message, "empty", empty)] };
  }
  const judgement = root === undefined ? undefined : judge(root, text);
  const diagnostics = locate(source.file, text, [...problems, ...(judgement?.problems ?? [])]);
  if (judgement === undefined || diagnostics.some(({ severity }) => severity === "error")) {
    return { ok: false, diagnostics };
  }
  return { ok: true, value: judgement.value(), warnings: diagnostics };
}
