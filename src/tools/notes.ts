import type { Host } from "../core/host.ts";
import { ok, type Result } from "../core/result.ts";
import { readWholeText } from "./whole-text.ts";

/** One note. `date`: the day when it was written, as YYYY-MM-DD; what a person added may have none. */
export type Note = { key: string; date?: string; text: string };

/** What the file of a memory holds: what stands above the first note, and the notes, the oldest first. */
export type Notes = { intro: string; notes: Note[] };

/** The most bytes of the whole file, and the most characters of a note and of its key. */
export const mostOfMemory = 64_000;
export const mostOfNote = 2000;
export const mostOfKey = 100;

const heading = /^## (?:(\d{4}-\d{2}-\d{2}) )?(.+)$/;

/** Markdown, in which each heading of the second level begins a note. */
export function parseNotes(text: string): Notes {
  const blocks: Array<{ head: Omit<Note, "text"> | undefined; lines: string[] }> = [{ head: undefined, lines: [] }];
  for (const line of text.split(/\r\n|\r|\n/)) {
    const [, date, key = ""] = heading.exec(line) ?? [];
    const head = key.trim() === "" ? undefined : { key: key.trim(), ...(date === undefined ? {} : { date }) };
    if (head === undefined) blocks.at(-1)?.lines.push(line);
    else blocks.push({ head, lines: [] });
  }
  const textOf = (lines: string[]) => lines.join("\n").replace(/^(?:[ \t]*\n)+|\s+$/g, "");
  const notes = blocks.flatMap(({ head, lines }) =>
    // A line of a note that looks like a heading was written with a backslash.
    head === undefined ? [] : [{ ...head, text: textOf(lines.map((line) => line.replace(/^\\(?=\\*## )/, ""))) }],
  );
  return { intro: textOf(blocks[0]?.lines ?? []), notes };
}

/** A note as it stands in the file: none of its lines can pass for the heading of another. */
export function noteText({ key, date, text }: Note): string {
  return `## ${date === undefined ? "" : `${date} `}${key}\n\n${text.replace(/(?<=^|\n)(?=\\*## )/g, "\\")}`;
}

export function printNotes({ intro, notes }: Notes): string {
  return `${[...(intro === "" ? [] : [intro]), ...notes.map(noteText)].join("\n\n")}\n`;
}

/** A memory as it was read. `version` is for the door that writes it. */
export type ReadNotes = Notes & { size: number; version: string; encode(text: string): Result<Uint8Array, string> };

/** Reads a memory. One that nobody has written to yet has no notes. */
export async function readNotes(host: Host, file: string): Promise<Result<ReadNotes>> {
  const read = await readWholeText(host, file);
  if (read.ok) {
    const { text, version, encode } = read.value;
    return ok({ ...parseNotes(text), size: Buffer.byteLength(text), version, encode });
  }
  if (read.error.code !== "not_found") return read;
  return ok({ intro: "", notes: [], size: 0, version: "absent", encode: (text) => ok(new TextEncoder().encode(text)) });
}
