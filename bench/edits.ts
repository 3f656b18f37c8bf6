/**
 * How many tokens a model writes for an edit, by each format of file_edit: for 50 edits out of this repository's history
 * (edits.json). Counted as OpenAI's models since GPT-4o count, on the arguments as JSON.
 */
import { join } from "node:path";
import { unifiedDiff } from "../src/native/diff.ts";
import { countTokens } from "../src/native/tokens.ts";
import { anchoredLine, hashesOf } from "../src/tools/anchors.ts";
import { PlainText } from "../src/tools/splice.ts";

/**
 * An edit by lines: `old` of them, from `line` on, became `new`. `needed`: how many lines above and below belong to the old text, so
 * that it stands in the file once. `file`: how many tokens it takes to write the whole file anew.
 */
type Edit = {
  commit: string;
  path: string;
  line: number;
  above: string[];
  old: string[];
  new: string[];
  below: string[];
  needed: [number, number];
  file: number;
};

const formats: Record<string, (edit: Edit) => Promise<object> | object> = {
  "old_text and new_text": ({ path, above, old, new: changed, below, needed: [up, down] }) => {
    const around = (lines: string[]) =>
      [...above.slice(above.length - up), ...lines, ...below.slice(0, down)].join("\n");
    return { path, edits: [{ old_text: around(old), new_text: around(changed) }] };
  },
  anchors: (edit) => {
    const { path, old, new: changed } = edit;
    const shown = anchored(edit).map((line) => line.split("|", 1)[0] ?? "");
    const [first = "0", last] = [shown[edit.above.length], shown[edit.above.length + old.length - 1]];
    const new_text = changed.join("\n");
    if (old.length === 0) return { path, edits: [{ after: last ?? "0", new_text }] };
    return { path, edits: [{ start: first, ...(old.length === 1 ? {} : { end: last }), new_text }] };
  },
  diff: async (edit) => ({ path: edit.path, diff: await diffOf(edit) }),
  "diff, without names and numbers": async (edit) => {
    const diff = (await diffOf(edit)).replace(/^---.*\n\+\+\+.*\n/, "").replace(/^@@.*@@$/m, "@@");
    return { path: edit.path, diff };
  },
};

/** The lines around and of an edit with anchors, numbered as in the file. */
function anchored({ line, above, old, below }: Edit): string[] {
  const text = new PlainText(`${"\n".repeat(line - 1 - above.length)}${[...above, ...old, ...below].join("\n")}\n`);
  const hashes = hashesOf(text);
  const first = line - 1 - above.length;
  return Array.from({ length: text.lines - first }, (_, index) => anchoredLine(text, hashes, first + index));
}

async function diffOf({ path, line, above, old, new: changed, below }: Edit): Promise<string> {
  const text = (lines: string[]) => `${[...above, ...lines, ...below].join("\n")}\n`;
  const diff = await unifiedDiff(text(old), text(changed), { oldName: path, newName: path, context: 3 });
  const first = line - above.length;
  return diff.replace(/^@@ -\d+/m, `@@ -${first}`).replace(/^(@@ .*) \+\d+/m, `$1 +${first}`);
}

/** Tokens of all edits together, by format; the last row is what reading costs more where lines have anchors. */
export async function editRows(): Promise<string[][]> {
  const edits: Edit[] = await Bun.file(join(import.meta.dir, "edits.json")).json();
  const count = (text: string) => countTokens(text, "o200k");
  const sum = async (tokens: (edit: Edit) => Promise<number>) =>
    (await Promise.all(edits.map(tokens))).reduce((all, one) => all + one, 0);
  const counted: Array<[string, number]> = [];
  for (const [name, write] of Object.entries(formats)) {
    counted.push([name, await sum(async (edit) => count(JSON.stringify(await write(edit))))]);
  }
  counted.push(["file_write of the whole file", await sum(async ({ file }) => file)]);
  const [, least = 1] = counted[0] ?? [];
  const rows = counted.map(([name, tokens]) => [
    name,
    `${Math.round(tokens / edits.length)}`,
    (tokens / least).toFixed(2),
  ]);
  const plain = await sum(({ above, old, below }) => count([...above, ...old, ...below].join("\n")));
  const withAnchors = await sum((edit) => count(anchored(edit).join("\n")));
  const perLine = await sum(async ({ above, old, below }) => above.length + old.length + below.length);
  return [
    ...rows,
    [
      "to read, for each line with an anchor",
      ((withAnchors - plain) / perLine).toFixed(1),
      (withAnchors / plain).toFixed(2),
    ],
  ];
}

if (import.meta.main) for (const row of await editRows()) console.log(row.join("\t"));
