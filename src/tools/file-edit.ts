import { fail, ok, type Result } from "../core/result.ts";
import type { ToolContext, ToolOutcome } from "../core/tool.ts";
import { hashesOf, lineOf } from "./anchors.ts";
import { flag, pathSchema, text } from "./arguments.ts";
import { grouped, shownPath } from "./bound.ts";
import { builtIn, schemaOf, type FromSchema } from "./built-in.ts";
import { diffSplices } from "./edit-diff.ts";
import { failed } from "./failed.ts";
import { nearMiss } from "./near-miss.ts";
import { occurrences } from "./occurrences.ts";
import { shownDiff } from "./shown-diff.ts";
import { plain, PlainText, replaceLines, type Splice } from "./splice.ts";
import { largestText, readWholeText } from "./whole-text.ts";

const schema = schemaOf({
  type: "object",
  properties: {
    path: pathSchema("The file, for example src/main.ts"),
    edits: {
      type: "array",
      minItems: 1,
      maxItems: 100,
      description: "What to change",
      items: {
        type: "object",
        properties: {
          old_text: {
            type: "string",
            description: "The text to replace, exactly as it stands in the file, with its spaces and line breaks",
          },
          new_text: { type: "string", description: "What stands there afterwards. Empty: the old text is deleted" },
          all: { type: "boolean", description: "Replace old_text everywhere in the file. Default: false" },
          start: {
            type: "string",
            description: "Instead of old_text: the anchor of the first line to replace, for example 12:kfa",
          },
          end: { type: "string", description: "The anchor of the last line to replace. Default: that of start" },
          after: {
            type: "string",
            description:
              "Instead of start: the anchor of the line behind which to insert new_text; 0 is the file's start",
          },
        },
        required: ["new_text"],
        additionalProperties: false,
      },
    },
    diff: {
      type: "string",
      description: "Instead of edits: a unified diff of this one file. Line numbers in its @@ lines may be left out",
    },
  },
  required: ["path"],
  additionalProperties: false,
});

type Input = FromSchema<typeof schema>;
type Edit = NonNullable<Input["edits"]>[number];

export const fileEdit = builtIn({
  name: "file_edit",
  description:
    "Changes parts of a text file. Each edit replaces old_text, which must stand in the file exactly once, by new_text. Or it " +
    "names lines by the anchors that file_read shows with anchors: true, so that they need not be repeated. All edits are of the " +
    "file as it is before the call, and all are made or none. Returns how the text changed.",
  input: schema,
  examples: [
    {
      request: "In config.ts set the port to 8080",
      input: { path: "config.ts", edits: [{ old_text: "port = 80;", new_text: "port = 8080;" }] },
    },
    {
      request: "Rename oldName to newName in src/main.ts",
      input: { path: "src/main.ts", edits: [{ old_text: "oldName", new_text: "newName", all: true }] },
    },
    {
      request: "Replace lines 3 to 5 of notes.txt, whose anchors are 3:kfa and 5:x7q, by 'Done'",
      input: { path: "notes.txt", edits: [{ start: "3:kfa", end: "5:x7q", new_text: "Done" }] },
    },
  ],
  needs: [{ kind: "read" }, { kind: "write" }],
  effects: () => "write",
  run,
});

async function run(input: Input, { host }: ToolContext): Promise<ToolOutcome> {
  const path = text(input, "path");
  const refuse = (why: string): ToolOutcome => ({ content: `Cannot edit '${shownPath(path)}': ${why}`, error: true });
  const read = await readWholeText(host, path);
  if (!read.ok) return failed(read.error, host, path);
  const whole = new PlainText(read.value.text);
  const splices = splicesOf(input, whole);
  if (!splices.ok) return refuse(splices.error.message);
  const size = splices.value.reduce(
    (sum, { start, end, text }) => sum + text.length - (end - start),
    whole.text.length,
  );
  if (size > largestText) return refuse("it would have more than 10 MB then; use a command instead");
  const changed = whole.spliced(splices.value);
  if (!changed.ok) return refuse(changed.error.message);
  const after = changed.value;
  if (after === read.value.text) return refuse("the new text is the same as the old one");
  const bytes = read.value.encode(after);
  if (!bytes.ok) return refuse(bytes.error);
  const written = await host.fs.write(path, bytes.value, { ifVersion: read.value.version });
  if (!written.ok) return failed(written.error, host, path);
  return { content: `Edited ${shownPath(path)}\n${await shownDiff(path, read.value.text, after)}` };
}

/** All changes of a call. The failure's message goes on after "Cannot edit 'x': ". */
function splicesOf(input: Input, whole: PlainText): Result<Splice[]> {
  const diff = text(input, "diff");
  const edits = input.edits ?? [];
  if ((diff === "") === (edits.length === 0)) {
    return fail("invalid", diff === "" ? "name 'edits' or a 'diff'" : "name 'edits' or a 'diff', and not both");
  }
  if (diff !== "") return diffSplices(whole, diff);
  const splices: Splice[] = [];
  let hashes: string[] | undefined;
  for (const [index, edit] of edits.entries()) {
    const name = edits.length === 1 ? "the edit" : `edit ${index + 1}`;
    const anchored = text(edit, "start") !== "" || text(edit, "after") !== "";
    const made = anchored
      ? anchoredSplice(edit, whole, (hashes ??= hashesOf(whole)), name)
      : exactSplices(edit, whole, name, mostPlaces - splices.length);
    const of = edits.length === 1 ? "" : `${name} of ${edits.length}: `;
    const none = edits.length === 1 ? "" : "\nNone of the edits was made.";
    if (!made.ok) return fail(made.error.code, `${of}${made.error.message}${none}`);
    for (const splice of made.value) splices.push(splice);
  }
  return ok(splices);
}

/** Of all edits together: each place takes memory. */
const mostPlaces = 1_000_000;

/** `room`: how many more places can be changed. */
function exactSplices(edit: Edit, whole: PlainText, by: string, room: number): Result<Splice[]> {
  const old = plain(text(edit, "old_text"));
  const changed = plain(text(edit, "new_text"));
  if (old === "") return fail("invalid", "name the text to replace as 'old_text', or lines by 'start' or 'after'");
  const places = occurrences(whole.text, old, room + 1);
  if (places.length > room) {
    return fail("too_large", `more than ${grouped(mostPlaces)} places would change; use a command instead`);
  }
  const splices = places.map((at) => ({ start: at, end: at + old.length, text: changed, by }));
  if (splices.length === 0) return fail("not_found", `'old_text' is not in the file. ${nearMiss(whole, old)}`);
  if (splices.length === 1 || flag(edit, "all")) return ok(splices);
  const lines = splices.slice(0, 10).map(({ start }) => whole.lineAt(start));
  const more = splices.length > 10 ? "…" : "";
  const ways = "add lines around it, so that it is clear which is meant, or set all: true";
  const where = `${splices.length} times in the file, at lines ${lines.join(", ")}${more}`;
  return fail("invalid", `'old_text' is ${where}: ${ways}`);
}

function anchoredSplice(edit: Edit, whole: PlainText, hashes: string[], by: string): Result<Splice[]> {
  const [start, end, after] = [text(edit, "start"), text(edit, "end"), text(edit, "after")];
  if (text(edit, "old_text") !== "" || (start !== "" && after !== "")) {
    return fail("invalid", "name only one of 'old_text', 'start' and 'after'");
  }
  const added = plain(text(edit, "new_text"));
  const lines = added === "" ? [] : added.replace(/\n$/, "").split("\n");
  if (after !== "") {
    const line = /^\s*0\b/.test(after) ? ok(-1) : lineOf(after, whole, hashes);
    return line.ok ? ok([replaceLines(whole, line.value + 1, line.value + 1, lines, by)]) : line;
  }
  const first = lineOf(start, whole, hashes);
  if (!first.ok) return first;
  const last = end === "" ? first : lineOf(end, whole, hashes);
  if (!last.ok) return last;
  if (last.value < first.value) return fail("invalid", "'end' stands before 'start'");
  return ok([replaceLines(whole, first.value, last.value + 1, lines, by)]);
}
