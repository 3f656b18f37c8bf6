import { attachmentsOf, type Message } from "../core/message.ts";
import type { ModelRequest, ToolSpec } from "../core/model.ts";

/** Bytes of UTF-8 to a token, the usual rule of thumb. */
const bytesPerToken = 4;

/** What a message costs beside its text, and what an image or a page costs. */
const perMessage = 4;
const perAttachment = 1600;

/** Counted once: a conversation grows at its end, and its messages stay as they are. */
const known = new WeakMap<Message | readonly ToolSpec[], number>();

/** About how many tokens a text has. */
export function textTokens(text: string): number {
  return Buffer.byteLength(text) / bytesPerToken;
}

/** About how many tokens a request has. The service's own count of the request before tells how far off that is. */
export function estimateTokens({ instructions, messages, tools, output }: ModelRequest): number {
  let tokens = textTokens(instructions) + (output === undefined ? 0 : textTokens(JSON.stringify(output)));
  tokens += once(tools, () => (tools.length === 0 ? 0 : textTokens(JSON.stringify(tools))));
  for (const message of messages) tokens += once(message, () => messageTokens(message));
  return Math.ceil(tokens);
}

function once(key: Message | readonly ToolSpec[], count: () => number): number {
  const before = known.get(key);
  if (before !== undefined) return before;
  const tokens = count();
  known.set(key, tokens);
  return tokens;
}

function messageTokens(message: Message): number {
  const shown = attachmentsOf(message).length * perAttachment;
  if (message.role === "tool") {
    return message.results.reduce((sum, { content }) => sum + textTokens(content) + perMessage, shown);
  }
  const calls = message.role === "assistant" ? message.calls : [];
  const called = calls.reduce((sum, call) => sum + textTokens(call.name) + textTokens(call.arguments) + perMessage, 0);
  return perMessage + textTokens(message.text) + called + shown;
}
