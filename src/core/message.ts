import type { Json } from "./json.ts";

/** A file that the model is shown beside a text: an image or a PDF. `data` is base64. */
export type Attachment = { mediaType: string; data: string; name?: string };

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
