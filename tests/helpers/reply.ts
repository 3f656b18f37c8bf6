import type { Json } from "../../src/core/json.ts";
import type { ToolCall } from "../../src/core/message.ts";
import type { Model, ModelEvent, ModelFailure, ModelRequest, StopReason, Usage } from "../../src/core/model.ts";

/** What a stream came to, by the rules of ModelEvent. */
export type Reply = {
  text: string;
  reasoning: string;
  calls: ToolCall[];
  usage?: Usage;
  stop?: StopReason;
  opaque?: Json;
  failure?: ModelFailure;
  retries: number;
  events: ModelEvent[];
};

export const question: ModelRequest = { instructions: "", messages: [{ role: "user", text: "Hi" }], tools: [] };

/** Reads one answer to its end. `onEvent` sees each event as it comes. */
export async function readReply(
  model: Model,
  request: ModelRequest = question,
  signal: AbortSignal = new AbortController().signal,
  onEvent: (event: ModelEvent) => void = () => {},
): Promise<Reply> {
  const reply: Reply = { text: "", reasoning: "", calls: [], retries: 0, events: [] };
  for await (const event of model.stream(request, signal)) {
    onEvent(event);
    if (reply.stop !== undefined || reply.failure !== undefined) throw new Error("An event after the end");
    reply.events.push(structuredClone(event));
    if (event.type === "text") reply.text += event.text;
    else if (event.type === "reasoning") reply.reasoning += event.text;
    else if (event.type === "usage") reply.usage = event.usage;
    else if (event.type === "failure") reply.failure = event.failure;
    else if (event.type === "stop") {
      reply.stop = event.reason;
      if (event.opaque !== undefined) reply.opaque = event.opaque;
    } else if (event.type === "retry") {
      Object.assign(reply, { text: "", reasoning: "", calls: [], retries: reply.retries + 1 });
    } else if (event.type === "tool_call") {
      const call = (reply.calls[event.index] ??= { id: "", name: "", arguments: "" });
      call.id += event.id ?? "";
      call.name += event.name ?? "";
      call.arguments += event.arguments;
    }
  }
  return reply;
}
