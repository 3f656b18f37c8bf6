import type { CompactEvent, Places } from "../core/event.ts";
import { attachmentSize, attachmentsOf, type Message, type ToolCallResult } from "../core/message.ts";

/** A message as it is sent, and its place among all that the session ever had. `lengths`: of its results before they were cut. */
export type Entry = { place: number; message: Message; lengths?: readonly number[] };

/**
 * What a model is told, message by message. Whatever is taken out of it is an event, and this is all that such an event does: so a
 * session's next run has the same bytes before it.
 */
export class Conversation {
  /** As a request holds them. The array stays the same one. */
  readonly messages: Message[] = [];
  #entries: Entry[] = [];
  #next = 0;
  #removed = 0;
  #attached = 0;
  #note: { at: number; text: string } | undefined;

  constructor(messages: readonly Message[] = []) {
    for (const message of messages) this.push(message);
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** How many messages were removed so far. */
  get removed(): number {
    return this.#removed;
  }

  /** How many bytes its images and PDFs have. */
  get attached(): number {
    return this.#attached;
  }

  /** What stands for those that were removed: a line of how many, and what they were about where that was asked for. */
  get note(): string | undefined {
    return this.#note?.text;
  }

  /** The place of the new message. */
  push(message: Message): number {
    this.#entries.push({ place: this.#next, message });
    this.messages.push(message);
    this.#attached += attachedTo(message);
    return this.#next++;
  }

  /** Takes out what an event says. */
  compact({ cut, removed, note }: Pick<CompactEvent, "cut" | "removed" | "note">): void {
    const kept = this.#entries.filter(({ place }) => !removed.some((places) => isWithin(place, places)));
    this.#removed += this.#entries.length - kept.length;
    this.#entries = kept.map((entry) => {
      const { keep } = cut.find((places) => isWithin(entry.place, places)) ?? {};
      return keep === undefined ? entry : cutEntry(entry, keep);
    });
    if (note !== undefined) this.#entries = this.#entries.map((entry) => this.#noted(entry, note));
    this.#note = note ?? this.#note;
    this.messages.splice(0, this.messages.length, ...this.#entries.map(({ message }) => message));
    this.#attached = this.messages.reduce((sum, message) => sum + attachedTo(message), 0);
  }

  /** The note stands at the end of a prompt: two messages of a user in a row some models refuse. */
  #noted(entry: Entry, note: { at: number; text: string }): Entry {
    const { message } = entry;
    if (message.role !== "user") return entry;
    const before =
      this.#note?.at === entry.place ? message.text.slice(0, -noteText(this.#note.text).length) : message.text;
    const text = entry.place === note.at ? before + noteText(note.text) : before;
    return text === message.text ? entry : { ...entry, message: { ...message, text } };
  }
}

function attachedTo(message: Message): number {
  return attachmentsOf(message).reduce((sum, one) => sum + attachmentSize(one), 0);
}

function noteText(text: string): string {
  return `\n\n${text}`;
}

function isWithin(place: number, { from, to }: Places): boolean {
  return place >= from && place <= to;
}

/** The entry with no more than `keep` characters of each tool result, and without images and PDFs. */
export function cutEntry(entry: Entry, keep: number): Entry {
  const { message, lengths } = entry;
  if (message.role === "assistant") return entry;
  if (message.role === "user") {
    const { attachments = [], text, ...rest } = message;
    return attachments.length === 0 ? entry : { ...entry, message: { ...rest, text: text + notShown(attachments) } };
  }
  const full = lengths ?? message.results.map(({ content }) => content.length);
  const results = message.results.map((result, index) => cutResult(result, keep, full[index] ?? 0));
  if (results.every((result, index) => result === message.results[index])) return entry;
  return { ...entry, message: { role: "tool", results }, lengths: full };
}

/** The least that is left out: a note in its place has some length too. */
const leastLeft = 200;

/** `length`: of the result before it was cut the first time. */
function cutResult(result: ToolCallResult, keep: number, length: number): ToolCallResult {
  const { attachments = [], content, ...rest } = result;
  const shorter = content.length > keep + leastLeft ? headAndTail(content, keep, length, result.id) : content;
  if (shorter === content && attachments.length === 0) return result;
  return { ...rest, content: shorter + notShown(attachments) };
}

function headAndTail(text: string, keep: number, length: number, call: string): string {
  const head = text.slice(0, Math.ceil(keep * 0.6)).toWellFormed();
  const tail = text.slice(text.length - Math.floor(keep * 0.4)).toWellFormed();
  const left = (length - head.length - tail.length).toLocaleString("en-US");
  return `${head}\n[${left} characters left out; the journal has the whole result of call '${call}']\n${tail}`;
}

function notShown(attachments: ReadonlyArray<{ mediaType: string; name?: string }>): string {
  return attachments.map(({ mediaType, name }) => `\n[Not shown any more: ${name ?? mediaType}]`).join("");
}
