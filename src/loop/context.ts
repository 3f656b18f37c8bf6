import type { CompactEvent } from "../core/event.ts";
import type { Message } from "../core/message.ts";
import type { Model, Usage } from "../core/model.ts";
import type { Result } from "../core/result.ts";
import { Fill, type FillOptions, type Part } from "./fill.ts";
import { noteOn, noteRoom, noteTokens, type NoteOptions } from "./note.ts";
import { ranges, shrink } from "./shrink.ts";

/** What keeps a run's requests within its model's window. */
export type ContextOptions = FillOptions & NoteOptions;

/** A request that was made too long for the limit is cut down to this share of it, so that it is long until the next time. */
const aim = 0.6;

/** Of one that a service found too long so much is taken to fit. */
const ofRefused = 0.8;

/** A conversation on its way to a model: what is pushed into it is sent, as far as it fits. */
export class Context {
  readonly #options: ContextOptions;
  readonly #fill: Fill;
  readonly #pinned = new Set<number>();
  /** The turns of this run, by the places of their messages. */
  readonly #turns = new Map<number, number>();
  /** Whether the conversation is long enough to be counted. */
  #counting = false;

  constructor(options: ContextOptions) {
    this.#options = options;
    this.#fill = new Fill(options);
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
      this.#fill.forget();
      if (change.reason === "refused") this.#fill.refuse(change.tokens.limit);
    }
    this.#fill.asks();
  }

  /** Makes the next request fit, and says what share of its limit it has. The error says why it cannot. */
  async fit(model: Model, turn: number): Promise<Result<{ share?: number }, string>> {
    const { conversation, spec } = this.#options;
    const limit = await this.#fill.limit(model);
    const tooMany = conversation.messages.length > (spec.max_messages ?? Infinity);
    const most = this.#fill.most();
    this.#counting ||= tooMany || most > limit;
    if (!this.#counting) {
      this.#fill.asks();
      return { ok: true, value: await this.#fill.share(model, this.#fill.guess(most), limit) };
    }
    await this.#fill.learnFromBefore(model);
    let tokens = await this.#fill.tokens(model);
    if (tokens > limit || tooMany) {
      const made = await this.#compact(model, turn, tokens > limit ? "tokens" : "messages", limit, tokens);
      if (!made.ok) return made;
      tokens = made.value;
    }
    this.#fill.asks(tokens / this.#fill.ratio(model));
    return { ok: true, value: await this.#fill.share(model, tokens, limit) };
  }

  /** After a service found the request too long: makes it shorter than it was. False where that cannot be. */
  async shorten(model: Model, turn: number): Promise<boolean> {
    this.#counting = true;
    const tokens = await this.#fill.tokens(model);
    this.#fill.refuse(Math.floor(tokens * ofRefused));
    const made = await this.#compact(model, turn, "refused", await this.#fill.limit(model), tokens);
    if (!made.ok || made.value >= tokens) return false;
    this.#fill.asks(made.value / this.#fill.ratio(model));
    return true;
  }

  /** Makes the next request shorter though it would fit. Undefined where nothing can go. */
  async lighten(model: Model, turn: number): Promise<Result<{ before: number; after: number } | undefined, string>> {
    this.#counting = true;
    const before = await this.#fill.tokens(model);
    const made = await this.#compact(model, turn, "asked", Math.floor(before / 2), before);
    if (!made.ok || made.value >= before) return { ok: true, value: undefined };
    return { ok: true, value: { before, after: made.value } };
  }

  /** What the next request is made of: the largest parts first. */
  async size(model: Model): Promise<{ tokens: number; limit?: number; parts: Part[] }> {
    const limit = await this.#fill.limit(model);
    const tokens = await this.#fill.tokens(model);
    return { tokens, parts: await this.#fill.parts(model), ...(limit === Infinity ? {} : { limit }) };
  }

  /** Learns from what a service says that the last request had. */
  learn(model: Model, usage: Usage): void {
    this.#fill.learn(model, usage);
  }

  async #compact(
    model: Model,
    turn: number,
    reason: CompactEvent["reason"],
    limit: number,
    before: number,
  ): Promise<Result<number, string>> {
    const { conversation, spec, emit, signal } = this.#options;
    const ratio = this.#fill.ratio(model);
    const fixed = await this.#fill.fixed();
    const messages = spec.max_messages ?? Infinity;
    const [counted, target] = [limit / ratio - fixed, (limit * aim) / ratio - fixed];
    const within = (note: number) =>
      shrink(conversation.entries, {
        pinned: this.#pinned,
        keepTurns: spec.keep_turns,
        bounds: { limit: counted, target, messages, targetMessages: Math.ceil(messages * aim) },
        note,
        tokens: (message) => this.#fill.measure.tokens(message),
      });
    let room = noteRoom(this.#options, conversation.note, target);
    let shrunk = await within(room);
    // No request is too large for the sake of a summary.
    if (shrunk === undefined) shrunk = await within((room = noteTokens));
    if (shrunk === undefined) return { ok: false, error: await this.#fill.tooLarge(model, limit) };
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
    return { ok: true, value: await this.#fill.tokens(model) };
  }

  /** What stands for messages from now on, and in which prompt. */
  async #note(
    removed: ReadonlyArray<{ place: number; message: Message }>,
    room: number,
    turn: number,
  ): Promise<Pick<CompactEvent, "note" | "summary">> {
    const { conversation } = this.#options;
    const newest = removed.at(-1)?.place ?? 0;
    const at = Math.max(...[...this.#pinned].filter((place) => place < newest));
    const messages = removed.map(({ message }) => message);
    const count = conversation.removed + removed.length;
    const { text, summary } = await noteOn({ messages, count, before: conversation.note, turn }, room, this.#options);
    return { note: { at, text }, ...(summary === undefined ? {} : { summary }) };
  }
}
