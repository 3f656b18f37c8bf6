import type { Emit } from "../core/event.ts";
import type { Clock } from "../core/host.ts";
import type { Model, ModelRequest } from "../core/model.ts";
import { differenceOf, prefixOf, type Prefix } from "../core/prefix.ts";
import type { Tool } from "../core/tool.ts";
import type { CallContext } from "./calls.ts";
import type { Context } from "./context.ts";
import { readReply, type Replied } from "./reply.ts";
import type { Tally } from "./tally.ts";

/** What the requests of a run are made of, and what the last one began with. */
export type Asking = {
  /** The tools of the next turn, where they may be others by then. */
  present?(): Promise<Tool[]>;
  tally: Tally;
  context: Context;
  request: ModelRequest;
  calls: CallContext;
  emit: Emit;
  clock: Clock;
  signal: AbortSignal;
  prefix?: Prefix;
};

/** A request that could not be made, or came to no answer. */
export type Unanswered =
  | Exclude<Replied, { type: "reply" }>
  | { type: "too_large"; why: string; reply?: undefined }
  | { type: "interrupted"; reply?: undefined };

const lostCache = "What requests begin with differs from the last turn, so the service reads it anew at its full price";

/** Makes the request of a turn: with the tools as they are now, and with as much of the conversation as fits. */
export async function ask(asking: Asking, model: Model, turn: number): Promise<Replied | Unanswered> {
  const { tally, context, request, prefix: before, emit, clock, signal } = asking;
  await offerPresent(asking);
  const fitted = await context.fit(model, turn);
  if (signal.aborted) return { type: "interrupted" };
  if (!fitted.ok) return { type: "too_large", why: fitted.error };
  const prefix = prefixOf(request);
  asking.prefix = prefix;
  const changed = before === undefined ? undefined : differenceOf(before, prefix);
  if (changed !== undefined) await emit({ type: "warning", message: `${lostCache}: ${changed}` });
  await emit({ type: "turn_start", turn, prefix: prefix.hash, ...fitted.value });
  const replied = await readReply(model, request, turn, tally, emit, clock, signal);
  if (!isTooLong(replied) || signal.aborted || !(await context.shorten(model, turn))) return replied;
  return readReply(model, request, turn, tally, emit, clock, signal);
}

async function offerPresent({ present, request, calls }: Asking): Promise<void> {
  const tools = await present?.();
  if (tools === undefined) return;
  request.tools = toolSpecs(tools);
  calls.tools = new Map(tools.map((tool) => [tool.name, tool]));
}

/** What a model is told of tools. */
export function toolSpecs(tools: Tool[]): ModelRequest["tools"] {
  return tools.map(({ name, description, input, examples }) => ({
    name,
    description,
    input,
    ...(examples === undefined ? {} : { examples }),
  }));
}

/** Whether the service has found that the request is too long, before it said anything. */
function isTooLong(replied: Replied): boolean {
  return replied.type === "failure" && replied.reply === undefined && replied.failure.tooLong === true;
}
