import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { Message } from "../core/message.ts";
import { cacheWrites, type ModelEvent, type ModelFailure, type StopReason, type Usage } from "../core/model.ts";
import { callIds } from "./call-ids.ts";
import { countField, objectField, textField } from "./fields.ts";
import type { AnswerReader } from "./service-stream.ts";

/** Where an answer comes from: the service's name in failures, and what marks that which goes back to it. */
export type AnthropicSource = { host: string; origin: string };

/** The stop reasons in use. Any other one means that the service gave up. */
const stopReasons: Record<string, StopReason> = {
  end_turn: "end",
  stop_sequence: "end",
  tool_use: "tool_calls",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  refusal: "refusal",
};

/** A content block as far as it came: characters of text, a call by its number, or what the model thought. */
type Block =
  | { type: "said"; length: number }
  | { type: "called"; slot: number; named: boolean; heard: boolean }
  | { type: "thought"; block: JsonObject; text: string; signature: string };

/** Reads the events of one answer by the Messages API. */
export function anthropicAnswer({ host, origin }: AnthropicSource, messages: Message[]): AnswerReader<Json> {
  const uniqueId = callIds(messages);
  /** By the service's index, in the order in which they began. */
  const blocks = new Map<number, Block>();
  let calls = 0;
  let usage: JsonObject | undefined;
  let stop: string | undefined;
  let explanation = "";

  function read(event: Json): ModelEvent[] {
    if (!isJsonObject(event)) return [];
    const index = countField(event["index"]);
    switch (event["type"]) {
      case "message_start":
        count(objectField(event["message"])["usage"]);
        return usage === undefined ? [] : [{ type: "input", usage: usageOf(usage) }];
      case "content_block_start":
        return begin(index, objectField(event["content_block"]));
      case "content_block_delta":
        return goOn(index, objectField(event["delta"]));
      case "content_block_stop":
        return endBlock(index);
      case "message_delta": {
        const delta = objectField(event["delta"]);
        count(event["usage"]);
        stop = textField(delta["stop_reason"]) || stop;
        explanation = textField(objectField(delta["stop_details"])["explanation"]);
        return [];
      }
      case "message_stop":
        return end();
      default:
        return [];
    }
  }

  function begin(index: number, block: JsonObject): ModelEvent[] {
    if (blocks.has(index)) return [];
    switch (block["type"]) {
      case "text":
        blocks.set(index, { type: "said", length: 0 });
        return goOn(index, { type: "text_delta", text: block["text"] ?? "" });
      case "thinking":
      case "redacted_thinking":
        blocks.set(index, { type: "thought", block, text: "", signature: textField(block["signature"]) });
        return goOn(index, { type: "thinking_delta", thinking: block["thinking"] ?? "" });
      case "tool_use": {
        const name = textField(block["name"]);
        const input = objectField(block["input"]);
        // Some services send the input at once.
        const heard = Object.keys(input).length > 0;
        const slot = calls++;
        blocks.set(index, { type: "called", slot, named: name !== "", heard });
        const args = heard ? JSON.stringify(input) : "";
        return [{ type: "tool_call", index: slot, id: uniqueId(textField(block["id"]), slot), name, arguments: args }];
      }
      default:
        // What the service does by itself, with tools of its own.
        return [];
    }
  }

  function goOn(index: number, delta: JsonObject): ModelEvent[] {
    const block = blocks.get(index);
    const text = textField(delta["text"]);
    const thinking = textField(delta["thinking"]);
    const args = textField(delta["partial_json"]);
    if (block?.type === "said" && text !== "") {
      block.length += text.length;
      return [{ type: "text", text }];
    }
    if (block?.type === "called" && args !== "") {
      block.heard = true;
      return [{ type: "tool_call", index: block.slot, arguments: args }];
    }
    if (block?.type === "thought") {
      block.text += thinking;
      block.signature = textField(delta["signature"]) || block.signature;
      if (thinking !== "") return [{ type: "reasoning", text: thinking }];
    }
    return [];
  }

  function endBlock(index: number): ModelEvent[] {
    const block = blocks.get(index);
    if (block?.type !== "called" || block.heard) return [];
    block.heard = true;
    return [{ type: "tool_call", index: block.slot, arguments: "{}" }];
  }

  /** Later counts are of the whole answer, and leave out what does not change. */
  function count(counts: Json | undefined): void {
    const told = Object.entries(objectField(counts)).filter(([, value]) => value !== null);
    if (told.length > 0) usage = { ...usage, ...Object.fromEntries(told) };
  }

  function end(): ModelEvent[] {
    // Of an answer that was cut only its start was counted.
    const events: ModelEvent[] =
      usage === undefined || stop === undefined ? [] : [{ type: "usage", usage: usageOf(usage) }];
    const kept = [...blocks.values()];
    if (stop === "refusal" && explanation !== "" && !kept.some((block) => block.type === "said" && block.length > 0)) {
      events.push({ type: "text", text: explanation });
    }
    events.push(outcome(kept));
    return events;
  }

  function outcome(kept: Block[]): ModelEvent {
    if (stop === undefined) return failed("network", "stopped in the middle of its answer", true);
    // The answer to that would be the service's own blocks, which only its own tools write.
    if (stop === "pause_turn") return failed("request", "paused its answer for a tool of its own", false);
    const known = Object.hasOwn(stopReasons, stop) ? stopReasons[stop] : undefined;
    if (known === undefined) return failed("service", `gave up with '${stop.slice(0, 40)}'`, true);
    if (known === "refusal" || known === "length") return { type: "stop", reason: known };
    if (kept.some((block) => block.type === "called" && !block.named)) {
      return failed("service", "called a tool without a name", true);
    }
    if (known === "tool_calls" && calls === 0) return failed("service", "promised tool calls and sent none", true);
    const reason = calls > 0 ? "tool_calls" : "end";
    // Text and calls alone are in the message itself.
    if (!kept.some((block) => block.type === "thought")) return { type: "stop", reason };
    return { type: "stop", reason, opaque: { provider: origin, blocks: kept.map(returned) } };
  }

  function failed(kind: ModelFailure["kind"], what: string, retryable: boolean): ModelEvent {
    return { type: "failure", failure: { kind, message: `'${host}' ${what}`, retryable } };
  }

  return { read, finished: () => stop !== undefined, end };
}

/** The events that a message would have come in; each block comes whole. */
export function wholeMessage(message: JsonObject): Json[] {
  const { content, stop_reason = null, stop_details = null } = message;
  if (!Array.isArray(content)) return [];
  return [
    { type: "message_start", message },
    ...content.flatMap((content_block, index) => [
      { type: "content_block_start", index, content_block },
      { type: "content_block_stop", index },
    ]),
    { type: "message_delta", delta: { stop_reason, stop_details } },
    { type: "message_stop" },
  ];
}

/** A block as it goes back: thinking whole and unchanged, the others by their place. */
function returned(block: Block): JsonObject {
  if (block.type === "said") return { type: "said", length: block.length };
  if (block.type === "called") return { type: "called" };
  if (block.block["type"] !== "thinking") return block.block;
  return { ...block.block, thinking: block.text, signature: block.signature };
}

function usageOf(usage: JsonObject): Usage {
  const cached = countField(usage["cache_read_input_tokens"]);
  const written = countField(usage["cache_creation_input_tokens"]);
  const hour = countField(objectField(usage["cache_creation"])["ephemeral_1h_input_tokens"]);
  return {
    input: countField(usage["input_tokens"]) + written + cached,
    output: countField(usage["output_tokens"]),
    cached,
    reasoning: countField(objectField(usage["output_tokens_details"])["thinking_tokens"]),
    ...cacheWrites(written, Math.min(hour, written)),
  };
}
