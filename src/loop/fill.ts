import type { Emit } from "../core/event.ts";
import type { Model, ModelRequest, ModelSize, Usage } from "../core/model.ts";
import type { ContextSpec } from "../core/plan.ts";
import { bytesPerToken } from "../core/request-size.ts";
import type { Conversation } from "./conversation.ts";
import { Measure, type Gauge } from "./measure.ts";

/** What is sent, and what says how much of it there may be. */
export type FillOptions = {
  conversation: Conversation;
  /** All of each request but its messages. */
  request: ModelRequest;
  spec: ContextSpec;
  gauge: Gauge;
  emit: Emit;
  signal: AbortSignal;
};

/** A part of what is sent, and its tokens. */
export type Part = { name: string; tokens: number };

/** From this share of its limit on a request is worth a warning. */
const nearlyFull = 0.8;

/** Kept for an answer, where nothing tells how long it may be. */
const usualAnswer = 16_384;

/** A service's count beside ours. Less than half of it is a count of something else, such as of what was not cached. */
const leastRatio = 0.75;
const mostRatio = 2.5;
const countsElse = 0.5;

/** Smaller requests tell nothing: what a service puts around them weighs too much. */
const tellingTokens = 500;

/** How full the window of a model is with the next request: by our count, as its service's counts correct it. All sizes are in tokens. */
export class Fill {
  readonly measure: Measure;
  readonly #options: FillOptions;
  readonly #ratios = new Map<string, number>();
  readonly #sizes = new Map<string, ModelSize>();
  /** Of the last request: its tokens as they were counted, or how many messages it had where they were not. */
  #asked: { messages: number; counted?: number } = { messages: 0 };
  /** What the last request and its answer came to by the service's own count, and the messages in them. */
  #known: { tokens: number; input: number; messages: number } | undefined;
  #warned = false;
  /** By a service that found a request too long. */
  #refused = Infinity;

  constructor(options: FillOptions) {
    this.#options = options;
    this.measure = new Measure(options.gauge);
  }

  /** The most that a request may have. */
  async limit(model: Model): Promise<number> {
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

  /** A service has found a request too long: it takes less than that had, and from now on is sent no more than `limit`. */
  refuse(limit: number): void {
    this.#refused = Math.min(this.#refused, limit);
  }

  /** More than the next request can have, without counting. */
  most(): number {
    const { conversation, request } = this.#options;
    const all = conversation.entries.reduce((sum, { message }) => sum + this.measure.most(message), 0);
    return this.measure.mostFixed(request) + all;
  }

  /** About how much a short request has: what its service last said, and a quarter of the bytes that came since. */
  guess(most: number): number {
    if (this.#known === undefined) return most / bytesPerToken;
    // The answer is counted in what is known.
    const since = this.#options.conversation.messages.slice(this.#known.messages + 1);
    return this.#known.tokens + since.reduce((sum, one) => sum + this.measure.most(one), 0) / bytesPerToken;
  }

  /** Counts the next request. */
  async tokens(model: Model): Promise<number> {
    const { instructions, tools } = await this.#fixed();
    let sum = instructions + tools;
    for (const message of this.#options.conversation.messages) sum += await this.measure.tokens(message);
    return Math.ceil(sum * this.ratio(model));
  }

  /** What is in each request beside the messages, before it is corrected. */
  async fixed(): Promise<number> {
    const { instructions, tools } = await this.#fixed();
    return instructions + tools;
  }

  #fixed(): Promise<{ instructions: number; tools: number }> {
    return this.measure.fixed(this.#options.request);
  }

  /** How many tokens the model makes of one that is counted. */
  ratio(model: Model): number {
    return this.#ratios.get(model.name) ?? this.#options.gauge.ratio;
  }

  /** The next request goes out; `counted` are its tokens before they are corrected, where they were counted. */
  asks(counted?: number): void {
    const { messages } = this.#options.conversation;
    this.#asked = counted === undefined ? { messages: messages.length } : { messages: 0, counted };
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
  async learnFromBefore(model: Model): Promise<void> {
    const known = this.#known;
    this.#known = undefined;
    if (known === undefined) return;
    let counted = await this.fixed();
    for (const message of this.#options.conversation.messages.slice(0, known.messages))
      counted += await this.measure.tokens(message);
    this.#correct(model, known.input, counted);
  }

  /** Forgets what was said of requests that had what is now left out. */
  forget(): void {
    this.#known = undefined;
  }

  /** The share of the limit, where there is one; after a warning where it is large for the first time. */
  async share(model: Model, tokens: number, limit: number): Promise<{ share?: number }> {
    if (limit === Infinity) return {};
    const share = Math.round((tokens / limit) * 100) / 100;
    if (share >= nearlyFull && !this.#warned) {
      this.#warned = true;
      const parts = (await this.parts(model)).slice(0, 3).map(({ name, tokens: own }) => `${name} ${grouped(own)}`);
      const full = `The conversation has about ${grouped(tokens)} of the ${grouped(limit)} tokens that '${model.name}' can be sent`;
      await this.#options.emit({ type: "warning", message: `${full}; the largest parts: ${parts.join(", ")}` });
    }
    return { share };
  }

  /** Why a request cannot be made. */
  async tooLarge(model: Model, limit: number): Promise<string> {
    const parts = (await this.parts(model)).map(({ name, tokens }) => `${name} about ${grouped(tokens)} tokens`);
    const most = `'${model.name}' can be sent ${grouped(Math.max(0, limit))}`;
    return `The request is too large, and nothing more can be left out of it: ${parts.slice(0, 3).join(", ")}; ${most}`;
  }

  /** What the next request is made of, the largest first. */
  async parts(model: Model): Promise<Part[]> {
    const { instructions, tools } = await this.#fixed();
    const sizes = new Map([
      ["the instructions", instructions],
      ["the tools' descriptions", tools],
    ]);
    for (const message of this.#options.conversation.messages) {
      const own = await this.measure.tokens(message);
      // Of results side by side each has its part of the message by its length.
      const length =
        message.role === "tool" ? message.results.reduce((sum, one) => sum + one.content.length + 1, 0) : 1;
      const named: Array<[string, number]> =
        message.role === "tool"
          ? message.results.map(({ name, content }) => [`results of ${name}`, (own * (content.length + 1)) / length])
          : [[message.role === "user" ? "the prompts" : "the model's answers", own]];
      for (const [name, tokens] of named) sizes.set(name, (sizes.get(name) ?? 0) + tokens);
    }
    const ratio = this.ratio(model);
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
