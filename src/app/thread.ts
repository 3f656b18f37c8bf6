import { clock } from "../app.ts";
import { eventVersion, type Emit } from "../core/event.ts";
import { exitCode } from "../core/exit.ts";
import type { Plan } from "../core/plan.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import type { RunResult } from "../core/result-document.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { NewRun, SessionSummary, Store } from "../core/store.ts";
import type { Talk } from "../core/talk.ts";
import { Conversation } from "../loop/conversation.ts";
import { withoutUndone } from "../loop/history.ts";
import { historyOf, journalPath, leaveStore, makeEmit, recallFrom, type OpenJournal } from "./journal.ts";
import { exportSession, forkSession, resolveName } from "./sessions.ts";
import type { RunRequest } from "./request.ts";
import { turnsOf, type Told } from "./take-back.ts";

/** The session of a conversation. `asked`: a person named it, so that it must be kept; `ephemeral`: nothing is kept. */
export type SessionWish = { name: string; asked: boolean; ephemeral?: boolean };

/** Opens the journal. Where it cannot be written, what was not asked to be kept is kept in memory. */
export async function openThread(
  session: SessionWish,
  plan: Plan,
  environment: RunRequest["environment"],
): Promise<Result<Thread, Problem>> {
  const { openStore, memoryStore } = await import("../store/open.ts");
  if (session.ephemeral) return ok(new Thread(memoryStore(), session.name, plan));
  const place = journalPath(environment);
  const opened =
    place === undefined ? fail("failed", "neither XDG_STATE_HOME nor HOME is set") : await openStore(place);
  if (opened.ok) return ok(new Thread(opened.value, session.name, plan));
  const why = opened.error.message;
  if (session.asked) return problemOf("usage", `Cannot keep the session '${session.name}': ${why}`);
  return ok(new Thread(memoryStore(), session.name, plan, `This conversation is not journaled: ${why}`));
}

/** A conversation as the journal has it. Each of its turns is a run of its session. */
export class Thread {
  /** Of its session. */
  name: string;
  readonly #store: Store;
  readonly #plan: Plan;
  /** Told with the first run. */
  #warning: string | undefined;
  /** What the model is told; undefined where the journal must be asked. */
  #history: Conversation | undefined;
  /** The newest run of the session that `#history` knows of. */
  #last: string | null = null;

  constructor(store: Store, name: string, plan: Plan, warning?: string) {
    this.#store = store;
    this.name = name;
    this.#plan = plan;
    this.#warning = warning;
  }

  /** Begins a run of the session. What another process has added to it meanwhile is read. */
  async open(run: NewRun): Promise<Result<OpenJournal>> {
    const begun = await this.#store.begin({ ...run, session: this.name });
    if (!begun.ok) return begun;
    const journal = begun.value;
    if (journal.before !== this.#last) this.forget();
    const history = await this.known();
    if (!history.ok) {
      await journal.close();
      return history;
    }
    this.#last = run.id;
    const warning = this.#warning === undefined ? {} : { warning: this.#warning };
    this.#warning = undefined;
    const recall = recallFrom(this.#store, journal);
    return ok({ journal, history: history.value, recall, ...warning, close: () => journal.close() });
  }

  /** What was said so far, as the model is told it. */
  async known(): Promise<Result<Conversation>> {
    if (this.#history !== undefined) return ok(this.#history);
    const events = await this.#store.session(this.name);
    if (!events.ok) return events;
    const runs = (events.value ?? []).flatMap((event) =>
      event.type === "run_start" && event.agent_id === undefined ? [event.run_id] : [],
    );
    this.#last = runs.at(-1) ?? null;
    this.#history = await historyOf(events.value ?? [], this.#store);
    return ok(this.#history);
  }

  /** What is said next is read from the journal first. */
  forget(): void {
    this.#history = undefined;
  }

  async events(run?: string): ReturnType<Talk["events"]> {
    const found = await this.#store.session(run ?? this.name);
    return found.ok ? ok([...withoutUndone(found.value ?? [])]) : problemOf("usage", found.error.message);
  }

  async turns(): Promise<Result<Told[], Problem>> {
    const events = await this.events();
    return events.ok ? ok(turnsOf(events.value)) : events;
  }

  /** Journals what a person does to the conversation: a run of the session in which no model answers. */
  async amend(model: string, act: (emit: Emit) => Promise<void>): Promise<Result<void, Problem>> {
    const { name: agent, hash } = this.#plan;
    const id = clock.id();
    const opened = await this.open({ id, agent, model, time: clock.now() });
    if (!opened.ok) return problemOf("usage", opened.error.message);
    const emit = makeEmit(opened.value.journal, clock, () => undefined, false);
    const start = { version: eventVersion, run_id: id, agent, hash, model, session: this.name };
    try {
      await emit({ type: "run_start", ...start, instructions: "" });
      await act(emit);
      await emit({ type: "run_end", result: { ...nothing, run_id: id } }, "flush");
    } finally {
      await opened.value.close();
    }
    return ok(undefined);
  }

  /** Takes runs back: they are part of no request any more. */
  async takeBack(model: string, runs: string[]): Promise<Result<void, Problem>> {
    const amended = await this.amend(model, (emit) => emit({ type: "undo", runs }));
    this.forget();
    return amended;
  }

  /** Goes on with another session. */
  async resume(typed: string): ReturnType<Talk["resume"]> {
    const meant = await resolveName(this.#store, typed);
    if (!meant.ok) return problemOf("usage", meant.error.message);
    const { kind, name } = meant.value;
    if (kind === "run") return problemOf("usage", `'${name}' is a run of no session`, "'rein resume' goes on with one");
    const before = this.name;
    this.name = name;
    this.forget();
    const turns = await this.turns();
    if (!turns.ok) this.name = before;
    return turns.ok ? ok({ name, turns: turns.value.length }) : turns;
  }

  /** Goes on in a copy of the session. */
  async fork(to: string | undefined): ReturnType<Talk["fork"]> {
    const forked = await forkSession(this.#store, { kind: "session", name: this.name }, { to, id: clock.id });
    if (!forked.ok) return problemOf("usage", forked.error.message);
    this.name = forked.value;
    this.forget();
    return forked;
  }

  async sessions(): Promise<Result<SessionSummary[], Problem>> {
    const found = await this.#store.sessions();
    return found.ok ? found : problemOf("usage", found.error.message);
  }

  async exported(): ReturnType<Talk["exported"]> {
    const { name } = this;
    const found = await exportSession(this.#store, { kind: "session", name });
    return found.ok ? ok({ ...found.value, name }) : problemOf("usage", found.error.message);
  }

  /** What the journal keeps beside the events. */
  async bytes(sha256: string): Promise<Uint8Array | undefined> {
    const found = await this.#store.attachment(sha256);
    return found.ok ? found.value : undefined;
  }

  async close(): Promise<void> {
    await leaveStore(this.#store, clock.now());
  }
}

const nothing: Omit<RunResult, "run_id"> = {
  outcome: "done",
  exit_code: exitCode("done"),
  answer: null,
  error: null,
  model: null,
  usage: {},
  cost: null,
  denied: [],
};
