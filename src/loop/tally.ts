import type { LimitName } from "../core/event.ts";
import { addUsage, type Usage } from "../core/model.ts";
import type { Denial } from "../core/permission.ts";
import type { Limits } from "../core/plan.ts";
import type { ModelUsage } from "../core/result-document.ts";
import type { FinishedCall } from "./calls.ts";
import type { Reply } from "./reply.ts";

/** A limit that was reached; `call` is the one that reached it, where it was a call's. */
export type Reached = { limit: LimitName; value: number; max: number; call?: FinishedCall };

/** How often a model may repeat itself before the run ends. */
const sameInARow = 3;

/** Counts what a run uses and says when it is too much. */
export class Tally {
  turns = 0;
  toolCalls = 0;
  tokens = 0;
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
    const tooMuch = this.beyondTokens();
    if (tooMuch === undefined) this.turns++;
    return tooMuch;
  }

  /** Whether this run, or one around it, has used up its tokens. */
  beyondTokens(): Reached | undefined {
    const { tokens } = this.#limits;
    if (tokens !== undefined && this.tokens >= tokens) return { limit: "tokens", value: this.tokens, max: tokens };
    return this.#within?.beyondTokens();
  }

  /** Asked before the calls of a turn: may all of them run? */
  beforeCalls(count: number): Reached | undefined {
    const max = this.#limits.tool_calls;
    if (this.toolCalls + count > max) return { limit: "tool_calls", value: this.toolCalls + count, max };
    const tooMany = this.#within?.beforeCalls(count);
    if (tooMany === undefined) this.toolCalls += count;
    return tooMany;
  }

  addReply(model: string, reply: Reply): void {
    this.tokens += reply.usage.input + reply.usage.output;
    this.usage[model] = addReplyTo(this.usage[model], reply);
    this.#within?.addReply(model, reply);
  }

  /** A refusal by the gate, which counts for each run around this one. */
  addDenial(denial: Denial): void {
    this.denied.push(denial);
    this.#within?.addDenial(denial);
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

function addReplyTo(sum: ModelUsage | undefined, reply: Reply): ModelUsage {
  const before: ModelUsage = sum ?? { ...noModelUsage };
  const requests = before.requests + 1;
  const usage: Usage = addUsage(before, reply.usage);
  const mean = (old: number, value: number) => Math.round(((old * before.requests + value) / requests) * 10) / 10;
  const seconds = Math.max(reply.durationMs - reply.firstTokenMs, 1) / 1000;
  return {
    ...usage,
    requests,
    first_token_ms: mean(before.first_token_ms, reply.firstTokenMs),
    tokens_per_second: mean(before.tokens_per_second, reply.usage.output / seconds),
  };
}

const noModelUsage: ModelUsage = {
  requests: 0,
  input: 0,
  output: 0,
  cached: 0,
  reasoning: 0,
  first_token_ms: 0,
  tokens_per_second: 0,
};
