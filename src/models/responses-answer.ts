import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { Message } from "../core/message.ts";
import { cacheWrites, type ModelEvent, type ModelFailure, type StopReason, type Usage } from "../core/model.ts";
import { callIds } from "./call-ids.ts";
import { countField, listField, objectField, textField } from "./fields.ts";
import type { AnswerReader } from "./service-stream.ts";

/** Where an answer comes from. */
export type ResponsesSource = {
  /** The service's name in failures. */
  host: string;
  /** Marks what goes back to it. */
  origin: string;
  /** What an error object of the service means. */
  failure(error: Json): ModelFailure;
};

/** A call as far as it came. `heard` tells whether any of its arguments came. */
type Draft = { slot: number; name: string; heard: boolean };

/** Why an answer may be incomplete. Any other reason means that the service gave up. */
const incompleteReasons: Record<string, StopReason> = { max_output_tokens: "length", content_filter: "refusal" };

/** Reads the events of one answer by the Responses API. */
export function responsesAnswer({ host, origin, failure }: ResponsesSource, messages: Message[]): AnswerReader<Json> {
  const uniqueId = callIds(messages);
  const drafts = new Map<number, Draft>();
  /** Characters of text, by output index. */
  const said = new Map<number, number>();
  /** What goes back to the service, by output index. */
  const kept = new Map<number, JsonObject>();
  let refused = false;

  function read(event: Json): ModelEvent[] {
    if (!isJsonObject(event)) return [];
    const index = countField(event["output_index"]);
    const delta = textField(event["delta"]);
    switch (event["type"]) {
      case "response.output_text.delta":
        return delta === "" ? [] : [saidText(index, delta)];
      case "response.refusal.delta":
        refused = true;
        return delta === "" ? [] : [saidText(index, delta)];
      case "response.reasoning_summary_text.delta":
      case "response.reasoning_text.delta":
        return delta === "" ? [] : [{ type: "reasoning", text: delta }];
      case "response.reasoning_summary_part.added":
        return countField(event["summary_index"]) === 0 ? [] : [{ type: "reasoning", text: "\n\n" }];
      case "response.output_item.added":
        return beginItem(index, objectField(event["item"]));
      case "response.function_call_arguments.delta":
        return moreArguments(index, delta);
      case "response.output_item.done":
        return endItem(index, objectField(event["item"]));
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
        return endAnswer(event["type"], objectField(event["response"]));
      default:
        return [];
    }
  }

  function saidText(index: number, text: string): ModelEvent {
    said.set(index, (said.get(index) ?? 0) + text.length);
    return { type: "text", text };
  }

  function beginItem(index: number, item: JsonObject): ModelEvent[] {
    if (item["type"] !== "function_call" || drafts.has(index)) return [];
    const args = textField(item["arguments"]);
    const draft = { slot: drafts.size, name: textField(item["name"]), heard: args !== "" };
    drafts.set(index, draft);
    const id = uniqueId(textField(item["call_id"]), draft.slot);
    return [{ type: "tool_call", index: draft.slot, id, name: draft.name, arguments: args }];
  }

  function moreArguments(index: number, text: string): ModelEvent[] {
    const draft = drafts.get(index);
    if (draft === undefined || text === "") return [];
    draft.heard = true;
    return [{ type: "tool_call", index: draft.slot, arguments: text }];
  }

  function endItem(index: number, item: JsonObject): ModelEvent[] {
    const { type, id, phase } = item;
    const named: JsonObject = { ...(id === undefined ? {} : { id }), ...(phase === undefined ? {} : { phase }) };
    if (type === "message") kept.set(index, { type: "said", length: said.get(index) ?? 0, ...named });
    else if (type === "function_call") kept.set(index, { type: "called", ...named });
    else kept.set(index, item);
    if (type !== "function_call") return [];
    // Some services send a call whole, and in its last event only.
    const events = beginItem(index, item);
    return drafts.get(index)?.heard === false
      ? [...events, ...moreArguments(index, textField(item["arguments"]))]
      : events;
  }

  function endAnswer(type: string, response: JsonObject): ModelEvent[] {
    const { usage, error } = response;
    const used: ModelEvent[] = isJsonObject(usage) ? [{ type: "usage", usage: usageOf(usage) }] : [];
    if (type === "response.completed") return [...used, completed()];
    if (type === "response.failed") return [...used, { type: "failure", failure: failure(error ?? "no reason given") }];
    const reason = textField(objectField(response["incomplete_details"])["reason"]);
    const stop = Object.hasOwn(incompleteReasons, reason) ? incompleteReasons[reason] : undefined;
    if (stop === undefined) return [...used, failed("service", `gave up with '${reason.slice(0, 40)}'`)];
    return [...used, { type: "stop", reason: stop }];
  }

  function completed(): ModelEvent {
    if (refused) return { type: "stop", reason: "refusal" };
    const calls = [...drafts.values()];
    if (calls.some((draft) => draft.name === "")) return failed("service", "called a tool without a name");
    const reason = calls.length > 0 ? "tool_calls" : "end";
    const items = [...kept.entries()].sort(([a], [b]) => a - b).map(([, item]) => item);
    // Text and calls alone are in the message itself.
    if (items.every(({ type, phase }) => type === "called" || (type === "said" && phase === undefined))) {
      return { type: "stop", reason };
    }
    return { type: "stop", reason, opaque: { provider: origin, items } };
  }

  function failed(kind: ModelFailure["kind"], what: string): ModelEvent {
    return { type: "failure", failure: { kind, message: `'${host}' ${what}`, retryable: true } };
  }

  return {
    read,
    // The last event says all at once, and is the last word.
    finished: () => false,
    end: () => [failed("network", "stopped in the middle of its answer")],
  };
}

/** The events that a response would have come in; each item's text in one. */
export function wholeResponse(response: JsonObject): Json[] {
  const { output, status = "completed" } = response;
  if (!Array.isArray(output)) return [];
  const pieces = output.flatMap((value, output_index): Json[] => {
    const item = objectField(value);
    const summary = listField(item["summary"]).flatMap((part, summary_index): Json[] => [
      { type: "response.reasoning_summary_part.added", summary_index },
      { type: "response.reasoning_summary_text.delta", delta: objectField(part)["text"] ?? "" },
    ]);
    const content = listField(item["content"]).map((value): Json => {
      const part = objectField(value);
      return {
        type: `response.${textField(part["type"])}.delta`,
        output_index,
        delta: part["text"] ?? part["refusal"] ?? "",
      };
    });
    return [...summary, ...content, { type: "response.output_item.done", output_index, item }];
  });
  return [...pieces, { type: `response.${textField(status)}`, response }];
}

function usageOf(usage: JsonObject): Usage {
  return {
    input: countField(usage["input_tokens"]),
    output: countField(usage["output_tokens"]),
    cached: countField(objectField(usage["input_tokens_details"])["cached_tokens"]),
    reasoning: countField(objectField(usage["output_tokens_details"])["reasoning_tokens"]),
    ...cacheWrites(countField(objectField(usage["input_tokens_details"])["cache_write_tokens"])),
  };
}
