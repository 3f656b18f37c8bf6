import type { AgentDoor } from "../core/agents.ts";
import type { DurableEvent, Emit } from "../core/event.ts";
import type { Clock, Host } from "../core/host.ts";
import { misfits } from "../core/json-schema.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { Mask } from "../core/mask.ts";
import {
  attachmentSize,
  mostAttached,
  type Attachment,
  type AttachmentFacts,
  type KeptText,
  type ToolCall,
  type ToolCallResult,
} from "../core/message.ts";
import { nearest } from "../core/nearest.ts";
import type { Denial } from "../core/permission.ts";
import type { RecallDoor } from "../core/recall.ts";
import type { Result } from "../core/result.ts";
import type { Effects, Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { resultOf } from "./history.ts";
import { callKey, type Past, type PastCall } from "./past.ts";

/** What a run and its calls reach the outside by: nothing but these values. */
export type Surroundings = {
  /** The doors for one call: what they refuse is told to `denied`. */
  host(call: string, denied: (denial: Denial) => void): Host;
  /** The sub-agents, for one call; absent where there are none. */
  agents?(call: string): AgentDoor;
  /** What the agent can read of its own journal. */
  recall?: RecallDoor;
  emit: Emit;
  /** Keeps what an event is about to tell of. */
  keep(attachments: readonly Attachment[]): Promise<AttachmentFacts[]>;
  /** Keeps a text; undefined where it could not. */
  keepText(text: string): Promise<KeptText | undefined>;
  clock: Clock;
  /** Its reason is an Interruption. */
  signal: AbortSignal;
  mask: Mask;
  /** Says where and why a text is not JSON. */
  explainJson(text: string): Promise<string>;
  /** JSON made of a text that is almost JSON, with what was put right; undefined where that cannot be told. */
  repairJson(text: string): Promise<RepairedJson | undefined>;
};

/** What the calls of a turn need around them. */
export type CallContext = Surroundings & { tools: Map<string, Tool>; room: Room; past: Past };

/** How many bytes of attachments still fit into the conversation. */
export type Room = { bytes: number };

/** What a text that is almost JSON must have meant. `cut`: it ends within a string or after a comma, so that a part is missing. */
export type RepairedJson = { text: string; repairs: string[]; cut: boolean };

/**
 * One finished call, with its arguments as they ran: what the model is told, and what the gate refused on the way. `misfit`: the
 * tool exists, and the arguments did not fit it.
 */
export type FinishedCall = { call: ToolCall; result: ToolCallResult; denials: Denial[]; misfit: boolean };

/** A call that was looked at: it can run, or the model must be told why not. */
type Prepared = { call: ToolCall } & (
  | { ready: true; tool: Tool; input: JsonObject; effects: Effects; repaired?: string[] }
  | { ready: false; why: string; misfit: boolean; effects: "none" }
);

/** A call that the journal has: it is over, or it had begun and is not made again. */
type Known = { call: ToolCall; past: PastCall; effects: "none" };

/**
 * Runs the calls of one turn: neighbouring `none` and `read` calls together; a `write` or `external` call waits for all before
 * it and holds all after it. Results keep the order of the calls. Calls that an interruption keeps from starting are left out.
 */
export async function runCalls(calls: ToolCall[], turn: number, context: CallContext): Promise<FinishedCall[]> {
  const finished: FinishedCall[] = [];
  let together: Array<Prepared | Known> = [];
  const settle = async () => {
    const ends = together.map((one) => ("past" in one ? recall(one, turn, context) : runCall(one, turn, context)));
    finished.push(...(await Promise.all(ends)));
    together = [];
  };
  for (const call of calls) {
    const past = context.past.takeCall(turn, call.id);
    const prepared =
      past === undefined ? await prepare(call, context) : { call: past.start.call, past, effects: "none" as const };
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
  const unready = (why: string, misfit: boolean): Prepared => ({ call, ready: false, why, misfit, effects: "none" });
  const tool = context.tools.get(call.name);
  if (tool === undefined) {
    const names = [...context.tools.keys()];
    const guess = nearest(call.name, names);
    const hint = guess === undefined ? `The tools are: ${names.join(", ") || "none"}` : `Did you mean '${guess}'?`;
    return unready(`There is no tool '${call.name}'. ${hint}`, false);
  }
  const value = parse(call.arguments);
  if (value === undefined) return (await repair(call, tool, context)) ?? unready(await notJson(call, context), true);
  const input = fit(tool, value);
  if (!input.ok) return unready(input.error, true);
  return { call, ready: true, tool, input: input.value, effects: tool.effects(input.value) };
}

/** A tool without parameters is often called with no text at all. */
function parse(text: string): Json | undefined {
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fit(tool: Tool, value: Json): Result<JsonObject, string> {
  if (!isJsonObject(value)) return { ok: false, error: "The arguments must be a JSON object" };
  const problems = misfits(tool.input, value);
  if (problems.length === 0) return { ok: true, value };
  return { ok: false, error: `The arguments do not fit '${tool.name}': ${problems.join("; ")}` };
}

/** Arguments that are almost JSON are taken only where what they must have meant fits the tool. */
async function repair(call: ToolCall, tool: Tool, context: CallContext): Promise<Prepared | undefined> {
  const repaired = await context.repairJson(call.arguments);
  const value = repaired && parse(repaired.text);
  if (repaired === undefined || value === undefined) return undefined;
  const input = fit(tool, value);
  if (!input.ok) return undefined;
  const effects = tool.effects(input.value);
  // Half a path finds nothing; half a file, written, is lost work.
  if (repaired.cut && (effects === "write" || effects === "external")) return undefined;
  const asRun = { ...call, arguments: repaired.text };
  return { call: asRun, ready: true, tool, input: input.value, effects, repaired: repaired.repairs };
}

async function notJson(call: ToolCall, context: CallContext): Promise<string> {
  return `The arguments are not JSON: ${await context.explainJson(call.arguments)}`;
}

async function runCall(prepared: Prepared, turn: number, context: CallContext): Promise<FinishedCall> {
  const { call, effects } = prepared;
  const { emit, clock, signal, mask, past } = context;
  const lasting = effects === "write" || effects === "external";
  const durability = lasting ? "flush" : undefined;
  const repaired = prepared.ready && prepared.repaired !== undefined ? { repaired: prepared.repaired } : {};
  const denials: Denial[] = [];
  let shown: Attachment[] = [];
  const make = async (): Promise<CallEnd> => {
    await emit({ type: "call_start", turn, call, effects, ...repaired }, durability);
    const started = clock.now();
    const outcome = prepared.ready
      ? fitting(await act(prepared.tool, prepared.input, call, context, denials), context.room)
      : { content: prepared.why, error: true };
    const { attachments = [], error = false } = outcome;
    shown = attachments;
    const cut = signal.aborted && error;
    const content = mask.text(cut && lasting ? `${outcome.content}\n[${unknownEffect}]` : outcome.content);
    const kept = attachments.length === 0 ? {} : { attachments: await context.keep(attachments) };
    const duration_ms = clock.now() - started;
    const text = outcome.whole === undefined ? undefined : await context.keepText(mask.text(outcome.whole));
    return {
      type: "call_end",
      turn,
      id: call.id,
      name: call.name,
      content,
      error,
      duration_ms,
      ...kept,
      ...(outcome.cached === true ? { cached: true } : {}),
      ...(text === undefined ? {} : { whole: text }),
      ...(!prepared.ready && prepared.misfit ? { misfit: true } : {}),
      ...(signal.aborted ? { interrupted: true } : {}),
    };
  };
  const end = await past.step("call_end", callKey(turn, call.id), make, durability);
  if (end === undefined) throw new Error("A call always comes to something");
  const { id, name, content, error } = end;
  const result: ToolCallResult = { id, name, content, error, ...(shown.length === 0 ? {} : { attachments: shown }) };
  return { call, result, denials, misfit: end.misfit === true };
}

type CallEnd = Extract<DurableEvent, { type: "call_end" }>;

const unknownEffect = "Interrupted: whether it took effect is not known";

/** What the journal has of a call. Of one that had begun nobody knows more. */
async function recall({ call, past }: Known, turn: number, context: CallContext): Promise<FinishedCall> {
  const unknown = async (): Promise<CallEnd> => {
    const told = { id: call.id, name: call.name, content: unknownEffect, error: true };
    return { type: "call_end", turn, ...told, duration_ms: 0, interrupted: true };
  };
  const end = await context.past.step("call_end", callKey(turn, call.id), unknown, "flush");
  if (end === undefined) throw new Error("A call always comes to something");
  const result = resultOf(end, context.past.data);
  context.room.bytes -= (result.attachments ?? []).reduce((sum, one) => sum + attachmentSize(one), 0);
  return { call, result, denials: past.denials, misfit: end.misfit === true };
}

/** An outcome whose attachments fit into the conversation: where they do not, its text says so instead. */
function fitting(outcome: ToolOutcome, room: Room): ToolOutcome {
  const { attachments = [], ...rest } = outcome;
  if (attachments.length === 0) return outcome;
  const size = attachments.reduce((sum, one) => sum + attachmentSize(one), 0);
  if (size <= room.bytes) {
    room.bytes -= size;
    return outcome;
  }
  const limit = `all images and PDFs of a conversation may have ${mostAttached / 1e6} MB together`;
  return { ...rest, content: `${rest.content}\n[Not shown: ${limit}]`, error: true };
}

async function act(
  tool: Tool,
  input: JsonObject,
  call: ToolCall,
  context: CallContext,
  denials: Denial[],
): Promise<ToolOutcome> {
  const shown = context.mask.stream();
  const show = (text: string) => {
    if (text !== "") void context.emit({ type: "output", call: call.id, text });
  };
  const toolContext: ToolContext = {
    host: context.host(call.id, (denial) => denials.push(denial)),
    signal: context.signal,
    clock: context.clock,
    output: (text) => show(shown.push(text)),
    draw: (picture, text) => context.emit({ type: "canvas", call: call.id, picture, text }),
    ...(context.recall === undefined ? {} : { recall: context.recall }),
    ...(context.agents === undefined ? {} : { agents: context.agents(call.id) }),
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
