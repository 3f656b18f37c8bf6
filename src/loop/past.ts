import type { CompactEvent, DurableEvent, Emit, LimitName, Nested } from "../core/event.ts";
import type { Denial } from "../core/permission.ts";
import type { RunResult } from "../core/result-document.ts";
import type { Step, StepEnds } from "../core/step.ts";

/** An event of an agent's journal, or of one that it has spawned. */
export type PastEvent = DurableEvent & Nested;

type Of<T extends DurableEvent["type"]> = Extract<DurableEvent, { type: T }>;
type Recorded<E> = { at: number; event: E };
/** What an agent did before its run goes on, and what it was shown: bytes that the journal keeps, as base64. */
export type PastRun = { events: readonly PastEvent[]; data(sha256: string): string | undefined };

/** That of a run which begins. */
export const noPast: PastRun = { events: [], data: () => undefined };

type Queues = { [T in keyof StepEnds]: Map<string, Array<Recorded<StepEnds[T]>>> };

/** A call that was begun: as it ran, and what the gate refused on the way. `ended` is its end, where that is known. */
export type PastCall = { start: Of<"call_start">; denials: Denial[]; ended?: Of<"call_end"> };

/**
 * What an agent has done in a run that is gone on with. Everything between its steps follows from them, so that the loop takes the
 * same way again, and does what is missing.
 */
export class Past {
  readonly data: PastRun["data"];
  readonly #events: readonly PastEvent[];
  readonly #emit: Emit;
  readonly #revive: () => Promise<void>;
  readonly #restore: (event: PastEvent) => void;
  readonly #ends: Queues = { turn_end: new Map(), call_end: new Map(), check: new Map() };
  readonly #calls = new Map<string, PastCall[]>();
  readonly #compacts = new Map<number, CompactEvent[]>();
  readonly #told = new Map<string, number>();
  readonly #limits = new Map<LimitName, number>();
  readonly #open: ReadonlySet<string>;
  /** The turns whose answers are whole, in order. */
  readonly #turns: number[] = [];
  #passed = 0;

  /**
   * `restore` is told of each event that is behind the run again, but for those of agents that go on themselves. `revive` is called before
   * the first answer or call that is not there yet.
   */
  constructor(
    { events, data }: PastRun,
    emit: Emit,
    restore: (event: PastEvent) => void,
    revive: () => Promise<void> = async () => undefined,
  ) {
    this.data = data;
    this.#emit = emit;
    let revived: Promise<void> | undefined;
    this.#revive = () => (revived ??= revive());
    this.#events = events;
    this.#restore = restore;
    this.#open = new Set(pastAgents(events).flatMap(({ id, result }) => (result === undefined ? [id] : [])));
    let turn = 0;
    let cut: Recorded<StepEnds["turn_end"]> | undefined;
    const answer = (end: Recorded<StepEnds["turn_end"]>) => {
      this.#turns.push(turn);
      push(this.#ends.turn_end, `${turn}`, end);
    };
    for (const [at, event] of events.entries()) {
      if (event.agent_id !== undefined) continue;
      switch (event.type) {
        case "turn_end":
          turn = event.turn;
          cut = isWhole(event) ? undefined : { at, event };
          if (cut === undefined) answer({ at, event });
          break;
        case "call_start": {
          // One that was begun anew has not ended yet.
          const key = callKey(event.turn, event.call.id);
          const others = (this.#calls.get(key) ?? []).filter(({ ended }) => ended !== undefined);
          this.#calls.set(key, [...others, { start: event, denials: [] }]);
          break;
        }
        case "decision": {
          const about = this.#calls.get(callKey(turn, event.call ?? ""))?.at(-1);
          const denial = event.call === undefined ? undefined : denialOf(event);
          if (denial !== undefined) about?.denials.push(denial);
          break;
        }
        case "call_end": {
          const key = callKey(event.turn, event.id);
          const call = this.#calls.get(key)?.at(-1);
          if (call === undefined || (event.interrupted === true && canRepeat(call))) break;
          call.ended = event;
          push(this.#ends.call_end, key, { at, event });
          break;
        }
        case "check":
          push(this.#ends.check, checkKey(turn, event.run), { at, event });
          break;
        case "compact":
          push(this.#compacts, event.turn, event);
          break;
        case "limit":
          this.#limits.set(event.limit, (this.#limits.get(event.limit) ?? 0) + 1);
          break;
        case "user":
        case "escalate":
          // A stronger model went on after an answer that was cut, so that nobody is asked for it again.
          if (event.type === "escalate" && cut !== undefined) answer(cut);
          this.#told.set(event.type, (this.#told.get(event.type) ?? 0) + 1);
          break;
      }
    }
  }

  /** Whether there is any. */
  get begun(): boolean {
    return this.#events.length > 0;
  }

  /** How many turns and calls need not be done again. */
  get done(): { turns: number; calls: number } {
    const calls = [...this.#ends.call_end.values()].reduce((sum, ends) => sum + ends.length, 0);
    return { turns: this.#turns.length, calls };
  }

  /** The number of the next turn whose answer the journal has. */
  nextTurn(): number | undefined {
    return this.#turns[0];
  }

  /** What was taken out of the conversation before a turn, or in it. */
  takeCompacts(turn: number): CompactEvent[] {
    const found = this.#compacts.get(turn) ?? [];
    this.#compacts.delete(turn);
    return found;
  }

  /** The call of a turn that comes next with that id, where it was begun and is not to be done again. */
  takeCall(turn: number, id: string): PastCall | undefined {
    const calls = this.#calls.get(callKey(turn, id)) ?? [];
    const call = calls.shift();
    return call === undefined || (call.ended === undefined && canRepeat(call)) ? undefined : call;
  }

  /** Tells an event that the run makes by itself, unless the journal has it. */
  async once(type: "user" | "escalate", tell: () => Promise<void>): Promise<void> {
    const left = this.#told.get(type) ?? 0;
    if (left === 0) return tell();
    this.#told.set(type, left - 1);
  }

  /** Whether the run had ended by that limit then. */
  takeLimit(limit: LimitName): boolean {
    const left = this.#limits.get(limit) ?? 0;
    this.#limits.set(limit, left - 1);
    return left > 0;
  }

  readonly step: Step = async (type, key, make, durability) => {
    const found = this.#ends[type].get(key)?.shift();
    if (found !== undefined) {
      if (type === "turn_end") this.#turns.shift();
      this.#passTo(found.at + 1);
      return found.event;
    }
    this.#passTo(this.#events.length);
    if (type !== "check") await this.#revive();
    const made = await make();
    if (made !== undefined) await this.#emit(made, durability);
    return made;
  };

  #passTo(end: number): void {
    for (; this.#passed < end; this.#passed++) {
      const event = this.#events[this.#passed];
      const [agent] = event?.agent_id?.split(".") ?? [];
      if (event !== undefined && (agent === undefined || !this.#open.has(agent))) this.#restore(event);
    }
  }
}

/** An agent that was spawned in a run that is gone on with. */
export type PastAgent = {
  id: string;
  /** Its name, and the call that spawned it. */
  agent: string;
  call: string | undefined;
  /** Whether that call has ended. */
  told: boolean;
  /** Its own events, and those of agents within it. */
  events: PastEvent[];
  /** How it ended by itself; undefined where it goes on. */
  result: RunResult | undefined;
};

/** The agents that an agent has spawned, in their order. */
export function pastAgents(events: readonly PastEvent[]): PastAgent[] {
  const agents = new Map<string, PastAgent>();
  for (const event of events) {
    if (event.agent_id === undefined) {
      if (event.type !== "call_end" || event.interrupted === true) continue;
      for (const agent of agents.values()) agent.told ||= agent.call === event.id;
      continue;
    }
    const [id = "", ...inner] = event.agent_id.split(".");
    let agent = agents.get(id);
    if (agent === undefined) {
      agent = { id, agent: "", call: undefined, told: false, events: [], result: undefined };
      agents.set(id, agent);
    }
    const { agent_id: _outer, ...rest } = event;
    agent.events.push(inner.length === 0 ? rest : { ...rest, agent_id: inner.join(".") });
    if (inner.length > 0) continue;
    if (event.type === "run_start") {
      agent.agent = event.agent;
      agent.call = event.call;
    }
    agent.result = event.type === "run_end" && event.interrupted !== true ? event.result : undefined;
  }
  return [...agents.values()];
}

/** What was cut is no answer. */
export function isWhole({ stop }: Of<"turn_end">): boolean {
  return stop !== "length";
}

/** What was cut, refused or left empty is no answer: where a stronger model goes on it is asked the same, and no request holds it. */
export function saysNothing({ stop, message }: Of<"turn_end">): boolean {
  return stop === "length" || stop === "refusal" || (message.calls.length === 0 && message.text.trim() === "");
}

/** The key of a check's step: the answer that is judged is that of the turn. */
export function checkKey(turn: number, run: readonly string[]): string {
  return JSON.stringify([turn, ...run]);
}

export function callKey(turn: number, id: string): string {
  return `${turn} ${id}`;
}

/** What has no effects is done again where its end is not known. */
function canRepeat({ start: { effects } }: PastCall): boolean {
  return effects === "none" || effects === "read";
}

function denialOf({ verdict, kind, target, reason = "", flag }: Of<"decision">): Denial | undefined {
  if (verdict === "allow") return undefined;
  return { kind, target, reason, ...(flag === undefined ? {} : { flag }) };
}

function push<K, V>(queues: Map<K, V[]>, key: K, value: V): void {
  const queue = queues.get(key);
  if (queue === undefined) queues.set(key, [value]);
  else queue.push(value);
}
