import { TextDocumentEdit, TextEdit } from "vscode-languageserver-protocol/node";
import { isJsonObject, type Json } from "../core/json.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { grouped, mostCharacters } from "./bound.ts";
import type { Files } from "./lsp-files.ts";
import { lineStarts, linesOf, toOffset, type Encoding } from "./lsp-position.ts";

/** A change of many files as unified diffs, one after the other. Nothing is written. A part of it alone would break code, so that all must be readable. */
export async function diffOf(edit: Json, files: Files, encoding: Encoding): Promise<Result<string>> {
  const changes = changesOf(edit);
  if (!changes.ok) return changes;
  const { unifiedDiff } = await import("../native/diff.ts");
  const diffs: string[] = [];
  for (const [uri, edits] of changes.value) {
    const name = files.name(uri);
    const before = await files.text(uri);
    if (before === undefined) {
      return fail("denied", `Cannot show the rename whole: it also changes '${name}', which may not be read`);
    }
    const after = applied(before, edits, encoding);
    if (!after.ok) return fail("invalid", `Cannot show the rename: the edits of '${name}' ${after.error}`);
    const diff = await unifiedDiff(before, after.value, { oldName: name, newName: name, context: 3 });
    if (diff !== "") diffs.push(diff);
  }
  const size = diffs.reduce((sum, diff) => sum + diff.length, 0);
  if (size > mostCharacters) {
    const names = [...changes.value.keys()].map((uri) => files.name(uri));
    const list = names.slice(0, 100).join(", ");
    return fail(
      "too_large",
      `The rename changes ${grouped(names.length)} files, and its diff has ${grouped(size)} characters: too much to show. They are: ${list}`,
    );
  }
  return ok(diffs.join(""));
}

/** The edits of each file, by its URI. */
function changesOf(edit: Json): Result<Map<string, TextEdit[]>> {
  const found = new Map<string, TextEdit[]>();
  const add = (uri: string, edits: readonly unknown[]): boolean => {
    const right = edits.filter((one) => TextEdit.is(one));
    found.set(uri, [...(found.get(uri) ?? []), ...right]);
    return right.length === edits.length;
  };
  const odd = fail("invalid", "Cannot show the rename: the server's answer is not what the protocol says");
  if (edit === null) return ok(found);
  if (!isJsonObject(edit)) return odd;
  const { changes, documentChanges } = edit;
  if (Array.isArray(documentChanges)) {
    for (const change of documentChanges) {
      if (!TextDocumentEdit.is(change)) {
        const kind = isJsonObject(change) ? change["kind"] : undefined;
        if (typeof kind !== "string") return odd;
        return fail("unsupported", `Cannot show the rename: it would also ${kind.slice(0, 20)} a file`);
      }
      if (!add(change.textDocument.uri, change.edits)) return odd;
    }
  } else if (isJsonObject(changes)) {
    for (const [uri, edits] of Object.entries(changes)) if (!Array.isArray(edits) || !add(uri, edits)) return odd;
  }
  return ok(found);
}

/** A text with edits, which all speak of it as it was. */
function applied(text: string, edits: readonly TextEdit[], encoding: Encoding): Result<string, string> {
  const lines = linesOf(text);
  const starts = lineStarts(text);
  const spans = edits
    .map(({ range, newText }) => ({
      from: toOffset(lines, starts, range.start, encoding),
      to: toOffset(lines, starts, range.end, encoding),
      newText,
    }))
    .toSorted((a, b) => a.from - b.from || a.to - b.to);
  let result = "";
  let at = 0;
  for (const { from, to, newText } of spans) {
    if (from < at || to < from) return { ok: false, error: "overlap" };
    result += text.slice(at, from) + newText;
    at = to;
  }
  return { ok: true, value: result + text.slice(at) };
}
