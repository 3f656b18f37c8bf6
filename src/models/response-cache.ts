import type { Json } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { ToolCall } from "../core/message.ts";
import {
  noUsage,
  type Model,
  type ModelEvent,
  type ModelRequest,
  type ModelSpec,
  type StopReason,
} from "../core/model.ts";
import type { ResponseCache } from "../core/response-cache.ts";
import { listField, objectField, textField } from "./fields.ts";

/** An answer that came to its end. */
type Answer = { text: string; calls: ToolCall[]; reason: StopReason; opaque?: Json };

/** Of answers that are no answers nothing is kept: to ask again may help. */
const kept: readonly StopReason[] = ["end", "tool_calls"];

/**
 * The same model, which answers a request that was made before as it was answered then, for nothing. `source`: where its answers come
 * from, in words of any kind.
 */
export function withResponseCache(model: Model, spec: ModelSpec, source: Json, cache: ResponseCache): Model {
  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const key = keyOf(model.name, spec, source, request);
    const before = answerIn(await cache.read(key));
    if (before !== undefined) {
      yield* told(before);
      return;
    }
    let text = "";
    let calls: ToolCall[] = [];
    for await (const event of model.stream(request, signal)) {
      if (event.type === "text") text += event.text;
      if (event.type === "tool_call") {
        const call = (calls[event.index] ??= { id: "", name: "", arguments: "" });
        if (event.id !== undefined) call.id = event.id;
        if (event.name !== undefined) call.name = event.name;
        call.arguments += event.arguments;
      }
      if (event.type === "retry") [text, calls] = ["", []];
      if (event.type === "stop" && kept.includes(event.reason)) {
        const { reason, opaque } = event;
        const answer: Answer = { text, calls: calls.filter((call) => call !== undefined), reason };
        await cache.write(key, JSON.stringify(opaque === undefined ? answer : { ...answer, opaque }));
      }
      yield event;
    }
  }
  return { ...model, stream };
}

/** A hash of all that the answer depends on. The budget is no part of it: it only ends answers, which are not kept then. */
function keyOf(
  name: string,
  { key: _key, price: _price, ...spec }: ModelSpec,
  source: Json,
  request: ModelRequest,
): string {
  const { budget: _budget, ...sent } = request;
  return new Bun.CryptoHasher("sha256").update(JSON.stringify([2, name, spec, source, sent])).digest("hex");
}

function* told({ text, calls, reason, opaque }: Answer): Generator<ModelEvent> {
  if (text !== "") yield { type: "text", text };
  for (const [index, call] of calls.entries()) yield { type: "tool_call", index, ...call };
  yield { type: "usage", usage: noUsage, cost: 0, from_cache: true };
  yield { type: "stop", reason, ...(opaque === undefined ? {} : { opaque }) };
}

/** What was kept, if it is what was written. */
function answerIn(written: string | undefined): Answer | undefined {
  if (written === undefined) return undefined;
  let value: Json;
  try {
    value = JSON.parse(written);
  } catch {
    return undefined; // It was cut.
  }
  if (!isJsonObject(value)) return undefined;
  const reason = kept.find((one) => one === value["reason"]);
  if (reason === undefined) return undefined;
  const { text, opaque } = value;
  const calls = listField(value["calls"]).map((call) => {
    const { id, name, arguments: values } = objectField(call);
    return { id: textField(id), name: textField(name), arguments: textField(values) };
  });
  const whole = calls.every(({ id, name }) => id !== "" && name !== "");
  if (typeof text !== "string" || !whole || (reason === "tool_calls" && calls.length === 0)) return undefined;
  return { text, calls, reason, ...(opaque === undefined ? {} : { opaque }) };
}
