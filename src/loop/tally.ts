import type { DurableEvent, LimitName, Nested } from "../core/event.ts";
import { addUsage, type Budget, type Usage } from "../core/model.ts";
import type { Denial } from "../core/permission.ts";
import { defaultCost, type Limits } from "../core/plan.ts";
import { paidOf, rounded, type Paid } from "../core/price.ts";
import type { ModelUsage } from "../core/result-document.ts";
import type { FinishedCall } from "./calls.ts";
import type { Reply } from "./reply.ts";

/** A limit that was reached; `call` is the one that reached it, where it was a call's. */
export type Reached = { limit: LimitName; value: number; max: number; call?: FinishedCall };

/** What an answer took. */
type Spent = Paid & Pick<Reply, "durationMs" | "firstTokenMs">;

/** What runs within one another share. */
type Shared = "cost" | "tokens";

/** How often a model may repeat itself before the run ends. */
const sameInARow = 3;

/** Counts what a run uses and says when it is too much. */
export class Tally {
  turns = 0;
  toolCalls = 0;
  tokens = 0;
  /** In US dollars, as far as prices are known. */
  cost = 0;
  /** Part of it is not billed. */
  notional = false;
  #unpriced = false;
  /** What requests under way have used, by estimate. */
  readonly #pending = { cost: 0, tokens: 0 };
  readonly denied: Denial[] = [];
  readonly usage: Record<string, ModelUsage> = {};
  #failure: Streak = { key: "", count: 0 };
  #denial: Streak = { key: "", count: 0 };
  readonly #limits: Limits;
  readonly #within: Tally | undefined;

  /** `within`: that of the run that spawned this one, whose use includes all of this one's. */
  constructor(limits: Limits, within?: Tally) {
    this.#limits = limits;
    this.#within = within;
  }

  /** Asked before a request: may there be one more turn? */
  beforeTurn(): Reached | undefined {
    const { turns } = this.#limits;
    if (this.turns >= turns) return { limit: "turns", value: this.turns, max: turns };
    const tooMuch = this.beyond();
    if (tooMuch === undefined) this.turns++;
    return tooMuch;
  }

  /** Whether this run, or one around it, has used up its tokens, or more money than it has. */
  beyond(): Reached | undefined {
    if (this.tokens >= this.#max("tokens")) return this.#reached("tokens");
    if (this.cost > this.#max("cost")) return this.#reached("cost");
    return this.#within?.beyond();
  }

  #max(limit: Shared): number {
    return limit === "cost" ? (this.#limits.cost ?? defaultCost) : (this.#limits.tokens ?? Infinity);
  }

  #reached(limit: Shared): Reached {
    return { limit, value: limit === "cost" ? rounded(this.cost) : this.tokens, max: this.#max(limit) };
  }

  /** The limit that a request has met: that of this run, or of the one around it that has less left. */
  nearest(limit: Shared): Reached {
    return this.tightest(limit).#reached(limit);
  }

  /** This one, or the one around it that has less left. */
  tightest(limit: Shared): Tally {
    const outer = this.#within?.tightest(limit);
    return outer !== undefined && outer.#rest(limit) < this.#rest(limit) ? outer : this;
  }

  #rest(limit: Shared): number {
    return this.#max(limit) - this[limit] - this.#pending[limit];
  }

  /** What one request may use. Those that are under way side by side see each other's use. */
  budget(): Budget {
    const held = { cost: 0, tokens: 0 };
    return {
      left: () => ({ cost: this.tightest("cost").#rest("cost"), tokens: this.tightest("tokens").#rest("tokens") }),
      use: (cost, tokens) => {
        this.hold(cost - held.cost, tokens - held.tokens);
        held.cost = cost;
        held.tokens = tokens;
      },
    };
  }

  /** Takes in what requests under way use more, by estimate. */
  hold(cost: number, tokens: number): void {
    this.#pending.cost += cost;
    this.#pending.tokens += tokens;
    this.#within?.hold(cost, tokens);
  }

  /** Asked before the calls of a turn: may all of them run? */
  beforeCalls(count: number): Reached | undefined {
    const max = this.#limits.tool_calls;
    if (this.toolCalls + count > max) return { limit: "tool_calls", value: this.toolCalls + count, max };
    const tooMany = this.#within?.beforeCalls(count);
    if (tooMany === undefined) this.toolCalls += count;
    return tooMany;
  }

  addReply(model: string, reply: Spent): void {
    this.#pay(reply);
    this.usage[model] = addReplyTo(this.usage[model], reply);
    this.#within?.addReply(model, reply);
  }

  /** Takes in what a request used of which nothing is kept: it is no answer, and has no speed. */
  addDiscarded(model: string, paid: Paid): void {
    this.#pay(paid);
    const before = this.usage[model] ?? noModelUsage;
    this.usage[model] = { ...before, ...addUsage(before, paid.usage), cost: addCost(before.cost, paid.cost) };
    this.#within?.addDiscarded(model, paid);
  }

  /** Takes in what an event of the journal tells of: of this run, or of one within it that is over. */
  restore(event: DurableEvent & Nested, asked: string): void {
    const own = event.agent_id === undefined;
    switch (event.type) {
      case "turn_end": {
        const { model = asked, duration_ms: durationMs, first_token_ms: firstTokenMs } = event;
        this.addReply(model, { ...paidOf(event), durationMs, firstTokenMs });
        break;
      }
      case "attempt_discarded":
        this.addDiscarded(event.model, paidOf(event));
        break;
      case "sampling":
        if (own) this.turns++;
        this.addReply(event.model, { ...paidOf(event), durationMs: event.duration_ms, firstTokenMs: 0 });
        break;
      case "compact": {
        const { summary } = event;
        if (summary === undefined) break;
        this.addReply(summary.model, { ...paidOf(summary), durationMs: summary.duration_ms, firstTokenMs: 0 });
        break;
      }
      case "decision": {
        // Those of the run's own calls count with these.
        if (event.verdict === "allow" || (own && event.call !== undefined)) break;
        const { kind, target, reason = "", flag } = event;
        this.addDenial({ kind, target, reason, ...(flag === undefined ? {} : { flag }) });
        break;
      }
    }
  }

  #pay({ usage, cost, notional }: Paid): void {
    this.tokens += usage.input + usage.output;
    if (cost === undefined) this.#unpriced = true;
    else this.cost += cost;
    if (notional === true && cost !== undefined && cost > 0) this.notional = true;
  }

  /** What all requests cost together, in US dollars; null where the price of one is not known. */
  paid(): number | null {
    return this.#unpriced ? null : rounded(this.cost);
  }

  /** A refusal by the gate, which counts for each run around this one. */
  addDenial(denial: Denial): void {
    this.denied.push(denial);
    this.#within?.addDenial(denial);
  }

  /** What was repeated until now counts no more. */
  forgive(): void {
    this.#failure = { key: "", count: 0 };
    this.#denial = { key: "", count: 0 };
  }

  /** Takes in a finished call. The third equal failure or denial in a row is a limit. */
  addCall(finished: FinishedCall): Reached | undefined {
    const { denials } = finished;
    for (const denial of denials) this.addDenial(denial);
    const denial = denials.map(({ kind, target }) => `${kind} ${target}`).join("\n");
    this.#denial = next(this.#denial, denial);
    if (this.#denial.count >= sameInARow) return { limit: "same_denial", value: this.#denial.count, max: sameInARow };
    // Once in a turn: the model had not read of the failure when it made its other calls.
    this.#failure = next(this.#failure, failureKey(finished), this.turns);
    if (this.#failure.count >= sameInARow)
      return { limit: "same_failure", value: this.#failure.count, max: sameInARow, call: finished };
    return undefined;
  }
}

/** `turn`: a streak grows only once in it. */
type Streak = { key: string; count: number; turn?: number };

/** An empty key breaks a streak. */
function next(streak: Streak, key: string, turn?: number): Streak {
  if (key === "") return { key, count: 0 };
  if (key !== streak.key) return { key, count: 1, ...(turn === undefined ? {} : { turn }) };
  if (turn === undefined) return { key, count: streak.count + 1 };
  return turn === streak.turn ? streak : { key, count: streak.count + 1, turn };
}

/** Arguments that do not fit count by tool, whatever they are. */
function failureKey({ call, result, denials, misfit }: FinishedCall): string {
  if (misfit) return `misfit ${call.name}`;
  return result.error && denials.length === 0 ? `call ${call.name} ${call.arguments}` : "";
}

function addReplyTo(sum: ModelUsage | undefined, reply: Spent): ModelUsage {
  const before: ModelUsage = sum ?? { ...noModelUsage };
  const requests = before.requests + 1;
  const usage: Usage = addUsage(before, reply.usage);
  const mean = (old: number, value: number) => Math.round(((old * before.requests + value) / requests) * 10) / 10;
  const seconds = Math.max(reply.durationMs - reply.firstTokenMs, 1) / 1000;
  return {
    ...usage,
    requests,
    cost: addCost(before.cost, reply.cost),
    first_token_ms: mean(before.first_token_ms, reply.firstTokenMs),
    tokens_per_second: mean(before.tokens_per_second, reply.usage.output / seconds),
  };
}

function addCost(sum: number | null, cost: number | undefined): number | null {
  return sum === null || cost === undefined ? null : rounded(sum + cost);
}

const noModelUsage: ModelUsage = {
  requests: 0,
  cost: 0,
  input: 0,
  output: 0,
  cached: 0,
  reasoning: 0,
  first_token_ms: 0,
  tokens_per_second: 0,
};
