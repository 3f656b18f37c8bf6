import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { Message } from "../core/message.ts";
import { cacheWrites, type ModelEvent, type ModelFailure, type StopReason, type Usage } from "../core/model.ts";
import { callIds } from "./call-ids.ts";
import { countField, listField, objectField, textField } from "./fields.ts";
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

/** Where an answer comes from: `host` names the service in failures, `origin` marks what goes back to it. */
export type ChatSource = { host: string; origin: string };

/**
 * A call as far as it came. `id` is the service's own, which may be missing or not unique. `extra` is what the service wants
 * back with the call: Gemini's signature of what it thought before.
 */
type Draft = { slot: number; id: string; name: string; extra?: JsonObject };

/** Reads the chunks of one Chat Completions answer to a conversation so far. */
export function chatAnswer({ host, origin }: ChatSource, messages: Message[]): AnswerReader<Json> {
  const uniqueId = callIds(messages);
  const drafts: Draft[] = [];
  const byIndex = new Map<number, Draft>();
  const reasoning = { field: "", text: "" };
  let thinking = false;
  let finish: string | undefined;
  let refused = false;
  let usage: Usage | undefined;

  function read(chunk: Json): ModelEvent[] {
    if (!isJsonObject(chunk)) return [];
    if (isJsonObject(chunk["usage"])) usage = usageOf(chunk["usage"]);
    const choice = objectField(listField(chunk["choices"])[0]);
    finish = textField(choice["finish_reason"]) || finish;
    // A whole answer has its message where a piece of one has what is added.
    const delta = objectField(choice["delta"] ?? choice["message"]);
    const events: ModelEvent[] = [];
    // Two names for the same thing; a service that sends both sends the text twice.
    const field = textField(delta["reasoning_content"]) !== "" ? "reasoning_content" : "reasoning";
    const thought = textField(delta[field]);
    if (thought !== "") {
      reasoning.field = field;
      reasoning.text += thought;
      events.push({ type: "reasoning", text: thought });
    }
    events.push(...readContent(delta));
    if (textField(delta["refusal"]) !== "") {
      refused = true;
      events.push({ type: "text", text: textField(delta["refusal"]) });
    }
    for (const fragment of listField(delta["tool_calls"])) {
      if (isJsonObject(fragment)) events.push(readFragment(fragment));
    }
    return events;
  }

  /** Google's models think in the content itself: marked in each piece, and between tags. */
  function readContent(delta: JsonObject): ModelEvent[] {
    const content = textField(delta["content"]);
    if (objectField(objectField(delta["extra_content"])["google"])["thought"] === true) {
      thinking = true;
      const [, thought = "", said = ""] = /^(?:<thought>)?(.*?)(?:<\/thought>(.*))?$/s.exec(content) ?? [];
      const events: ModelEvent[] = thought === "" ? [] : [{ type: "reasoning", text: thought }];
      return said === "" ? events : [...events, { type: "text", text: said }];
    }
    if (content === "") return [];
    const said = thinking ? content.replace(/^<\/thought>/, "") : content;
    thinking = false;
    return said === "" ? [] : [{ type: "text", text: said }];
  }

  function readFragment(fragment: JsonObject): ModelEvent {
    const part = objectField(fragment["function"]);
    const id = textField(fragment["id"]);
    const name = textField(part["name"]);
    const index = typeof fragment["index"] === "number" ? fragment["index"] : undefined;
    const args = part["arguments"];
    const event: Extract<ModelEvent, { type: "tool_call" }> = {
      type: "tool_call",
      index: 0,
      // Some services send the arguments as an object, and all at once.
      arguments: isJsonObject(args) ? JSON.stringify(args) : textField(args),
    };
    let draft = findDraft(index, id, name);
    if (draft === undefined) {
      draft = { slot: drafts.length, id, name: "" };
      drafts.push(draft);
      event.id = uniqueId(id, draft.slot);
    }
    if (isJsonObject(fragment["extra_content"])) draft.extra = { ...draft.extra, ...fragment["extra_content"] };
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
    // Who leaves out the index sends a call whole: one with a name is another call, whatever its id.
    if (name !== "") return undefined;
    return id === "" ? drafts.at(-1) : drafts.find((draft) => draft.id === id);
  }

  function end(): ModelEvent[] {
    const events: ModelEvent[] = usage === undefined ? [] : [{ type: "usage", usage }];
    events.push(outcome());
    return events;
  }

  function outcome(): ModelEvent {
    if (finish === undefined) return failed("network", "stopped in the middle of its answer");
    // Gemini adds a reason of its own: `content_filter: SAFETY`.
    const name = finish.split(":", 1)[0] ?? "";
    const known = Object.hasOwn(finishReasons, name) ? finishReasons[name] : undefined;
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

  /** Some models want what they thought before a call back with its result, or a signature of it with the call itself. */
  function callsStop(): ModelEvent {
    const opaque: JsonObject = {};
    if (reasoning.text !== "") opaque["fields"] = { [reasoning.field]: reasoning.text };
    if (drafts.some(({ extra }) => extra !== undefined)) opaque["calls"] = drafts.map(({ extra = null }) => extra);
    if (Object.keys(opaque).length === 0) return { type: "stop", reason: "tool_calls" };
    return { type: "stop", reason: "tool_calls", opaque: { provider: origin, ...opaque } };
  }

  function failed(kind: ModelFailure["kind"], what: string): ModelEvent {
    return { type: "failure", failure: { kind, message: `'${host}' ${what}`, retryable: true } };
  }

  return { read, finished: () => finish !== undefined, end };
}

/** An answer that is no stream is its one chunk. */
export function wholeChatAnswer(document: JsonObject): Json[] {
  return listField(document["choices"]).length === 0 ? [] : [document];
}

function usageOf(usage: JsonObject): Usage {
  const input = countField(usage["prompt_tokens"]);
  const output = countField(usage["completion_tokens"]);
  const reasoning = countField(objectField(usage["completion_tokens_details"])["reasoning_tokens"]);
  // Google and some others count what the model thought in the total only.
  const hidden = Math.max(0, countField(usage["total_tokens"]) - input - output);
  const apart = hidden > 0 && (reasoning === 0 || reasoning === hidden);
  return {
    input,
    output: apart ? output + hidden : output,
    cached: countField(objectField(usage["prompt_tokens_details"])["cached_tokens"]),
    reasoning: apart ? hidden : reasoning,
    ...cacheWrites(countField(objectField(usage["prompt_tokens_details"])["cache_write_tokens"])),
  };
}
