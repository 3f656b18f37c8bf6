import { isJsonObject, type JsonObject } from "../core/json.ts";
import type { Message } from "../core/message.ts";
import type { ModelEvent } from "../core/model.ts";
import { callIds } from "./call-ids.ts";
import { countField, listField, objectField, textField } from "./fields.ts";
import { origin } from "./ollama-request.ts";
import type { AnswerReader } from "./service-stream.ts";

/** Reads the lines of one answer of /api/chat. */
export function ollamaAnswer(host: string, messages: Message[]): AnswerReader<unknown> {
  const uniqueId = callIds(messages);
  let calls = 0;
  let thinking = "";
  let done = false;

  function read(line: unknown): ModelEvent[] {
    if (!isJsonObject(line)) return [];
    const events: ModelEvent[] = [];
    const message = objectField(line["message"]);
    const thought = textField(message["thinking"]);
    thinking += thought;
    if (thought !== "") events.push({ type: "reasoning", text: thought });
    const text = textField(message["content"]);
    if (text !== "") events.push({ type: "text", text });
    // A call always comes whole.
    for (const call of listField(message["tool_calls"])) events.push(readCall(objectField(call)));
    if (line["done"] !== true) return events;
    done = true;
    const input = countField(line["prompt_eval_count"]);
    const output = countField(line["eval_count"]);
    events.push({ type: "usage", usage: { input, output, cached: 0, reasoning: 0 } });
    events.push(outcome(textField(line["done_reason"])));
    return events;
  }

  function readCall(call: JsonObject): ModelEvent {
    const { name, arguments: given } = objectField(call["function"]);
    const args = isJsonObject(given) ? JSON.stringify(given) : textField(given);
    const index = calls++;
    const id = uniqueId(textField(call["id"]), index);
    return { type: "tool_call", index, id, name: textField(name), arguments: args };
  }

  function outcome(reason: string): ModelEvent {
    if (reason === "length") return { type: "stop", reason: "length" };
    // An old server gives no reason.
    if (reason !== "stop" && reason !== "") return failed("service", `gave up with '${reason.slice(0, 40)}'`);
    if (calls === 0) return { type: "stop", reason: "end" };
    if (thinking === "") return { type: "stop", reason: "tool_calls" };
    return { type: "stop", reason: "tool_calls", opaque: { provider: origin, thinking } };
  }

  function failed(kind: "service" | "network", what: string): ModelEvent {
    return { type: "failure", failure: { kind, message: `'${host}' ${what}`, retryable: true } };
  }

  return { read, finished: () => done, end: () => [failed("network", "stopped in the middle of its answer")] };
}
