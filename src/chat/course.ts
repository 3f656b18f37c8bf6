import type { Stamped } from "../core/event.ts";
import { exitCode } from "../core/exit.ts";
import { interrupted } from "../core/problem.ts";
import { Conduct, type RunTurn } from "./conduct.ts";
import type { Desk, Outside } from "./desk.ts";
import { turnView, type TurnView } from "./turn-view.ts";

export type ChatClock = { now(): number; sleep(ms: number, signal: AbortSignal): Promise<void> };

/** Something under way: a turn, which has a view, or a command. `stop` is aborted with an Interruption. */
export type Work = { stop: AbortController; label: string; started: number; view?: TurnView };

/** What a chat is on, as its course needs it. */
export type Front = Omit<Desk, "question"> & {
  /** Something is under way until `done` is aborted. */
  busy(done: AbortSignal): void;
  /** Shows what was entered, before what comes of it. */
  said(text: string): Promise<void>;
  /** Shows what a turn says as it comes. */
  show(text: string): void | Promise<unknown>;
  /** Nothing is under way: what is entered is done at once. */
  free(): Promise<void>;
  /** The line that is typed after a question; undefined where there is none before the signal is aborted. One at a time. */
  pose(question: string, signal: AbortSignal): Promise<string | undefined>;
};

/** How long an end waits for what is under way, so that the journal has its end, too. */
const lastMs = 2000;

/** How a chat goes: what waits, what is under way, what is asked, and how it ends. */
export class Course {
  /** What was entered and is not done yet. */
  readonly waiting: string[] = [];
  readonly desk: Desk;
  work: Work | undefined;
  conduct: Conduct | undefined;
  /** It ends once nothing is under way, and nothing waits. */
  leaving = false;
  /** It ends: nothing is begun any more. */
  ending = false;
  readonly #front: Front;
  readonly #clock: ChatClock;
  readonly #ended = Promise.withResolvers<number>();
  readonly #over = new AbortController();
  #doing: Promise<void> | undefined;
  #asked: Promise<unknown> = Promise.resolve();

  constructor(front: Front, clock: ChatClock) {
    this.#front = front;
    this.#clock = clock;
    this.desk = { ...front, question: (text, signal) => this.ask(text, signal) };
  }

  /** Ends with the signal, whose reason is an Interruption. */
  endOn(signal: AbortSignal): void {
    const leave = () => this.end(exitCode(interrupted(signal).error.outcome));
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave, { once: true });
  }

  /** Does something that takes a while, with a line that says what. */
  async during<T>(label: string, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const work: Work = { stop: new AbortController(), label, started: this.#clock.now() };
    this.work = work;
    const done = new AbortController();
    this.#front.busy(done.signal);
    try {
      return await act(work.stop.signal);
    } finally {
      this.work = undefined;
      done.abort();
    }
  }

  /** Talks until the person has enough: the exit code. */
  async talk(outside: Outside): Promise<number> {
    this.conduct = new Conduct(this.desk, outside, (run) => this.#turn(run));
    await this.conduct.greet();
    this.#begin();
    const code = await this.#ended.promise;
    const settled = new AbortController();
    await Promise.race([this.#doing, this.#clock.sleep(lastMs, settled.signal)]);
    settled.abort();
    return code;
  }

  /** Takes what was entered: it is done when all before it is. */
  enter(text: string): void {
    this.waiting.push(text);
    this.#begin();
  }

  /** Puts a question to the person. Questions never overlap. */
  ask(text: string, signal: AbortSignal): Promise<string | undefined> {
    const until = AbortSignal.any([signal, this.#over.signal]);
    const mine = this.#asked.then(() => (until.aborted ? undefined : this.#front.pose(text, until)));
    this.#asked = mine;
    return mine;
  }

  /** Ends the turn, or the command, that is under way. */
  interrupt(): void {
    this.work?.stop.abort("interrupt");
  }

  end(code: number): void {
    this.ending = true;
    this.work?.stop.abort(code === 0 ? "terminated" : "interrupt");
    this.#over.abort();
    this.#ended.resolve(code);
  }

  /** Does what was entered, one after another. */
  #begin(): void {
    const conduct = this.conduct;
    if (conduct === undefined || this.#doing !== undefined) return;
    this.#doing = this.#doAll(conduct)
      .catch((error: unknown) => this.#ended.reject(error))
      .finally(() => {
        this.#doing = undefined;
        if (this.waiting.length > 0 && !this.ending) this.#begin();
      });
  }

  async #doAll(conduct: Conduct): Promise<void> {
    for (let text = this.#next(); text !== undefined; text = this.#next()) {
      const entered = text;
      const came = await this.during("working", async (signal) => {
        await this.#front.said(entered);
        return conduct.enter(entered, signal);
      });
      if (came.ends) return this.end(came.code);
    }
    if (this.leaving) this.end(0);
    else if (!this.ending) await this.#front.free();
  }

  #next(): string | undefined {
    return this.ending ? undefined : this.waiting.shift();
  }

  async #turn(run: Parameters<RunTurn>[0]): Promise<void> {
    const { work, conduct } = this;
    if (work === undefined || conduct === undefined) return;
    const view = turnView(this.desk, this.#clock.now(), (call) => conduct.number(call));
    work.view = view;
    let last: Promise<unknown> = Promise.resolve();
    const observe = (event: Stamped) => {
      last = last.then(async () => this.#front.show(await view.event(event)));
    };
    try {
      await run(observe, work.stop.signal);
    } finally {
      await last;
      const rest = view.end();
      delete work.view;
      await this.desk.print(rest);
    }
  }
}
