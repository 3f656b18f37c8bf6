import { clock } from "../app.ts";
import { prepareRun } from "./prepare.ts";
import { eventVersion, type Emit, type Observe, type Stamped } from "../core/event.ts";
import { exitCode, type Interruption } from "../core/exit.ts";
import type { McpContent } from "../core/mcp.ts";
import type { InputValues, Plan } from "../core/plan.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import type { RunResult } from "../core/result-document.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { NewRun, Store } from "../core/store.ts";
import type { Talk, TalkFile, Undone, UndoneFile } from "../core/talk.ts";
import { Context } from "../loop/context.ts";
import { Conversation } from "../loop/conversation.ts";
import { withoutUndone } from "../loop/history.ts";
import { Tally } from "../loop/tally.ts";
import { modelLabel, modelsOf } from "../models/choose.ts";
import { describe } from "../permit/describe.ts";
import { contextOf } from "./context.ts";
import { historyOf, journalPath, leaveStore, makeEmit, recallFrom, type OpenJournal } from "./journal.ts";
import { chosenModels } from "./model.ts";
import type { PreparedRun, RunRequest, Turn } from "./request.ts";
import { exportSession, forkSession, resolveName } from "./sessions.ts";
import { earlierFiles, merged, turnsOf, type FileChange, type Told } from "./take-back.ts";

/**
 * What a conversation is made from. `asked`: the session was named by a person, so that it must be kept; `ephemeral`: nothing is kept.
 */
export type TalkRequest = Omit<RunRequest, "session" | "streamed" | "dryRun" | "lasting"> & {
  session: { name: string; asked: boolean; ephemeral?: boolean };
  /** The values of the agent's inputs. */
  input: InputValues;
};

/** Prepares an agent once, for as many turns as a person wants. Nothing is journaled before the first one. */
export async function openTalk(request: TalkRequest): Promise<Result<Talk, Problem>> {
  const { session, input: _input, ...rest } = request;
  const prepared = await prepareRun({ ...rest, session: session.name, streamed: true, dryRun: false, lasting: true });
  if (!prepared.ok) return prepared;
  const talk = new Talking(request, prepared.value);
  // A name that is taken by nobody, or a place that cannot be written, is told before the first turn.
  const begun = await talk.begin();
  if (begun.ok) return ok(talk);
  await talk.close();
  return begun;
}

class Talking implements Talk {
  readonly agent: string;
  readonly agents: Talk["agents"];
  readonly permissions: Talk["permissions"];
  readonly #request: TalkRequest;
  readonly #prepared: PreparedRun;
  readonly #files: ReturnType<typeof earlierFiles>;
  #session: TalkRequest["session"];
  #model: string | undefined;
  #store: Store | undefined;
  #warning: string | undefined;
  /** What the model is told; undefined where the journal must be asked. */
  #history: Conversation | undefined;
  /** The newest run of the session that `#history` knows of. */
  #last: string | null = null;

  constructor(request: TalkRequest, prepared: PreparedRun) {
    const { plan } = request;
    this.#request = request;
    this.#prepared = prepared;
    const { signal, parts } = prepared;
    const doors = () => parts.host.scoped(async () => undefined, signal);
    this.#files = earlierFiles(doors, (sha256) => this.#bytes(sha256), signal);
    this.#session = request.session;
    this.#model = modelNamed(request, request.model);
    this.agent = plan.name;
    this.agents = Object.entries(plan.agents).map(([name, agent]) => ({
      name,
      description: agent.plan.description ?? "",
    }));
    const { allowed, ungranted, denied } = describe(prepared.parts.policy);
    this.permissions = { allowed, ungranted, denied };
  }

  /** Opens the journal. Where it cannot be written, what was not asked to be kept is kept in memory. */
  async begin(): Promise<Result<void, Problem>> {
    const { openStore, memoryStore } = await import("../store/open.ts");
    if (this.#session.ephemeral) {
      this.#store = memoryStore();
      return ok(undefined);
    }
    const place = journalPath(this.#request.environment);
    const opened =
      place === undefined ? fail("failed", "neither XDG_STATE_HOME nor HOME is set") : await openStore(place);
    if (opened.ok) this.#store = opened.value;
    else if (this.#session.asked) {
      return problemOf("usage", `Cannot keep the session '${this.#session.name}': ${opened.error.message}`);
    } else {
      this.#store = memoryStore();
      this.#warning = `This conversation is not journaled: ${opened.error.message}`;
    }
    return ok(undefined);
  }

  session = () => this.#session.name;
  model = () => this.#model;

  async turn(
    prompt: string,
    files: readonly TalkFile[],
    observe: (event: Stamped) => void,
    signal: AbortSignal,
  ): Promise<Result<RunResult, Problem>> {
    const { plan, input } = this.#request;
    const limit = new AbortController();
    const settled = new AbortController();
    void clock.sleep(plan.limits.time, settled.signal).then(() => {
      if (!settled.signal.aborted) limit.abort("timeout" satisfies Interruption);
    });
    const id = clock.id();
    const before = await this.#known();
    if (!before.ok) return problemOf("usage", before.error.message);
    const turn: Turn = {
      id,
      signal: AbortSignal.any([signal, limit.signal, this.#prepared.signal]),
      session: this.#session.name,
      open: (run) => this.#open(run),
      first: before.value.messages.length === 0,
    };
    try {
      const made = await this.#prepared.start({ input, prompt, files }, breathing(observe, signal), turn);
      // What stays of an answer that did not come to its end is what the journal says.
      if (!made.ok || (made.value.outcome !== "done" && made.value.outcome !== "denied")) this.#history = undefined;
      return made;
    } finally {
      settled.abort();
    }
  }

  async useModel(name: string): Promise<Result<void, Problem>> {
    const used = await this.#prepared.useModel(name);
    if (used.ok) this.#model = modelNamed(this.#request, name);
    return used;
  }

  async tools(signal: AbortSignal): ReturnType<Talk["tools"]> {
    const tools = await this.#prepared.parts.tools(this.#request.input, signal);
    if (!tools.ok) return tools;
    const now = (await this.#prepared.parts.servers?.present()) ?? tools.value;
    return ok(now.map(({ name, description }) => ({ name, description })));
  }

  servers(): ReturnType<Talk["servers"]> {
    return this.#prepared.parts.servers?.door().status() ?? [];
  }

  async prompts(signal: AbortSignal): ReturnType<Talk["prompts"]> {
    const { servers } = this.#prepared.parts;
    const ready = this.servers().filter(({ state }) => state === "ready");
    const all = await Promise.all(ready.map(({ name }) => servers?.door().prompts(name, signal)));
    return all.flatMap((prompts) => (prompts?.ok ? prompts.value : []));
  }

  async prompt(
    server: string,
    name: string,
    values: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Result<string>> {
    const made = await this.#prepared.parts.servers?.door().prompt(server, name, values, signal);
    if (made === undefined) return fail("not_found", `There is no MCP server '${server}'`);
    if (!made.ok) return made;
    const texts = made.value.map(({ content }) => textOf(content));
    return ok(texts.filter((text) => text !== "").join("\n\n"));
  }

  async size(signal: AbortSignal): ReturnType<Talk["size"]> {
    const ready = await this.#ready(signal);
    if (!ready.ok) return ready;
    const { context, model, conversation } = ready.value.made(async () => undefined);
    return ok({ ...(await context.size(model)), messages: conversation.messages.length });
  }

  changed(change: FileChange): ReturnType<Talk["changed"]> {
    return this.#files.changed(change);
  }

  async compact(signal: AbortSignal): ReturnType<Talk["compact"]> {
    const ready = await this.#ready(signal);
    if (!ready.ok) return ready;
    let told: Awaited<ReturnType<Talk["compact"]>> = ok(undefined);
    const amended = await this.#amend(async (emit) => {
      const { context, model, close } = ready.value.made(emit);
      const lighter = await context.lighten(model, 1);
      close();
      told = lighter.ok ? lighter : problemOf("usage", lighter.error);
    });
    return amended.ok ? told : amended;
  }

  async clear(): ReturnType<Talk["clear"]> {
    const turns = await this.#turns();
    if (!turns.ok || turns.value.length === 0) return turns.ok ? ok(0) : turns;
    const undone = await this.#takeBack(turns.value.map(({ run }) => run));
    return undone.ok ? ok(turns.value.length) : undone;
  }

  async undoable(): Promise<Result<Undone | undefined, Problem>> {
    const turns = await this.#turns();
    if (!turns.ok) return turns;
    const last = turns.value.at(-1);
    if (last === undefined) return ok(undefined);
    const files: UndoneFile[] = [];
    for (const change of merged(last.changes)) files.push(await this.#files.look(change));
    return ok({ prompt: last.prompt, files });
  }

  async undo(files: boolean): ReturnType<Talk["undo"]> {
    const turns = await this.#turns();
    if (!turns.ok) return turns;
    const last = turns.value.at(-1);
    if (last === undefined) return ok(undefined);
    const failed: string[] = [];
    for (const change of files ? merged(last.changes) : []) {
      const restored = await this.#files.restore(change);
      if (!restored.ok) failed.push(restored.error.message);
    }
    const undone = await this.#takeBack([last.run]);
    return undone.ok ? ok({ prompt: last.prompt, failed }) : undone;
  }

  async events(): ReturnType<Talk["events"]> {
    const found = await this.#opened().session(this.#session.name);
    return found.ok ? ok([...withoutUndone(found.value ?? [])]) : problemOf("usage", found.error.message);
  }

  async sessions(): ReturnType<Talk["sessions"]> {
    const found = await this.#opened().sessions();
    return found.ok ? found : problemOf("usage", found.error.message);
  }

  async resume(typed: string): ReturnType<Talk["resume"]> {
    const meant = await resolveName(this.#opened(), typed);
    if (!meant.ok) return problemOf("usage", meant.error.message);
    const { kind, name } = meant.value;
    if (kind === "run") return problemOf("usage", `'${name}' is a run of no session`, "'rein resume' goes on with one");
    const before = this.#session;
    this.#session = { ...before, name, asked: true };
    this.#history = undefined;
    const turns = await this.#turns();
    if (!turns.ok) this.#session = before;
    return turns.ok ? ok({ name, turns: turns.value.length }) : turns;
  }

  async fork(to: string | undefined): ReturnType<Talk["fork"]> {
    const { name } = this.#session;
    const forked = await forkSession(this.#opened(), { kind: "session", name }, { to, id: clock.id });
    if (!forked.ok) return problemOf("usage", forked.error.message);
    this.#session = { ...this.#session, name: forked.value, asked: true };
    this.#history = undefined;
    return forked;
  }

  async exported(): ReturnType<Talk["exported"]> {
    const { name } = this.#session;
    const found = await exportSession(this.#opened(), { kind: "session", name });
    return found.ok ? ok({ ...found.value, name }) : problemOf("usage", found.error.message);
  }

  async close(): Promise<void> {
    await this.#prepared.close();
    if (this.#store !== undefined) await leaveStore(this.#store, clock.now());
  }

  #opened(): Store {
    if (this.#store === undefined) throw new Error("The conversation was not begun");
    return this.#store;
  }

  /** Begins a run of the session. What another process has added to it meanwhile is read. */
  async #open(run: NewRun): Promise<Result<OpenJournal>> {
    const store = this.#opened();
    const begun = await store.begin({ ...run, session: this.#session.name });
    if (!begun.ok) return begun;
    const journal = begun.value;
    if (journal.before !== this.#last) this.#history = undefined;
    const history = await this.#known();
    if (!history.ok) {
      await journal.close();
      return history;
    }
    this.#last = run.id;
    const warning = this.#warning === undefined ? {} : { warning: this.#warning };
    this.#warning = undefined;
    const recall = recallFrom(store, journal);
    return ok({ journal, history: history.value, recall, ...warning, close: () => journal.close() });
  }

  /** The conversation so far. */
  async #known(): Promise<Result<Conversation>> {
    if (this.#history !== undefined) return ok(this.#history);
    const store = this.#opened();
    const events = await store.session(this.#session.name);
    if (!events.ok) return events;
    const runs = (events.value ?? []).flatMap((event) =>
      event.type === "run_start" && event.agent_id === undefined ? [event.run_id] : [],
    );
    this.#last = runs.at(-1) ?? null;
    this.#history = await historyOf(events.value ?? [], store);
    return ok(this.#history);
  }

  /** What a request would be made of, when the model and the tools are there. */
  async #ready(signal: AbortSignal) {
    const { input, plan } = this.#request;
    const { parts } = this.#prepared;
    const [tools, instructions, model, known] = [
      await parts.tools(input, signal),
      parts.instructions(input),
      await parts.model(),
      await this.#known(),
    ];
    if (!tools.ok) return tools;
    if (!instructions.ok) return instructions;
    if (model === undefined) throw new Error("A conversation has a model");
    if (!known.ok) return problemOf("usage", known.error.message);
    const conversation = known.value;
    return ok({
      made: (emit: Emit) => {
        const acting = { plan, model, host: parts.host, signal, emit };
        const kept = contextOf(acting, { request: this.#request, clock });
        const request = {
          instructions: instructions.value,
          messages: conversation.messages,
          tools: tools.value.map(({ name, description, input: schema }) => ({ name, description, input: schema })),
        };
        const tally = new Tally(plan.limits);
        const context = new Context({ ...kept.options, conversation, request, tally, emit, clock, signal });
        return { context, model, conversation, close: kept.close };
      },
    });
  }

  /** Journals what a person does to the conversation: a run of the session in which no model answers. */
  async #amend(act: (emit: Emit) => Promise<void>): Promise<Result<void, Problem>> {
    const { plan } = this.#request;
    const id = clock.id();
    const model = this.#model ?? "none";
    const opened = await this.#open({ id, agent: plan.name, model, time: clock.now() });
    if (!opened.ok) return problemOf("usage", opened.error.message);
    const emit = makeEmit(opened.value.journal, clock, () => undefined, false);
    const session = this.#session.name;
    const start = { version: eventVersion, run_id: id, agent: plan.name, hash: plan.hash, model, session };
    try {
      await emit({ type: "run_start", ...start, instructions: "" });
      await act(emit);
      await emit({ type: "run_end", result: { ...nothing, run_id: id } }, "flush");
    } finally {
      await opened.value.close();
    }
    return ok(undefined);
  }

  async #takeBack(runs: string[]): Promise<Result<void, Problem>> {
    const amended = await this.#amend((emit) => emit({ type: "undo", runs }));
    this.#history = undefined;
    return amended;
  }

  async #turns(): Promise<Result<Told[], Problem>> {
    const events = await this.events();
    return events.ok ? ok(turnsOf(events.value)) : events;
  }

  async #bytes(sha256: string): Promise<Uint8Array | undefined> {
    const found = await this.#opened().attachment(sha256);
    return found.ok ? found.value : undefined;
  }
}

/** A model that never pauses leaves the event loop to keys and signals so often, in ms. */
const breathMs = 16;

function breathing(observe: (event: Stamped) => void, signal: AbortSignal): Observe {
  let last = clock.now();
  return (event) => {
    observe(event);
    if (clock.now() - last < breathMs) return undefined;
    return clock.sleep(0, signal).then(() => void (last = clock.now()));
  };
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

/** The name of the model, where it does not depend on what is asked. */
function modelNamed({ plan, environment }: { plan: Plan; environment: RunRequest["environment"] }, flag?: string) {
  const chosen = chosenModels(plan, flag, environment);
  const first = chosen.ok && Array.isArray(chosen.value) ? modelsOf(chosen.value)[0] : undefined;
  return first && modelLabel(first.spec);
}

function textOf(content: McpContent): string {
  return content.kind === "text" || content.kind === "resource" ? content.text : "";
}
