import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { Message } from "../core/message.ts";
import type { ModelEvent, ModelFailure, StopReason, Usage } from "../core/model.ts";
import { chatProvider } from "./chat-request.ts";
import type { AnswerReader } from "./service-stream.ts";

/** The finish reasons in use. Any other one (`error`, `insufficient_system_resource`) means that the service gave up. */
const finishReasons: Record<string, StopReason> = {
  stop: "end",
  eos: "end",
  end_turn: "end",
  tool_calls: "tool_calls",
  function_call: "tool_calls",
  length: "length",
  max_tokens: "length",
  model_length: "length",
  content_filter: "refusal",
};

/** A call as far as it came. `id` is the service's own, which may be missing or not unique. */
type Draft = { slot: number; id: string; name: string };

/** Reads the chunks of one Chat Completions answer to a conversation so far. `service` names the service in failures. */
export function chatAnswer(service: string, messages: Message[]): AnswerReader<Json> {
  const turns = messages.filter((message) => message.role === "assistant");
  const taken = new Set(turns.flatMap((message) => message.calls.map((call) => call.id)));
  const drafts: Draft[] = [];
  const byIndex = new Map<number, Draft>();
  const reasoning = { field: "", text: "" };
  let finish: string | undefined;
  let refused = false;
  let usage: Usage | undefined;

  function read(chunk: Json): ModelEvent[] {
    if (!isJsonObject(chunk)) return [];
    if (isJsonObject(chunk["usage"])) usage = usageOf(chunk["usage"]);
    const choices = chunk["choices"];
    const choice = Array.isArray(choices) ? choices[0] : undefined;
    if (!isJsonObject(choice)) return [];
    if (typeof choice["finish_reason"] === "string" && choice["finish_reason"] !== "") finish = choice["finish_reason"];
    const delta = choice["delta"];
    if (!isJsonObject(delta)) return [];
    const events: ModelEvent[] = [];
    // Two names for the same thing; a service that sends both sends the text twice.
    const field = text(delta["reasoning_content"]) !== "" ? "reasoning_content" : "reasoning";
    const thought = text(delta[field]);
    if (thought !== "") {
      reasoning.field = field;
      reasoning.text += thought;
      events.push({ type: "reasoning", text: thought });
    }
    if (text(delta["content"]) !== "") events.push({ type: "text", text: text(delta["content"]) });
    if (text(delta["refusal"]) !== "") {
      refused = true;
      events.push({ type: "text", text: text(delta["refusal"]) });
    }
    const fragments = delta["tool_calls"];
    for (const fragment of Array.isArray(fragments) ? fragments : []) {
      if (isJsonObject(fragment)) events.push(readFragment(fragment));
    }
    return events;
  }

  function readFragment(fragment: JsonObject): ModelEvent {
    const part = isJsonObject(fragment["function"]) ? fragment["function"] : {};
    const id = text(fragment["id"]);
    const name = text(part["name"]);
    const index = typeof fragment["index"] === "number" ? fragment["index"] : undefined;
    const args = part["arguments"];
    const event: Extract<ModelEvent, { type: "tool_call" }> = {
      type: "tool_call",
      index: 0,
      // Some services send the arguments as an object, and all at once.
      arguments: isJsonObject(args) ? JSON.stringify(args) : text(args),
    };
    let draft = findDraft(index, id, name);
    if (draft === undefined) {
      draft = { slot: drafts.length, id, name: "" };
      drafts.push(draft);
      event.id = uniqueId(id, draft.slot);
    }
    if (index !== undefined) byIndex.set(index, draft);
    if (draft.name === "" && name !== "") {
      draft.name = name;
      event.name = name;
    }
    event.index = draft.slot;
    return event;
  }

  /** The call that a fragment goes on with; undefined when it begins a new one. */
  function findDraft(index: number | undefined, id: string, name: string): Draft | undefined {
    if (index !== undefined) {
      const draft = byIndex.get(index);
      // Some services number every call 0: another id together with a name is another call.
      const another = draft !== undefined && name !== "" && id !== "" && draft.id !== "" && id !== draft.id;
      return another ? undefined : draft;
    }
    if (id !== "") return drafts.find((draft) => draft.id === id);
    return name === "" ? drafts.at(-1) : undefined;
  }

  /** Every call of a conversation gets an id of its own: the service's where it is one, else one that a replay makes again. */
  function uniqueId(id: string, slot: number): string {
    const wanted = id === "" ? `call_${turns.length + 1}_${slot + 1}` : id;
    let unique = wanted;
    for (let copy = 2; taken.has(unique); copy++) unique = `${wanted}_${copy}`;
    taken.add(unique);
    return unique;
  }

  function end(): ModelEvent[] {
    const events: ModelEvent[] = usage === undefined ? [] : [{ type: "usage", usage }];
    events.push(outcome());
    return events;
  }

  function outcome(): ModelEvent {
    if (finish === undefined) return failed("network", "stopped in the middle of its answer");
    const known = Object.hasOwn(finishReasons, finish) ? finishReasons[finish] : undefined;
    if (known === undefined) return failed("service", `gave up with '${finish.slice(0, 40)}'`);
    if (known === "refusal" || refused) return { type: "stop", reason: "refusal" };
    if (known === "length") return { type: "stop", reason: "length" };
    if (drafts.some((draft) => draft.name === "")) return failed("service", "called a tool without a name");
    if (drafts.length > 0) return callsStop();
    // Some services end with `tool_calls` and have forgotten the calls: taken as an end, work would be lost unnoticed.
    return known === "tool_calls"
      ? failed("service", "promised tool calls and sent none")
      : { type: "stop", reason: "end" };
  }

  /** Some models want what they thought before a call back with its result. */
  function callsStop(): ModelEvent {
    if (reasoning.text === "") return { type: "stop", reason: "tool_calls" };
    const opaque = { provider: chatProvider, fields: { [reasoning.field]: reasoning.text } };
    return { type: "stop", reason: "tool_calls", opaque };
  }

  function failed(kind: ModelFailure["kind"], what: string): ModelEvent {
    return { type: "failure", failure: { kind, message: `'${service}' ${what}`, retryable: true } };
  }

  return { read, finished: () => finish !== undefined, end };
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function usageOf(usage: JsonObject): Usage {
  const input = usage["prompt_tokens_details"];
  const output = usage["completion_tokens_details"];
  return {
    input: count(usage["prompt_tokens"]),
    output: count(usage["completion_tokens"]),
    cached: isJsonObject(input) ? count(input["cached_tokens"]) : 0,
    reasoning: isJsonObject(output) ? count(output["reasoning_tokens"]) : 0,
  };
}

function count(value: Json | undefined): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? Math.round(value) : 0;
}
