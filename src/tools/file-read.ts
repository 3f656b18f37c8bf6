import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import type { Host } from "../core/host.ts";
import { largestAttachment } from "../core/message.ts";
import { anchoredLine, hashesOf } from "./anchors.ts";
import { flag, number, pathSchema, text } from "./arguments.ts";
import { attachmentOf, tooLarge } from "./attachment.ts";
import { bytes, grouped, mostCharacters, shownPath } from "./bound.ts";
import { builtIn, schemaOf, type BuiltIn, type FromSchema } from "./built-in.ts";
import { Cache } from "./cache.ts";
import { encodingNotes, type Encoding } from "./content.ts";
import { failed } from "./failed.ts";
import { PlainText } from "./splice.ts";
import { openText, type Opened } from "./text.ts";
import { readWholeText } from "./whole-text.ts";

/** Lines are counted up to here; in a larger file their number is a lower bound. */
const mostScanned = 64_000_000;

const schema = schemaOf({
  type: "object",
  properties: {
    path: pathSchema("The file, for example src/main.ts"),
    offset: { type: "integer", minimum: 1, description: "The first line to return, counted from 1. Default: 1" },
    limit: { type: "integer", minimum: 1, description: "How many lines to return. Default: as many as fit" },
    anchors: {
      type: "boolean",
      description:
        "Begin each line with its anchor and '|', as in 12:kfa|text, by which file_edit names it. Default: false",
    },
  },
  required: ["path"],
  additionalProperties: false,
});

type Input = FromSchema<typeof schema>;

/** It answers what was read before from memory, as long as the file is the same. */
export function makeFileRead(): Tool {
  const cache = new Cache<ToolOutcome>();
  return builtIn({ ...fileRead, run: (input, context) => cached(cache, input, context) });
}

const fileRead: Omit<BuiltIn<typeof schema>, "run"> = {
  name: "file_read",
  description:
    "Reads a text file, or shows an image (PNG, JPEG, GIF, WebP) or a PDF. Returns the lines of a text as they are, without line " +
    "numbers. A long text comes in parts: a note in square brackets at the end then says which lines these are and which offset " +
    "shows the next ones.",
  input: schema,
  examples: [
    { request: "What does notes.txt say?", input: { path: "notes.txt" } },
    { request: "Show me the text of src/main.ts", input: { path: "src/main.ts" } },
  ],
  needs: [{ kind: "read" }],
  effects: () => "read",
};

/** A version that is younger may stay the same when the file is changed at once again. */
const settledMs = 2000;

async function cached(cache: Cache<ToolOutcome>, input: Input, context: ToolContext): Promise<ToolOutcome> {
  const { host, clock } = context;
  const path = text(input, "path");
  // Through the gate, like the read that it stands for.
  const before = await host.fs.stat(path);
  if (!before.ok) return failed(before.error, host, path);
  const { version, changedMs } = before.value;
  if (changedMs > clock.now() - settledMs) return run(input, context);
  const key = JSON.stringify([version, path, input.offset, input.limit, flag(input, "anchors")]);
  const known = cache.get(key);
  if (known !== undefined) return { ...known, cached: true };
  const outcome = await run(input, context);
  // Images are large, and the conversation holds them anyway.
  if (outcome.error === true || outcome.attachments !== undefined) return outcome;
  const after = await host.fs.stat(path);
  if (after.ok && after.value.version === version) cache.set(key, outcome);
  return outcome;
}

async function run(input: Input, { host, signal }: ToolContext): Promise<ToolOutcome> {
  const path = text(input, "path");
  if (flag(input, "anchors")) return readAnchored(input, host);
  const opened = await openText(host, path);
  if (!opened.ok) return failed(opened.error, host, path);
  const file = opened.value;
  if (file.kind === "binary") return show(path, file, host);
  const window = new LineWindow(number(input, "offset", 1), number(input, "limit", Number.MAX_SAFE_INTEGER));
  let scanned = 0;
  let more = false;
  for await (const piece of file.pieces()) {
    if (signal.aborted) return { content: `Cannot read '${shownPath(path)}': cancelled`, error: true };
    if (!piece.ok) return failed(piece.error, host, path);
    window.add(piece.value);
    scanned += piece.value.length;
    more = scanned > mostScanned && window.full;
    if (more) break;
  }
  return window.outcome(shownPath(path), more, encodingNote(file.encoding));
}

/** The lines with their anchors. */
async function readAnchored(input: Input, host: Host): Promise<ToolOutcome> {
  const path = text(input, "path");
  const read = await readWholeText(host, path);
  if (!read.ok) return failed(read.error, host, path);
  const whole = new PlainText(read.value.text);
  const hashes = hashesOf(whole);
  const window = new LineWindow(number(input, "offset", 1), number(input, "limit", Number.MAX_SAFE_INTEGER));
  for (let line = 0; line < whole.lines; line++) window.add(`${anchoredLine(whole, hashes, line)}\n`);
  return window.outcome(shownPath(path), false, encodingNote(read.value.encoding));
}

function encodingNote(encoding: Encoding): string | undefined {
  return encoding === "utf-8" ? undefined : encodingNotes[encoding];
}

/** Images and PDFs as they are, where a model can be shown them. */
async function show(path: string, file: Extract<Opened, { kind: "binary" }>, host: Host): Promise<ToolOutcome> {
  const { what, mediaType, size } = file;
  const refuse = (why: string): ToolOutcome => ({
    content: `Cannot read '${shownPath(path)}': it is ${why}`,
    error: true,
  });
  if (mediaType === undefined) return refuse(`${what}, ${bytes(size)}`);
  if (size > largestAttachment) return refuse(tooLarge(what, size));
  const read = await host.fs.read(path, { offset: 0, limit: largestAttachment });
  if (!read.ok) return failed(read.error, host, path);
  const shown = await attachmentOf(shownPath(path), { mediaType, what }, read.value.bytes);
  if (!shown.ok) return refuse(shown.error);
  return { content: `[${shownPath(path)}: ${shown.value.what}]`, attachments: [shown.value.attachment] };
}

/** Takes a text piece by piece and keeps the wanted lines of it, as far as they fit. */
class LineWindow {
  /** The wanted text fits no more or is complete. */
  full = false;
  #content = "";
  /** The line that comes next, counted from 1, and whether it has begun. */
  #line = 1;
  #begun = false;
  /** How much there was before that line. */
  #lineStart = 0;
  /** The last line of which something was kept, and whether it was cut. */
  #last = 0;
  #cutLine = false;

  readonly #offset: number;
  readonly #limit: number;

  constructor(offset: number, limit: number) {
    this.#offset = offset;
    this.#limit = limit;
  }

  add(piece: string): void {
    for (let start = 0; start < piece.length;) {
      const newline = piece.indexOf("\n", start);
      const end = newline < 0 ? piece.length : newline + 1;
      if (!this.full && this.#line >= this.#offset) this.#keep(piece.slice(start, end));
      this.#begun = newline < 0;
      if (newline >= 0) this.#line++;
      start = end;
    }
  }

  #keep(part: string): void {
    const line = this.#line;
    if (line - this.#offset >= this.#limit) {
      this.full = true;
      return;
    }
    if (!this.#begun) this.#lineStart = this.#content.length;
    const room = mostCharacters - this.#content.length;
    if (part.length <= room) {
      this.#content += part;
      this.#last = line;
      return;
    }
    this.full = true;
    if (line > this.#offset) {
      // Left whole for the next part.
      this.#content = this.#content.slice(0, this.#lineStart);
      this.#last = line - 1;
    } else {
      this.#content = (this.#content + part.slice(0, room)).toWellFormed();
      this.#last = line;
      this.#cutLine = true;
    }
  }

  outcome(path: string, more: boolean, encoding: string | undefined): ToolOutcome {
    const total = this.#begun ? this.#line : this.#line - 1;
    if (total === 0) return { content: `[${path} is empty]` };
    if (this.#last === 0) {
      const lines = total === 1 ? "1 line" : `${grouped(total)} lines`;
      return { content: `Cannot read '${path}' from line ${this.#offset}: it has ${lines}`, error: true };
    }
    const notes = [];
    if (this.#cutLine) notes.push(`line ${this.#last} is cut after ${grouped(mostCharacters)} characters`);
    if (this.#offset > 1 || this.#last < total) {
      notes.push(`lines ${this.#offset}-${this.#last} of ${more ? "at least " : ""}${grouped(total)}`);
    }
    if (this.#last < total) notes.push(`the next ones: offset ${this.#last + 1}`);
    if (encoding !== undefined) notes.push(encoding);
    else if (this.#content.includes("\ufffd")) notes.push("\ufffd stands for what is not UTF-8, or for itself");
    if (notes.length === 0) return { content: this.#content };
    const gap = this.#content.endsWith("\n") ? "" : "\n";
    return { content: `${this.#content}${gap}[${notes.join("; ")}]` };
  }
}
