import type { JsonSchema } from "./json.ts";
import { attachmentsOf, type Message } from "./message.ts";
import type { ModelRequest, ToolSpec } from "./model.ts";
import { remembered } from "./remembered.ts";

/** Bytes of UTF-8 to a token, the usual rule of thumb. */
export const bytesPerToken = 4;

/** What a service puts around a message, a result of a call or a tool, in tokens. */
export const frameTokens = 8;

/** About what an image or a page takes, where nobody has looked at it. */
const usualAttachment = 1600;

/** All that a model reads of a message but images and PDFs. What a service wants back is often packed, or not read at all. */
export function messageText(message: Message): string {
  if (message.role === "user") return message.text;
  if (message.role === "tool") return message.results.map(({ content }) => content).join("\n");
  const { text, calls, opaque } = message;
  const written = calls.map((call) => `${call.name}\n${call.arguments}`);
  return [text, ...written, ...(opaque === undefined ? [] : [JSON.stringify(opaque)])].join("\n");
}

export function toolText({ name, description, input }: ToolSpec): string {
  return `${name}\n${description}\n${JSON.stringify(input)}`;
}

/** The bytes of a message's text, as UTF-8. It has at most as many tokens. */
export const messageBytes = remembered((message: Message) => Buffer.byteLength(messageText(message)));

const toolBytes = remembered((tool: ToolSpec) => Buffer.byteLength(toolText(tool)));

const schemaBytes = remembered((schema: JsonSchema) => Buffer.byteLength(JSON.stringify(schema)));

/** What a service puts around the parts of a message, in tokens. */
export function framesOf(message: Message): number {
  return (message.role === "tool" ? message.results.length : 1) * frameTokens;
}

/** The bytes of all that is in each request beside the messages, and what is put around it in tokens. */
export function fixedSize({ instructions, tools, output }: ModelRequest): { bytes: number; frames: number } {
  const held = output === undefined ? 0 : schemaBytes(output);
  const told = tools.reduce((sum, tool) => sum + toolBytes(tool), 0);
  return { bytes: Buffer.byteLength(instructions) + told + held, frames: tools.length * frameTokens };
}

/** About how many tokens a text has. */
export function textTokens(text: string): number {
  return Buffer.byteLength(text) / bytesPerToken;
}

/** About how many tokens a request has, uncounted. The service's own count of the request before tells how far off that is. */
export function estimateTokens(request: ModelRequest): number {
  const fixed = fixedSize(request);
  let tokens = fixed.bytes / bytesPerToken + fixed.frames;
  for (const message of request.messages) {
    tokens += messageBytes(message) / bytesPerToken + framesOf(message);
    tokens += attachmentsOf(message).length * usualAttachment;
  }
  return Math.ceil(tokens);
}
