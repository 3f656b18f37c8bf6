import type { Json } from "./json.ts";
import { remembered } from "./remembered.ts";

/** A file that the model is shown beside a text: an image or a PDF. `data` is base64. */
export type Attachment = { mediaType: string; data: string; name?: string };

/** An attachment as events tell of it. The journal has its bytes, by their SHA-256 in hex. */
export type AttachmentFacts = { media_type: string; name?: string; size: number; sha256: string };

/** A text that the journal has beside its events, as UTF-8, by its SHA-256 in hex. */
export type KeptText = { size: number; sha256: string };

/** The most bytes of one attachment. */
export const largestAttachment = 10_000_000;

/** The most bytes that all attachments of a conversation have together: each request holds all of them. */
export const mostAttached = 20_000_000;

/** How many bytes an attachment has. */
export function attachmentSize({ data }: Attachment): number {
  return Math.floor((data.length * 3) / 4) - (data.endsWith("==") ? 2 : data.endsWith("=") ? 1 : 0);
}

/** The attachments of a message: a user's, or those of tool results. */
export function attachmentsOf(message: Message): Attachment[] {
  if (message.role === "user") return message.attachments ?? [];
  return message.role === "tool" ? returned(message) : [];
}

const returned = remembered(({ results }: Extract<Message, { role: "tool" }>) =>
  results.flatMap((result) => result.attachments ?? []),
);

/** A tool call as the model wrote it. `arguments` is the raw JSON text: it may be malformed. */
export type ToolCall = { id: string; name: string; arguments: string };

/** What the model is told about one of its calls. `error` marks a failure; the text says what to do next. */
export type ToolCallResult = { id: string; name: string; content: string; error: boolean; attachments?: Attachment[] };

/**
 * One entry of the conversation. An assistant message's `opaque` is what its service wants back unchanged (signatures);
 * only the provider that wrote it may read it.
 */
export type Message =
  | { role: "user"; text: string; attachments?: Attachment[] }
  | { role: "assistant"; text: string; calls: ToolCall[]; opaque?: Json }
  | { role: "tool"; results: ToolCallResult[] };
