import { eventVersion, type DurableEvent, type Launch } from "../core/event.ts";
import { exitCode } from "../core/exit.ts";
import type { JsonObject } from "../core/json.ts";
import { mostAttached, type Attachment, type Message } from "../core/message.ts";
import type { Model, ModelRequest } from "../core/model.ts";
import { paidOf } from "../core/price.ts";
import type { Limits } from "../core/plan.ts";
import type { RunResult } from "../core/result-document.ts";
import type { Tool } from "../core/tool.ts";
import { fitAnswer, repairPrompt } from "./answer.ts";
import { ask, toolSpecs, type Asking, type Unanswered } from "./ask.ts";
import { runCalls, type CallContext, type Surroundings } from "./calls.ts";
import { Context, type ContextOptions } from "./context.ts";
import { Conversation } from "./conversation.ts";
import { ended, failed, interrupted, limited, type Ending } from "./ending.ts";
import { judge, type JudgeOptions } from "./judge.ts";
import { noPast, Past, saysNothing, type PastEvent, type PastRun } from "./past.ts";
import type { Reply } from "./reply.ts";
import { Tally } from "./tally.ts";

/** Everything one run works with. */
export type RunOptions = Surroundings &
  JudgeOptions & {
    runId: string;
    agent: string;
    hash: string;
    files?: Record<string, string>;
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
    /** Its text is shown as it comes: what was begun is not said anew by another model. */
    streamed?: boolean;
    limits: Limits;
    /** What counts against `limits`, where others count in it too. Default: its own. */
    tally?: Tally;
    /** The call that it was spawned by. */
    spawnedBy?: string;
    /** What is journaled of its inputs, and of how it was begun. */
    input?: JsonObject;
    launch?: Launch;
    /** What it has done before it goes on. Then `prompt` and `attachments` are what it was asked at first. */
    past?: PastRun;
    /** Sets to work again what went on beside the turns: called once there is an answer to ask for, or a call to make. */
    revive?(): Promise<void>;
    /** Ends what still goes on beside the turns. What that refuses and uses is of the result too. */
    settle?(): Promise<void>;
  };

/** The way out where a request cannot be made to fit. */
const larger = "name a model with a larger window with '--model', or give it less to read";
const more = `raise 'context.max_tokens', ${larger}`;

/** The model that is asked next, and the name of the one that answered last. */
type Asked = { model: Model; answered: string | null };

/** Runs turns of model and tools until the model is done, something stops it, or a limit is reached. */
export async function run(options: RunOptions): Promise<RunResult> {
  const tally = options.tally ?? new Tally(options.limits);
  const { prompt, attachments, model } = options;
  const restore = (event: PastEvent) => tally.restore(event, model.name);
  const past = new Past(options.past ?? noPast, options.emit, restore, options.revive);
  await options.emit(past.begun ? resumeEvent(options, past) : startEvent(options));
  await past.once("user", async () => {
    const kept = attachments.length === 0 ? {} : { attachments: await options.keep(attachments) };
    await options.emit({ type: "user", text: prompt, ...kept });
  });
  const asked: Asked = { model, answered: null };
  const ending = await converse(options, tally, asked, past);
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

/** What is told of a run whenever it begins or goes on. */
function identityOf({ runId, agent, hash, files, model }: RunOptions) {
  const made = files === undefined ? { hash } : { hash, files };
  return { version: eventVersion, run_id: runId, agent, ...made, model: model.name };
}

function startEvent(options: RunOptions): DurableEvent {
  const { instructions, session, spawnedBy, input, launch } = options;
  return {
    type: "run_start",
    ...identityOf(options),
    ...(session === undefined ? {} : { session }),
    instructions,
    ...(spawnedBy === undefined ? {} : { call: spawnedBy }),
    ...(input === undefined ? {} : { input }),
    ...(launch === undefined ? {} : { launch }),
  };
}

function resumeEvent(options: RunOptions, past: Past): DurableEvent {
  return { type: "run_resume", ...identityOf(options), ...past.done };
}

async function converse(options: RunOptions, tally: Tally, asked: Asked, past: Past): Promise<Ending> {
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
    past,
  };
  const { present } = options;
  const asking: Asking = { ...(present && { present }), tally, context, request, calls, emit, clock, signal };
  let repaired = false;
  for (;;) {
    if (signal.aborted) return interrupted(signal);
    const tooMuch = tally.beforeTurn();
    if (tooMuch !== undefined) return limited(tooMuch, options);
    tally.turns = past.nextTurn() ?? tally.turns;
    const turn = tally.turns;
    context.again(past.takeCompacts(turn));
    const now: { failure?: Unanswered; shown?: boolean } = {};
    const answered = await past.step("turn_end", `${turn}`, async () => {
      const replied = await ask(asking, asked.model, turn);
      if (replied.type !== "reply") now.failure = replied;
      now.shown = options.streamed === true && (replied.reply?.text ?? "") !== "";
      return replied.reply && turnEnd(replied.reply, turn, tally);
    });
    if (signal.aborted) return { ...interrupted(signal), ...partOf(answered) };
    if (answered === undefined || now.failure !== undefined)
      return { ...(await unasked(now.failure, tally, options)), ...partOf(answered) };
    const { message, stop, usage } = answered;
    asked.answered = answered.model ?? asked.model.name;
    context.learn(asked.model, usage);
    calls.room.bytes = mostAttached - conversation.attached;

    // What was cut at its length or refused is no answer, and a tool call in it may be half a call.
    if (saysNothing(answered)) {
      if (!now.shown && (await goOn(unsaid(answered), turn))) continue;
      if (stop === "length") {
        const reached = { limit: "output_length", value: usage.output, max: usage.output } as const;
        return { ...(await limited(reached, options)), ...partOf(answered) };
      }
      if (stop === "refusal") return ended("unfit", message.text, "The model refused to answer");
    }

    if (message.calls.length > 0) {
      const tooMany = tally.beforeCalls(message.calls.length);
      if (tooMany !== undefined) return limited(tooMany, options);
      const finished = await runCalls(message.calls, turn, calls);
      const repeats = finished.map((call) => tally.addCall(call)).find((reached) => reached !== undefined);
      if (signal.aborted) return interrupted(signal);
      // Who goes on with a run that had ended by this has done something about it.
      if (repeats !== undefined && past.takeLimit(repeats.limit)) tally.forgive();
      else if (repeats !== undefined) return limited(repeats, { emit, model: asked.model });
      // The calls as they ran: the model reads its arguments as they were put right.
      context.push({ ...message, calls: finished.map(({ call }) => call) }, turn);
      context.push({ role: "tool", results: finished.map(({ result }) => result) }, turn);
      continue;
    }
    context.push(message, turn);

    const answer =
      options.output === undefined
        ? ({ ok: true, value: message.text } as const)
        : await fitAnswer(message.text, options.output, options.explainJson);
    if (answer.ok) {
      await options.settle?.();
      const ending = await judge(answer.value, turn, options, tally, past);
      const why = ending.error?.message ?? "A check failed";
      if (ending.outcome !== "unfit" || !(await goOn(why, turn))) return ending;
      await complain(`${why}\nAnswer the task again, better.`, "check", turn);
      continue;
    }
    const why = `The answer does not fit its schema: ${answer.error}`;
    if (!(await goOn(why, turn))) {
      if (repaired) return ended("unfit", message.text, why);
      repaired = true;
    }
    await complain(repairPrompt(answer.error), "repair", turn);
  }

  /** The stronger model goes on in the same conversation, where there is one: no call of a tool is made twice. */
  async function goOn(reason: string, turn: number): Promise<boolean> {
    const { stronger: to, name } = asked.model;
    if (to === undefined) return false;
    const from = asked.answered ?? name;
    await past.once("escalate", () => emit({ type: "escalate", turn, from, to: to.name, reason }));
    asked.model = to;
    return true;
  }

  async function complain(text: string, reason: "check" | "repair", turn: number): Promise<void> {
    await past.once("user", () => emit({ type: "user", text, reason }));
    context.push({ role: "user", text }, turn);
  }
}

/** Why what says nothing is no answer. */
function unsaid({ stop }: TurnEnd): string {
  if (stop === "length") return "The answer was cut at its longest output length";
  return stop === "refusal" ? "The model refused to answer" : "The model answered nothing";
}

/** How a run ends whose model has not answered. */
async function unasked(why: Unanswered | undefined, tally: Tally, options: RunOptions): Promise<Ending> {
  if (why === undefined) throw new Error("What was answered has no reason not to be");
  if (why.type === "failure") return failed(why.failure);
  if (why.type === "limit") return limited(tally.nearest(why.limit), options);
  if (why.type === "interrupted") return interrupted(options.signal);
  const hint = options.context.spec.max_tokens === undefined ? larger : more;
  return { outcome: "usage", answer: null, error: { message: why.why, hint } };
}

type TurnEnd = Extract<DurableEvent, { type: "turn_end" }>;

/** What had come of an answer that was cut. */
function partOf(answered: TurnEnd | undefined): Pick<Ending, "partial"> {
  return answered === undefined || answered.message.text === "" ? {} : { partial: answered.message.text };
}

function turnEnd(reply: Reply, turn: number, tally: Tally): TurnEnd {
  tally.addReply(reply.model, reply);
  const { text, calls, opaque, model, stop, durationMs: duration_ms, firstTokenMs: first_token_ms } = reply;
  const message = { role: "assistant", text, calls, ...(opaque === undefined ? {} : { opaque }) } as const;
  return { type: "turn_end", turn, message, stop, model, ...paidOf(reply), duration_ms, first_token_ms };
}
