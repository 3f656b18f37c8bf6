import type { Emit } from "../core/event.ts";
import type { Clock, Host } from "../core/host.ts";
import { validate } from "../core/json-schema.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import type { Mask } from "../core/mask.ts";
import type { ToolCall, ToolCallResult } from "../core/message.ts";
import { nearest } from "../core/nearest.ts";
import type { Denial } from "../core/permission.ts";
import type { Result } from "../core/result.ts";
import type { Effects, Tool, ToolContext } from "../core/tool.ts";

/** What the calls of a turn need around them. */
export type CallContext = {
  tools: Map<string, Tool>;
  /** The doors for one call: what they refuse is told to `denied`. */
  host(call: string, denied: (denial: Denial) => void): Host;
  emit: Emit;
  clock: Clock;
  signal: AbortSignal;
  mask: Mask;
  /** Says where and why a text is not JSON. */
  explainJson(text: string): Promise<string>;
};

/** One finished call: what the model is told, and what the gate refused on the way. */
export type FinishedCall = { call: ToolCall; result: ToolCallResult; denials: Denial[] };

/** A call that was looked at: it can run, or the model must be told why not. */
type Prepared = { call: ToolCall; effects: Effects; ready: Result<{ tool: Tool; input: JsonObject }, string> };

/**
 * Runs the calls of one turn: neighbouring `none` and `read` calls together; a `write` or `external` call waits for all before
 * it and holds all after it. Results keep the order of the calls. Calls that an interruption keeps from starting are left out.
 */
export async function runCalls(calls: ToolCall[], turn: number, context: CallContext): Promise<FinishedCall[]> {
  const finished: FinishedCall[] = [];
  let together: Prepared[] = [];
  const settle = async () => {
    finished.push(...(await Promise.all(together.map((prepared) => runCall(prepared, turn, context)))));
    together = [];
  };
  for (const call of calls) {
    const prepared = await prepare(call, context);
    const alone = prepared.effects === "write" || prepared.effects === "external";
    if (alone) await settle();
    if (context.signal.aborted) return finished;
    together.push(prepared);
    if (alone) await settle();
  }
  await settle();
  return finished;
}

async function prepare(call: ToolCall, context: CallContext): Promise<Prepared> {
  const unready = (why: string): Prepared => ({ call, effects: "none", ready: { ok: false, error: why } });
  const tool = context.tools.get(call.name);
  if (tool === undefined) {
    const names = [...context.tools.keys()];
    const guess = nearest(call.name, names);
    const hint = guess === undefined ? `The tools are: ${names.join(", ") || "none"}` : `Did you mean '${guess}'?`;
    return unready(`There is no tool '${call.name}'. ${hint}`);
  }
  const input = await parseArguments(call.arguments, context.explainJson);
  if (!input.ok) return unready(input.error);
  const problems = validate(tool.input, input.value);
  if (problems.length > 0) return unready(`The arguments do not fit '${call.name}': ${problems.join("; ")}`);
  return { call, effects: tool.effects(input.value), ready: { ok: true, value: { tool, input: input.value } } };
}

/** A tool without parameters is often called with no text at all. */
async function parseArguments(
  text: string,
  explain: (text: string) => Promise<string>,
): Promise<Result<JsonObject, string>> {
  if (text.trim() === "") return { ok: true, value: {} };
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return { ok: true, value };
    return { ok: false, error: "The arguments must be a JSON object" };
  } catch {
    return { ok: false, error: `The arguments are not JSON: ${await explain(text)}` };
  }
}

async function runCall(prepared: Prepared, turn: number, context: CallContext): Promise<FinishedCall> {
  const { call, effects, ready } = prepared;
  const { emit, clock, mask } = context;
  const durability = effects === "write" || effects === "external" ? "flush" : undefined;
  await emit({ type: "call_start", turn, call, effects }, durability);
  const started = clock.now();
  const denials: Denial[] = [];
  const outcome = ready.ok
    ? await act(ready.value.tool, ready.value.input, call, context, denials)
    : { content: ready.error, error: true };
  const result: ToolCallResult = {
    id: call.id,
    name: call.name,
    content: mask.text(outcome.content),
    error: outcome.error ?? false,
  };
  await emit({ type: "call_end", turn, ...result, duration_ms: clock.now() - started }, durability);
  return { call, result, denials };
}

async function act(tool: Tool, input: JsonObject, call: ToolCall, context: CallContext, denials: Denial[]) {
  const shown = context.mask.stream();
  const show = (text: string) => {
    if (text !== "") void context.emit({ type: "output", call: call.id, text });
  };
  const toolContext: ToolContext = {
    host: context.host(call.id, (denial) => denials.push(denial)),
    signal: context.signal,
    output: (text) => show(shown.push(text)),
  };
  try {
    return await tool.run(input, toolContext);
  } catch (error) {
    // An interrupted tool may throw; anything else is a bug of the tool, which the model can still work around.
    if (context.signal.aborted) return { content: "Interrupted", error: true };
    return { content: `'${tool.name}' failed: ${error instanceof Error ? error.message : String(error)}`, error: true };
  } finally {
    show(shown.end());
  }
}
