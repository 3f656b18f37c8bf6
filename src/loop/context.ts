import type { CompactEvent, Emit } from "../core/event.ts";
import type { Clock } from "../core/host.ts";
import type { Message } from "../core/message.ts";
import type { Model, ModelRequest, ModelSize, Usage } from "../core/model.ts";
import type { ContextSpec } from "../core/plan.ts";
import { paidOf } from "../core/price.ts";
import type { Result } from "../core/result.ts";
import type { Conversation } from "./conversation.ts";
import { Measure, type Gauge } from "./measure.ts";
import { ranges, shrink } from "./shrink.ts";
import { summarize } from "./summary.ts";
import type { Tally } from "./tally.ts";

/** What keeps a run's requests within its model's window. */
export type ContextOptions = {
  conversation: Conversation;
  /** All of each request but its messages. */
  request: ModelRequest;
  spec: ContextSpec;
  gauge: Gauge;
  /** Writes the summaries; absent where turns are only removed. */
  summarizer?(): Promise<Result<Model, string>>;
  /** Summaries count in it. */
  tally: Tally;
  emit: Emit;
  clock: Clock;
  signal: AbortSignal;
};

/** A request that was made too long for the limit is cut down to this share of it, so that it is long until the next time. */
const aim = 0.6;
const warnAt = 0.8;

/** Kept for an answer, where nothing tells how long it may be. */
const usualAnswer = 16_384;

/** What a note on removed messages takes: the line, and with a summary at most so much. In tokens. */
const noteTokens = 40;
const summaryTokens = 2000;
const charactersPerToken = 3;

/** A service's count beside ours. Less than half of it is a count of something else, such as of what was not cached. */
const leastRatio = 0.75;
const mostRatio = 2.5;
const countsElse = 0.5;

/** Smaller requests tell nothing: what a service puts around them weighs too much. */
const tellingTokens = 500;

/** A conversation on its way to a model: what is pushed into it is sent, as far as it fits. */
export class Context {
  readonly #options: ContextOptions;
  readonly #measure: Measure;
  readonly #pinned = new Set<number>();
  /** The turns of this run, by the places of their messages. */
  readonly #turns = new Map<number, number>();
  readonly #ratios = new Map<string, number>();
  readonly #sizes = new Map<string, ModelSize>();
  /** Of the last request: its tokens as they were counted, or how many messages it had where they were not. */
  #asked: { messages: number; counted?: number } = { messages: 0 };
  /** What the last request and its answer came to by the service's own count, and the messages in them. */
  #known: { tokens: number; input: number; messages: number } | undefined;
  /** Whether the conversation is long enough to be counted. */
  #counting = false;
  #warned = false;
  /** By a service that found a request too long. */
  #refused = Infinity;

  constructor(options: ContextOptions) {
    this.#options = options;
    this.#measure = new Measure(options.gauge);
    const [first] = options.conversation.entries;
    if (first !== undefined) this.#pinned.add(first.place);
  }

  /** What this run is asked: it stays to the end. */
  task(message: Message): void {
    this.#pinned.add(this.#options.conversation.push(message));
  }

  push(message: Message, turn: number): void {
    this.#turns.set(this.#options.conversation.push(message), turn);
  }

  /** Takes the way again that a run took before it goes on: what was left out for a request, where that is known. */
  again(changes: readonly CompactEvent[]): void {
    for (const change of changes) {
      this.#options.conversation.compact(change);
      for (const { from, to } of change.removed) for (let place = from; place <= to; place++) this.#turns.delete(place);
      this.#counting = true;
      this.#known = undefined;
      if (change.reason === "refused") this.#refused = Math.min(this.#refused, change.tokens.limit);
    }
    this.#asked = { messages: this.#options.conversation.messages.length };
  }

  /** Makes the next request fit, and says what share of its limit it has. The error says why it cannot. */
  async fit(model: Model, turn: number): Promise<Result<{ share?: number }, string>> {
    const limit = await this.#limit(model);
    const { conversation, request, spec } = this.#options;
    const most = spec.max_messages ?? Infinity;
    const all = conversation.entries.reduce((sum, { message }) => sum + this.#measure.most(message), 0);
    this.#counting ||= this.#measure.mostFixed(request) + all > limit;
    if (!this.#counting && conversation.messages.length <= most) {
      this.#asked = { messages: conversation.messages.length };
      if (limit === Infinity) return { ok: true, value: {} };
      const share = await this.#told(model, this.#guess(request, all), limit);
      return { ok: true, value: { share } };
    }
    this.#counting = true;
    await this.#learnFromBefore(model);
    let tokens = await this.#tokens(model);
    if (tokens > limit || conversation.messages.length > most) {
      const made = await this.#compact(model, turn, tokens > limit ? "tokens" : "messages", limit, tokens);
      if (!made.ok) return made;
      tokens = made.value;
    }
    this.#asked = { messages: 0, counted: tokens / this.#ratio(model) };
    if (limit === Infinity) return { ok: true, value: {} };
    return { ok: true, value: { share: await this.#told(model, tokens, limit) } };
  }

  /** After a service found the request too long: makes it shorter than it was. False where that cannot be. */
  async shorten(model: Model, turn: number): Promise<boolean> {
    this.#counting = true;
    const tokens = await this.#tokens(model);
    this.#refused = Math.min(this.#refused, Math.floor(tokens * warnAt));
    const made = await this.#compact(model, turn, "refused", Math.min(await this.#limit(model), this.#refused), tokens);
    if (!made.ok || made.value >= tokens) return false;
    this.#asked = { messages: 0, counted: made.value / this.#ratio(model) };
    return true;
  }

  /** Makes the next request shorter though it would fit. Undefined where nothing can go. */
  async lighten(model: Model, turn: number): Promise<Result<{ before: number; after: number } | undefined, string>> {
    this.#counting = true;
    const before = await this.#tokens(model);
    const made = await this.#compact(model, turn, "asked", Math.floor(before / 2), before);
    if (!made.ok || made.value >= before) return { ok: true, value: undefined };
    return { ok: true, value: { before, after: made.value } };
  }

  /** What the next request is made of: the largest parts first. */
  async size(
    model: Model,
  ): Promise<{ tokens: number; limit?: number; parts: Array<{ name: string; tokens: number }> }> {
    const limit = await this.#limit(model);
    const tokens = await this.#tokens(model);
    return { tokens, parts: await this.#parts(model), ...(limit === Infinity ? {} : { limit }) };
  }

  /** Learns from what a service says that the last request had. */
  learn(model: Model, { input, output }: Usage): void {
    const { messages, counted } = this.#asked;
    if (input <= 0) return;
    if (counted === undefined) this.#known = { tokens: input + output, input, messages };
    else this.#correct(model, input, counted);
  }

  #correct(model: Model, input: number, counted: number): void {
    if (counted < tellingTokens || input < counted * countsElse) return;
    const told = Math.min(Math.max(input / counted, leastRatio), mostRatio);
    const before = this.#ratios.get(model.name);
    this.#ratios.set(model.name, before === undefined ? told : (before + told) / 2);
  }

  /** What a service said of a request that nobody had counted is made use of once somebody counts. */
  async #learnFromBefore(model: Model): Promise<void> {
    const known = this.#known;
    this.#known = undefined;
    if (known === undefined) return;
    const { instructions, tools } = await this.#measure.fixed(this.#options.request);
    let counted = instructions + tools;
    for (const message of this.#options.conversation.messages.slice(0, known.messages))
      counted += await this.#measure.tokens(message);
    this.#correct(model, known.input, counted);
  }

  #ratio(model: Model): number {
    return this.#ratios.get(model.name) ?? this.#options.gauge.ratio;
  }

  /** The most tokens that a request may have. */
  async #limit(model: Model): Promise<number> {
    const { spec, signal, emit } = this.#options;
    let size = this.#sizes.get(model.name);
    if (size === undefined) {
      const { warning, ...asked } = (await model.size?.(signal)) ?? {};
      size = asked;
      // Where the service did not answer it is asked again.
      if (model.size === undefined || size.window !== undefined) this.#sizes.set(model.name, size);
      if (warning !== undefined) await emit({ type: "warning", message: warning });
    }
    const { window = Infinity, answer } = { ...sizeOf(model), ...size };
    const room =
      window === Infinity ? Infinity : window - Math.min(answer ?? Math.min(usualAnswer, window / 4), window / 2);
    return Math.floor(Math.min(room, spec.max_tokens ?? Infinity, this.#refused));
  }

  async #tokens(model: Model): Promise<number> {
    const { instructions, tools } = await this.#measure.fixed(this.#options.request);
    let sum = instructions + tools;
    for (const message of this.#options.conversation.messages) sum += await this.#measure.tokens(message);
    return Math.ceil(sum * this.#ratio(model));
  }

  /** About how many tokens a short request has: what its service last said, and a quarter of the bytes that came since. */
  #guess(request: ModelRequest, all: number): number {
    const { messages } = this.#options.conversation;
    if (this.#known === undefined) return (this.#measure.mostFixed(request) + all) / 4;
    // The answer is counted in what is known.
    const since = messages.slice(this.#known.messages + 1).reduce((sum, one) => sum + this.#measure.most(one), 0);
    return this.#known.tokens + since / 4;
  }

  async #compact(
    model: Model,
    turn: number,
    reason: CompactEvent["reason"],
    limit: number,
    before: number,
  ): Promise<Result<number, string>> {
    const { conversation, spec, request, summarizer, emit, signal } = this.#options;
    const ratio = this.#ratio(model);
    const { instructions, tools } = await this.#measure.fixed(request);
    const fixed = instructions + tools;
    const messages = spec.max_messages ?? Infinity;
    const [counted, target] = [limit / ratio - fixed, (limit * aim) / ratio - fixed];
    const room = summarizer === undefined ? noteTokens : Math.min(summaryTokens, Math.floor(Math.max(target, 0) / 4));
    const shrunk = await shrink(conversation.entries, {
      pinned: this.#pinned,
      keepTurns: spec.keep_turns,
      bounds: { limit: counted, target, messages, targetMessages: Math.ceil(messages * aim) },
      note: room,
      tokens: (message) => this.#measure.tokens(message),
    });
    if (shrunk === undefined) return { ok: false, error: await this.#tooLarge(model, limit) };
    const { cut, removed } = shrunk;
    if (cut.length === 0 && removed.length === 0) return { ok: true, value: before };
    const noted = removed.length === 0 ? {} : await this.#note(removed, room, turn);
    // The run ends, and may go on one day: then this is done with a summary.
    if (signal.aborted) return { ok: true, value: before };
    const places = removed.map(({ place }) => place);
    const turns = ranges([...new Set(places.flatMap((place) => this.#turns.get(place) ?? []))]);
    const change = { cut, removed: ranges(places), turns, ...noted };
    for (const place of places) this.#turns.delete(place);
    const after = Math.ceil((shrunk.tokens + fixed + (removed.length === 0 ? 0 : room)) * ratio);
    const tokens = { before, after, limit: Number.isFinite(limit) ? limit : before };
    await emit({ type: "compact", turn, reason, tokens, ...change });
    conversation.compact(change);
    return { ok: true, value: await this.#tokens(model) };
  }

  /** What stands for messages from now on, and in which prompt. */
  async #note(
    removed: ReadonlyArray<{ place: number; message: Message }>,
    room: number,
    turn: number,
  ): Promise<Pick<CompactEvent, "note" | "summary">> {
    const { conversation, summarizer, tally, emit, clock, signal } = this.#options;
    const newest = removed.at(-1)?.place ?? 0;
    const at = Math.max(...[...this.#pinned].filter((place) => place < newest));
    const line = `[${conversation.removed + removed.length} earlier messages summarized]`;
    const earlier = conversation.note?.split("\n").slice(1).join("\n");
    const kept = (summary: string | undefined) => (summary ? `${line}\n${summary}` : line);
    if (summarizer === undefined) return { note: { at, text: kept(earlier) } };
    const model = await summarizer();
    const messages = removed.map(({ message }) => message);
    const made = model.ok
      ? await summarize(
          { model: model.value, tally, emit, clock, signal, turn },
          earlier,
          messages,
          room * charactersPerToken,
        )
      : model;
    if (!made.ok) {
      if (!signal.aborted) {
        const message = `Cannot summarize ${removed.length} messages, so they are only left out: ${made.error}`;
        await emit({ type: "warning", message });
      }
      return { note: { at, text: kept(earlier) } };
    }
    const { text, reply } = made.value;
    const summary = { model: reply.model, ...paidOf(reply), duration_ms: reply.durationMs };
    return { note: { at, text: kept(text) }, summary };
  }

  /** The share, after a warning where it is large for the first time. */
  async #told(model: Model, tokens: number, limit: number): Promise<number> {
    const share = Math.round((tokens / limit) * 100) / 100;
    if (share >= warnAt && !this.#warned) {
      this.#warned = true;
      const parts = (await this.#parts(model)).slice(0, 3).map(({ name, tokens: own }) => `${name} ${grouped(own)}`);
      const full = `The conversation has about ${grouped(tokens)} of the ${grouped(limit)} tokens that '${model.name}' can be sent`;
      await this.#options.emit({ type: "warning", message: `${full}; the largest parts: ${parts.join(", ")}` });
    }
    return share;
  }

  async #tooLarge(model: Model, limit: number): Promise<string> {
    const parts = (await this.#parts(model)).map(({ name, tokens }) => `${name} about ${grouped(tokens)} tokens`);
    const most = `'${model.name}' can be sent ${grouped(Math.max(0, limit))}`;
    return `The request is too large, and nothing more can be left out of it: ${parts.slice(0, 3).join(", ")}; ${most}`;
  }

  /** What a request is made of, the largest first. */
  async #parts(model: Model): Promise<Array<{ name: string; tokens: number }>> {
    const { instructions, tools } = await this.#measure.fixed(this.#options.request);
    const sizes = new Map([
      ["the instructions", instructions],
      ["the tools' descriptions", tools],
    ]);
    for (const message of this.#options.conversation.messages) {
      const own = await this.#measure.tokens(message);
      // Of results side by side each has its part of the message by its length.
      const length =
        message.role === "tool" ? message.results.reduce((sum, one) => sum + one.content.length + 1, 0) : 1;
      const named: Array<[string, number]> =
        message.role === "tool"
          ? message.results.map(({ name, content }) => [`results of ${name}`, (own * (content.length + 1)) / length])
          : [[message.role === "user" ? "the prompts" : "the model's answers", own]];
      for (const [name, tokens] of named) sizes.set(name, (sizes.get(name) ?? 0) + tokens);
    }
    const ratio = this.#ratio(model);
    const parts = [...sizes].map(([name, tokens]) => ({ name, tokens: Math.ceil(tokens * ratio) }));
    return parts.filter(({ tokens }) => tokens > 0).toSorted((a, b) => b.tokens - a.tokens);
  }
}

function sizeOf({ window, answer }: Model): ModelSize {
  return { ...(window === undefined ? {} : { window }), ...(answer === undefined ? {} : { answer }) };
}

function grouped(tokens: number): string {
  return Math.round(tokens).toLocaleString("en-US");
}
