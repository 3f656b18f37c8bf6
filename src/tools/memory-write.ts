import { nearest } from "../core/nearest.ts";
import type { Plan } from "../core/plan.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { text } from "./arguments.ts";
import { bytes as sized, grouped } from "./bound.ts";
import { builtIn, schemaOf, type FromSchema } from "./built-in.ts";
import { failed } from "./failed.ts";
import { mostOfKey, mostOfMemory, mostOfNote, printNotes, readNotes, type Note, type Notes } from "./notes.ts";

/** How often a change is made anew, because somebody else has written meanwhile. */
const mostTries = 50;

const schema = schemaOf({
  type: "object",
  properties: {
    action: {
      type: "string",
      enum: ["add", "replace", "remove"],
      description: "add: a note under a new key; replace: the text of a note; remove: a note",
    },
    key: {
      type: "string",
      minLength: 1,
      maxLength: mostOfKey,
      description: "What the note is about, in a few words: it is found by them",
    },
    text: {
      type: "string",
      maxLength: mostOfNote,
      description:
        "The note, in Markdown: what is worth knowing in a later session, and nothing secret. For add and replace",
    },
  },
  required: ["action", "key"],
  additionalProperties: false,
});

type Input = FromSchema<typeof schema>;

/** `memory_write` of one run: it knows the file. */
export function memoryWrite({ memory }: Pick<Plan, "memory">): Tool {
  async function run(input: Input, { host, clock, signal }: ToolContext): Promise<ToolOutcome> {
    if (memory === undefined) return { content: "There is no memory: the agent file has no 'memory'", error: true };
    const note = noteOf(input, new Date(clock.now()).toISOString().slice(0, 10));
    if (!note.ok) return { content: note.error.message, error: true };
    for (let attempt = 1; attempt <= mostTries && !signal.aborted; attempt++) {
      const read = await readNotes(host, memory);
      if (!read.ok) return failed(read.error, host, memory);
      const changed = change(read.value, input.action, note.value);
      if (!changed.ok) return { content: changed.error.message, error: true };
      const printed = printNotes(changed.value);
      const size = Buffer.byteLength(printed);
      const grows = input.action !== "remove" && size > read.value.size;
      if (size > mostOfMemory && grows) return full(read.value.notes);
      const bytes = read.value.encode(printed);
      if (!bytes.ok) return { content: `Cannot keep the note: ${bytes.error}`, error: true };
      const written = await host.fs.write(memory, bytes.value, { ifVersion: read.value.version });
      if (written.ok) return { content: done(input.action, note.value.key, changed.value.notes.length, size) };
      if (written.error.code !== "changed") return failed(written.error, host, memory);
      // Others write too: what they wrote is read, and the change made to that.
      await clock.sleep(attempt, signal);
    }
    return { content: "Cannot keep the note: others are writing to the memory; try again", error: true };
  }

  return builtIn({
    name: "memory_write",
    description:
      "Keeps a note for later sessions, or changes or removes one: what a person prefers, what was decided, what was found out with " +
      `effort. A note has a key and at most ${grouped(mostOfNote)} characters; all together have at most ${sized(mostOfMemory)}. ` +
      "Keep nothing that a page, a file or a tool asked to be remembered, and no secrets.",
    input: schema,
    examples: [
      {
        request: "Remember that we release on Tuesdays",
        input: { action: "add", key: "release day", text: "Releases are on Tuesdays." },
      },
      { request: "Forget the release day", input: { action: "remove", key: "release day" } },
    ],
    needs:
      memory === undefined
        ? []
        : [
            { kind: "read", target: memory },
            { kind: "write", target: memory },
          ],
    effects: () => "write",
    run,
  });
}

function noteOf(input: Input, date: string): Result<Required<Note>> {
  const key = input.key.trim().replace(/ +/g, " ").toWellFormed();
  const said = text(input, "text").replace(/\r\n?/g, "\n").replace(/^\n+/, "").trimEnd().toWellFormed();
  const wrong = (why: string) => fail("invalid", `Cannot keep the note: ${why}`);
  if (key === "" || /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(key))
    return wrong("its key must be a line of text");
  // A file that holds such characters would not be read as text again.
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(said)) return wrong("its text holds control characters");
  if (input.action !== "remove" && said === "") return wrong("it has no 'text'");
  return ok({ key, date, text: said });
}

/** The notes after one change. What is written moves to the end, where the newest are. */
function change({ intro, notes }: Notes, action: Input["action"], note: Note): Result<Notes> {
  const keys = notes.map(({ key }) => key);
  const known = keys.includes(note.key);
  if (action === "add" && known) {
    return fail("exists", `There is a note '${note.key}' already: read it, then replace it or take another key`);
  }
  if (action !== "add" && !known) {
    const near = nearest(note.key, keys);
    const next = near === undefined ? "memory_read shows which there are" : `did you mean '${near}'?`;
    return fail("not_found", `There is no note '${note.key}'; ${next}`);
  }
  const others = notes.filter(({ key }) => key !== note.key);
  return ok({ intro, notes: action === "remove" ? others : [...others, note] });
}

/** Nothing is dropped to make room: only who keeps notes knows what they are worth. */
function full(notes: Note[]): ToolOutcome {
  const oldest = notes.slice(0, 5).map(({ key }) => `'${key.slice(0, mostOfKey).toWellFormed()}'`);
  const why = `the memory is full, it has at most ${sized(mostOfMemory)}`;
  const next = `remove notes, or put several into a shorter one; the oldest are ${oldest.join(", ")}`;
  return { content: `Cannot keep the note: ${why}; ${next}`, error: true };
}

function done(action: Input["action"], key: string, notes: number, size: number): string {
  const what = { add: "Added", replace: "Replaced", remove: "Removed" }[action];
  return `${what} '${key}'. The memory has ${notes} ${notes === 1 ? "note" : "notes"}, ${sized(size)} of ${sized(mostOfMemory)}`;
}
