import { commandLabel } from "../core/command-label.ts";
import { eventVersion, type DurableEvent, type Emit } from "../core/event.ts";
import { exitCode, type Interruption, type OutcomeName } from "../core/exit.ts";
import type { Json, JsonSchema } from "../core/json.ts";
import { attachmentSize, attachmentsOf, mostAttached, type Attachment, type Message } from "../core/message.ts";
import type { Model, ModelFailure, ModelRequest } from "../core/model.ts";
import type { Denial } from "../core/permission.ts";
import type { Check, Limits } from "../core/plan.ts";
import type { RunResult } from "../core/result-document.ts";
import type { Tool } from "../core/tool.ts";
import { fitAnswer, repairPrompt } from "./answer.ts";
import { runCalls, type CallContext, type FinishedCall, type Surroundings } from "./calls.ts";
import { readReply, type Reply } from "./reply.ts";
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
  instructions: string;
  /** The conversation so far, when a session goes on. */
  history: Message[];
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

/** How a run came to its end. */
type Ending = { outcome: OutcomeName; answer: Json; error: RunResult["error"] };

/** Runs turns of model and tools until the model is done, something stops it, or a limit is reached. */
export async function run(options: RunOptions): Promise<RunResult> {
  const tally = options.tally ?? new Tally(options.limits);
  await options.emit(startEvent(options));
  const { prompt, attachments } = options;
  const kept = attachments.length === 0 ? {} : { attachments: await options.keep(attachments) };
  await options.emit({ type: "user", text: prompt, ...kept });
  const ending = await converse(options, tally);
  await options.settle?.();
  const result: RunResult = {
    outcome: ending.outcome,
    exit_code: exitCode(ending.outcome),
    answer: ending.answer,
    error: ending.error,
    usage: tally.usage,
    cost: null,
    denied: tally.denied,
    run_id: options.runId,
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

async function converse(options: RunOptions, tally: Tally): Promise<Ending> {
  const { model, emit, clock, signal } = options;
  const { prompt, attachments } = options;
  const asked: Message = { role: "user", text: prompt, ...(attachments.length === 0 ? {} : { attachments }) };
  const messages: Message[] = [...options.history, asked];
  const request: ModelRequest = { instructions: options.instructions, messages, tools: toolSpecs(options.tools) };
  if (options.output !== undefined) request.output = options.output;
  const attached = messages.flatMap(attachmentsOf).reduce((sum, one) => sum + attachmentSize(one), 0);
  const room = { bytes: mostAttached - attached };
  const calls: CallContext = { ...options, room, tools: new Map(options.tools.map((tool) => [tool.name, tool])) };
  let repaired = false;
  for (;;) {
    if (signal.aborted) return interrupted(signal);
    const tooMuch = tally.beforeTurn();
    if (tooMuch !== undefined) return limited(tooMuch, options);
    const turn = tally.turns;
    await emit({ type: "turn_start", turn });
    const replied = await readReply(model, request, turn, emit, clock, signal);
    if (signal.aborted) return interrupted(signal);
    if (!replied.ok) return failed(replied.error);
    const reply = replied.value;
    tally.addReply(model.name, reply);
    const message = await endTurn(reply, turn, emit);

    // What was cut at its length or refused is no answer, and a tool call in it may be half a call.
    if (reply.stop === "length")
      return limited({ limit: "output_length", value: reply.usage.output, max: reply.usage.output }, options);
    if (reply.stop === "refusal") return ended("unfit", reply.text, "The model refused to answer");

    if (reply.calls.length > 0) {
      const tooMany = tally.beforeCalls(reply.calls.length);
      if (tooMany !== undefined) return limited(tooMany, options);
      const finished = await runCalls(reply.calls, turn, calls);
      const repeats = finished.map((call) => tally.addCall(call)).find((reached) => reached !== undefined);
      if (signal.aborted) return interrupted(signal);
      if (repeats !== undefined) return limited(repeats, options);
      // The calls as they ran: the model reads its arguments as they were put right.
      messages.push({ ...message, calls: finished.map(({ call }) => call) });
      messages.push({ role: "tool", results: finished.map(({ result }) => result) });
      continue;
    }
    messages.push(message);

    const answer =
      options.output === undefined ? text(reply) : await fitAnswer(reply.text, options.output, options.explainJson);
    if (answer.ok) {
      await options.settle?.();
      return judge(answer.value, options, tally);
    }
    if (repaired) return ended("unfit", reply.text, `The answer does not fit its schema: ${answer.error}`);
    repaired = true;
    const complaint = repairPrompt(answer.error);
    await emit({ type: "user", text: complaint, reason: "repair" });
    messages.push({ role: "user", text: complaint });
  }
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

async function endTurn(reply: Reply, turn: number, emit: Emit) {
  const message: Extract<Message, { role: "assistant" }> = { role: "assistant", text: reply.text, calls: reply.calls };
  if (reply.opaque !== undefined) message.opaque = reply.opaque;
  const { stop, usage, durationMs, firstTokenMs } = reply;
  await emit({ type: "turn_end", turn, message, stop, usage, duration_ms: durationMs, first_token_ms: firstTokenMs });
  return message;
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

async function limited({ call, ...reached }: Reached, { emit, model }: RunOptions): Promise<Ending> {
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
    default:
      return `The limit of ${max} ${limit} was reached`;
  }
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
