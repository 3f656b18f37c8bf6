import { commandLabel } from "../core/command-label.ts";
import { eventVersion, type DurableEvent, type Emit } from "../core/event.ts";
import { exitCode, type Interruption, type OutcomeName } from "../core/exit.ts";
import type { Json, JsonSchema } from "../core/json.ts";
import { attachmentSize, attachmentsOf, mostAttached, type Attachment, type Message } from "../core/message.ts";
import type { Model, ModelFailure, ModelRequest } from "../core/model.ts";
import { differenceOf, prefixOf, type Prefix } from "../core/prefix.ts";
import { dollars, paidOf } from "../core/price.ts";
import type { Denial } from "../core/permission.ts";
import type { Check, Limits } from "../core/plan.ts";
import type { RunResult } from "../core/result-document.ts";
import type { Tool } from "../core/tool.ts";
import { fitAnswer, repairPrompt } from "./answer.ts";
import { runCalls, type CallContext, type FinishedCall, type Surroundings } from "./calls.ts";
import { Context, type ContextOptions } from "./context.ts";
import { Conversation } from "./conversation.ts";
import { readReply, type Replied, type Reply } from "./reply.ts";
import { Tally, type Reached } from "./tally.ts";

/** How one check of the answer came out. */
export type CheckOutcome = { ok: boolean; detail: string; denial?: Denial };

/** Everything one run works with. */
export type RunOptions = Surroundings & {
  runId: string;
  agent: string;
  hash: string;
  session?: string;
  model: Model;
  tools: Tool[];
  /** The tools of the next turn, where they may be others by then. */
  present?(): Promise<Tool[]>;
  instructions: string;
  /** The conversation so far, when a session goes on. */
  history?: Conversation;
  /** How the conversation is kept within the model's window. */
  context: Pick<ContextOptions, "spec" | "gauge" | "summarizer">;
  prompt: string;
  /** What the model is shown with the prompt. */
  attachments: Attachment[];
  output?: JsonSchema;
  checks: Check[];
  denied: "fail" | "report";
  limits: Limits;
  /** What counts against `limits`, where others count in it too. Default: its own. */
  tally?: Tally;
  /** The call that it was spawned by. */
  spawnedBy?: string;
  /** Ends what still goes on beside the turns. What that refuses and uses is of the result too. */
  settle?(): Promise<void>;
  check(check: Check, answer: string): Promise<CheckOutcome>;
};

/** The way out where a request cannot be made to fit. */
const larger = "name a model with a larger window with '--model', or give it less to read";

/** How a run came to its end. */
type Ending = { outcome: OutcomeName; answer: Json; error: RunResult["error"]; partial?: string };

/** The model that is asked next, and the name of the one that answered last. */
type Asked = { model: Model; answered: string | null };

/** Runs turns of model and tools until the model is done, something stops it, or a limit is reached. */
export async function run(options: RunOptions): Promise<RunResult> {
  const tally = options.tally ?? new Tally(options.limits);
  await options.emit(startEvent(options));
  const { prompt, attachments } = options;
  const kept = attachments.length === 0 ? {} : { attachments: await options.keep(attachments) };
  await options.emit({ type: "user", text: prompt, ...kept });
  const asked: Asked = { model: options.model, answered: null };
  const ending = await converse(options, tally, asked);
  await options.settle?.();
  const result: RunResult = {
    outcome: ending.outcome,
    exit_code: exitCode(ending.outcome),
    answer: ending.answer,
    error: ending.error,
    model: ending.answer === null ? null : asked.answered,
    usage: tally.usage,
    cost: tally.paid(),
    denied: tally.denied,
    run_id: options.runId,
    ...(tally.notional ? { notional: true } : {}),
    ...(ending.partial === undefined ? {} : { partial: ending.partial }),
  };
  await options.emit({ type: "run_end", result }, "flush");
  return result;
}

function startEvent(options: RunOptions): DurableEvent {
  const { runId, agent, hash, model, instructions, session, spawnedBy } = options;
  const event = { type: "run_start", version: eventVersion, run_id: runId, agent, hash, model: model.name } as const;
  const called = spawnedBy === undefined ? {} : { call: spawnedBy };
  return { ...event, ...(session === undefined ? {} : { session }), instructions, ...called };
}

async function converse(options: RunOptions, tally: Tally, asked: Asked): Promise<Ending> {
  const { emit, clock, signal } = options;
  const { prompt, attachments } = options;
  const task: Message = { role: "user", text: prompt, ...(attachments.length === 0 ? {} : { attachments }) };
  const conversation = options.history ?? new Conversation();
  const { messages } = conversation;
  const request: ModelRequest = { instructions: options.instructions, messages, tools: toolSpecs(options.tools) };
  if (options.output !== undefined) request.output = options.output;
  const context = new Context({ ...options.context, conversation, request, tally, emit, clock, signal });
  context.task(task);
  const calls: CallContext = {
    ...options,
    room: { bytes: 0 },
    tools: new Map(options.tools.map((tool) => [tool.name, tool])),
  };
  let repaired = false;
  let prefix: Prefix | undefined;
  for (;;) {
    if (signal.aborted) return interrupted(signal);
    const tooMuch = tally.beforeTurn();
    if (tooMuch !== undefined) return limited(tooMuch, options);
    const turn = tally.turns;
    await offerPresent(options, request, calls);
    const fitted = await context.fit(asked.model, turn);
    if (signal.aborted) return interrupted(signal);
    if (!fitted.ok) return { outcome: "usage", answer: null, error: { message: fitted.error, hint: larger } };
    calls.room.bytes = roomIn(messages);
    const before = prefix;
    prefix = prefixOf(request);
    const changed = before === undefined ? undefined : differenceOf(before, prefix);
    if (changed !== undefined) await emit({ type: "warning", message: `${lostCache}: ${changed}` });
    await emit({ type: "turn_start", turn, prefix: prefix.hash, ...fitted.value });
    let replied = await readReply(asked.model, request, turn, tally, emit, clock, signal);
    if (isTooLong(replied) && !signal.aborted && (await context.shorten(asked.model, turn)))
      replied = await readReply(asked.model, request, turn, tally, emit, clock, signal);
    if (replied.type !== "reply") {
      const { reply } = replied;
      if (reply !== undefined) await endTurn(reply, turn, tally, emit);
      if (signal.aborted) return { ...interrupted(signal), ...partOf(reply) };
      if (replied.type === "failure") return failed(replied.failure);
      return { ...(await limited(tally.nearest(replied.limit), options)), ...partOf(reply) };
    }
    const { reply } = replied;
    asked.answered = reply.model;
    context.learn(asked.model, reply.usage);
    const message = await endTurn(reply, turn, tally, emit);
    if (signal.aborted) return { ...interrupted(signal), ...partOf(reply) };

    // What was cut at its length or refused is no answer, and a tool call in it may be half a call.
    if (reply.stop === "length") {
      const { output } = reply.usage;
      return { ...(await limited({ limit: "output_length", value: output, max: output }, options)), ...partOf(reply) };
    }
    if (reply.stop === "refusal") return ended("unfit", reply.text, "The model refused to answer");

    if (reply.calls.length > 0) {
      const tooMany = tally.beforeCalls(reply.calls.length);
      if (tooMany !== undefined) return limited(tooMany, options);
      const finished = await runCalls(reply.calls, turn, calls);
      const repeats = finished.map((call) => tally.addCall(call)).find((reached) => reached !== undefined);
      if (signal.aborted) return interrupted(signal);
      if (repeats !== undefined) return limited(repeats, { emit, model: asked.model });
      // The calls as they ran: the model reads its arguments as they were put right.
      context.push({ ...message, calls: finished.map(({ call }) => call) }, turn);
      context.push({ role: "tool", results: finished.map(({ result }) => result) }, turn);
      continue;
    }
    context.push(message, turn);

    const answer =
      options.output === undefined ? text(reply) : await fitAnswer(reply.text, options.output, options.explainJson);
    if (answer.ok) {
      await options.settle?.();
      const ending = await judge(answer.value, options, tally);
      const { stronger } = asked.model;
      if (ending.outcome !== "unfit" || stronger === undefined) return ending;
      const why = ending.error?.message ?? "A check failed";
      await escalate(asked, stronger, turn, why, emit);
      const complaint = `${why}\nAnswer the task again, better.`;
      await emit({ type: "user", text: complaint, reason: "check" });
      context.push({ role: "user", text: complaint }, turn);
      continue;
    }
    const why = `The answer does not fit its schema: ${answer.error}`;
    const { stronger } = asked.model;
    if (stronger !== undefined) await escalate(asked, stronger, turn, why, emit);
    else if (repaired) return ended("unfit", reply.text, why);
    else repaired = true;
    const complaint = repairPrompt(answer.error);
    await emit({ type: "user", text: complaint, reason: "repair" });
    context.push({ role: "user", text: complaint }, turn);
  }
}

const lostCache = "What requests begin with differs from the last turn, so the service reads it anew at its full price";

/** The stronger model goes on in the same conversation: no call of a tool is made twice. */
async function escalate(asked: Asked, to: Model, turn: number, reason: string, emit: Emit): Promise<void> {
  const from = asked.answered ?? asked.model.name;
  asked.model = to;
  await emit({ type: "escalate", turn, from, to: to.name, reason });
}

async function offerPresent({ present }: RunOptions, request: ModelRequest, calls: CallContext): Promise<void> {
  const tools = await present?.();
  if (tools === undefined) return;
  request.tools = toolSpecs(tools);
  calls.tools = new Map(tools.map((tool) => [tool.name, tool]));
}

/** How many bytes of attachments may still come into a conversation. */
function roomIn(messages: readonly Message[]): number {
  return mostAttached - messages.flatMap(attachmentsOf).reduce((sum, one) => sum + attachmentSize(one), 0);
}

function text(reply: Reply) {
  return { ok: true, value: reply.text } as const;
}

function toolSpecs(tools: Tool[]): ModelRequest["tools"] {
  return tools.map(({ name, description, input, examples }) => ({
    name,
    description,
    input,
    ...(examples === undefined ? {} : { examples }),
  }));
}

/** What had come of an answer that was cut. */
function partOf(reply: Reply | undefined): Pick<Ending, "partial"> {
  return reply === undefined || reply.text === "" ? {} : { partial: reply.text };
}

async function endTurn(reply: Reply, turn: number, tally: Tally, emit: Emit) {
  tally.addReply(reply.model, reply);
  const message: Extract<Message, { role: "assistant" }> = { role: "assistant", text: reply.text, calls: reply.calls };
  if (reply.opaque !== undefined) message.opaque = reply.opaque;
  const { model, stop, durationMs: duration_ms, firstTokenMs: first_token_ms } = reply;
  await emit({ type: "turn_end", turn, message, stop, model, ...paidOf(reply), duration_ms, first_token_ms });
  return message;
}

/** Whether the service has found that the request is too long, before it said anything. */
function isTooLong(replied: Replied): boolean {
  return replied.type === "failure" && replied.reply === undefined && replied.failure.tooLong === true;
}

/** The run ended by itself: the checks decide, then the denials. */
async function judge(answer: Json, options: RunOptions, tally: Tally): Promise<Ending> {
  const written = typeof answer === "string" && options.output === undefined ? answer : JSON.stringify(answer);
  let broken: string | undefined;
  for (const check of options.checks) {
    const { ok, detail, denial } = await options.check(check, written);
    if (options.signal.aborted) return interrupted(options.signal);
    const masked = options.mask.text(detail);
    await options.emit({ type: "check", run: check.run, ok, detail: masked });
    if (denial !== undefined) tally.addDenial(denial);
    if (!ok) broken ??= `The check '${commandLabel(check.run)}' failed: ${masked}`;
  }
  if (broken !== undefined) return ended("unfit", answer, broken);
  if (tally.denied.length > 0 && options.denied === "fail") {
    const count = tally.denied.length;
    return ended("denied", answer, count === 1 ? "A permission was refused" : `${count} permissions were refused`);
  }
  return { outcome: "done", answer, error: null };
}

function ended(outcome: OutcomeName, answer: Json, message: string): Ending {
  return { outcome, answer, error: { message } };
}

const failureOutcomes: Record<ModelFailure["kind"], OutcomeName> = {
  service: "service",
  network: "service",
  credentials: "credentials",
  request: "usage",
};

function failed(failure: ModelFailure): Ending {
  const { kind, message, hint } = failure;
  return { outcome: failureOutcomes[kind], answer: null, error: hint === undefined ? { message } : { message, hint } };
}

async function limited(
  { call, ...reached }: Reached,
  { emit, model }: Pick<RunOptions, "emit" | "model">,
): Promise<Ending> {
  await emit({ type: "limit", ...reached });
  if (reached.limit === "same_denial")
    return ended("denied", null, "The same permission was refused three times in a row");
  if (call?.misfit) return { outcome: "limit", answer: null, error: misfitError(model.name, call) };
  return ended("limit", null, limitMessage(reached));
}

/** A model that cannot call the tool, though it was told twice what is wrong. */
function misfitError(model: string, { call, result }: FinishedCall) {
  const why = result.content.replace(/^The /, "the ");
  const message = `'${model}' called '${call.name}' three times in a row with wrong arguments: ${why}`;
  return { message, hint: "name a model that is better at calling tools with '--model', or offer it fewer tools" };
}

function limitMessage({ limit, value, max }: Reached): string {
  switch (limit) {
    case "same_failure":
      return "The same call failed three times in a row";
    case "output_length":
      return "The model's answer was cut at its longest output length";
    case "tool_calls":
      return `The limit of ${max} tool calls was reached: the next turn asked for call ${value}`;
    case "cost":
      return `The limit of ${dollars(max)} US dollars was reached: ${dollars(value)} are spent${short(value, max)}`;
    case "tokens":
      return `The limit of ${max} tokens was reached${value < max ? `: ${value} are used${short(value, max)}` : ""}`;
    default:
      return `The limit of ${max} ${limit} was reached`;
  }
}

function short(value: number, max: number): string {
  return value < max ? ", and the rest does not pay for the answer" : "";
}

const interruptions: Record<Interruption, string> = {
  timeout: "The time limit was reached",
  hangup: "Ended by SIGHUP",
  interrupt: "Interrupted",
  reader_gone: "The reader of the output went away",
  terminated: "Ended by SIGTERM",
};

function interrupted(signal: AbortSignal): Ending {
  const reason: unknown = signal.reason;
  const name = Object.keys(interruptions).find((key): key is Interruption => key === reason);
  if (name === undefined) throw new Error(`A run was aborted for an unknown reason: ${String(reason)}`);
  return ended(name, null, interruptions[name]);
}
