import { clock } from "../app.ts";
import type { Emit, Observe, Stamped } from "../core/event.ts";
import type { Interruption } from "../core/exit.ts";
import type { McpContent } from "../core/mcp.ts";
import type { InputValues, Plan } from "../core/plan.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import type { RunResult } from "../core/result-document.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Talk, TalkFile, Undone, UndoneFile } from "../core/talk.ts";
import { Context } from "../loop/context.ts";
import { Tally } from "../loop/tally.ts";
import { modelLabel, modelsOf } from "../models/choose.ts";
import { describe } from "../permit/describe.ts";
import { contextOf } from "./context.ts";
import { chosenModels } from "./model.ts";
import { prepareRun } from "./prepare.ts";
import type { PreparedRun, RunRequest, Turn } from "./request.ts";
import { earlierFiles, merged, type FileChange } from "./take-back.ts";
import { openThread, type SessionWish, type Thread } from "./thread.ts";

/** What a conversation is made from. */
export type TalkRequest = Omit<RunRequest, "session" | "streamed" | "dryRun" | "lasting"> & {
  session: SessionWish;
  /** The values of the agent's inputs. */
  input: InputValues;
};

/** Prepares an agent once, for as many turns as a person wants. Nothing is journaled before the first one. */
export async function openTalk(request: TalkRequest): Promise<Result<Talk, Problem>> {
  const { session, input: _input, ...rest } = request;
  const prepared = await prepareRun({ ...rest, session: session.name, streamed: true, dryRun: false, lasting: true });
  if (!prepared.ok) return prepared;
  // A name that is taken by nobody, or a place that cannot be written, is told before the first turn.
  const thread = await openThread(session, request.plan, request.environment);
  if (thread.ok) return ok(new Talking(request, prepared.value, thread.value));
  await prepared.value.close();
  return thread;
}

class Talking implements Talk {
  readonly agent: string;
  readonly agents: Talk["agents"];
  readonly permissions: Talk["permissions"];
  readonly #request: TalkRequest;
  readonly #prepared: PreparedRun;
  readonly #files: ReturnType<typeof earlierFiles>;
  readonly #thread: Thread;
  #model: string | undefined;

  constructor(request: TalkRequest, prepared: PreparedRun, thread: Thread) {
    const { plan } = request;
    this.#request = request;
    this.#prepared = prepared;
    this.#thread = thread;
    const { signal, parts } = prepared;
    const doors = () => parts.host.scoped(async () => undefined, signal);
    this.#files = earlierFiles(doors, (sha256) => thread.bytes(sha256), signal);
    this.#model = modelNamed(request, request.model);
    this.agent = plan.name;
    this.agents = Object.entries(plan.agents).map(([name, agent]) => ({
      name,
      description: agent.plan.description ?? "",
    }));
    const { allowed, ungranted, denied } = describe(prepared.parts.policy);
    this.permissions = { allowed, ungranted, denied };
  }

  session = () => this.#thread.name;
  model = () => this.#model;

  async turn(
    prompt: string,
    files: readonly TalkFile[],
    observe: (event: Stamped) => void,
    signal: AbortSignal,
  ): Promise<Result<RunResult, Problem>> {
    const { plan, input } = this.#request;
    const before = await this.#thread.known();
    if (!before.ok) return problemOf("usage", before.error.message);
    const limit = new AbortController();
    const settled = new AbortController();
    void clock.sleep(plan.limits.time, settled.signal).then(() => {
      if (!settled.signal.aborted) limit.abort("timeout" satisfies Interruption);
    });
    const turn: Turn = {
      id: clock.id(),
      signal: AbortSignal.any([signal, limit.signal, this.#prepared.signal]),
      session: this.#thread.name,
      open: (run) => this.#thread.open(run),
      first: before.value.messages.length === 0,
    };
    try {
      const made = await this.#prepared.start({ input, prompt, files }, breathing(observe, signal), turn);
      // What stays of an answer that did not come to its end is what the journal says.
      if (!made.ok || (made.value.outcome !== "done" && made.value.outcome !== "denied")) this.#thread.forget();
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
    const amended = await this.#thread.amend(this.#model ?? "none", async (emit) => {
      const { context, model, close } = ready.value.made(emit);
      const lighter = await context.lighten(model, 1);
      close();
      told = lighter.ok ? lighter : problemOf("usage", lighter.error);
    });
    return amended.ok ? told : amended;
  }

  async clear(): ReturnType<Talk["clear"]> {
    const turns = await this.#thread.turns();
    if (!turns.ok || turns.value.length === 0) return turns.ok ? ok(0) : turns;
    const undone = await this.#thread.takeBack(
      this.#model ?? "none",
      turns.value.map(({ run }) => run),
    );
    return undone.ok ? ok(turns.value.length) : undone;
  }

  async undoable(): Promise<Result<Undone | undefined, Problem>> {
    const turns = await this.#thread.turns();
    if (!turns.ok) return turns;
    const last = turns.value.at(-1);
    if (last === undefined) return ok(undefined);
    const files: UndoneFile[] = [];
    for (const change of merged(last.changes)) files.push(await this.#files.look(change));
    return ok({ prompt: last.prompt, files });
  }

  async undo(files: boolean): ReturnType<Talk["undo"]> {
    const turns = await this.#thread.turns();
    if (!turns.ok) return turns;
    const last = turns.value.at(-1);
    if (last === undefined) return ok(undefined);
    const failed: string[] = [];
    for (const change of files ? merged(last.changes) : []) {
      const restored = await this.#files.restore(change);
      if (!restored.ok) failed.push(restored.error.message);
    }
    const undone = await this.#thread.takeBack(this.#model ?? "none", [last.run]);
    return undone.ok ? ok({ prompt: last.prompt, failed }) : undone;
  }

  events = (run?: string) => this.#thread.events(run);
  sessions = () => this.#thread.sessions();
  resume = (typed: string) => this.#thread.resume(typed);
  fork = (to: string | undefined) => this.#thread.fork(to);
  exported = () => this.#thread.exported();

  async close(): Promise<void> {
    await this.#prepared.close();
    await this.#thread.close();
  }

  /** What a request would be made of, when the model and the tools are there. */
  async #ready(signal: AbortSignal) {
    const { input, plan } = this.#request;
    const { parts } = this.#prepared;
    const [tools, instructions, model, known] = [
      await parts.tools(input, signal),
      parts.instructions(input),
      await parts.model(),
      await this.#thread.known(),
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

/** The name of the model, where it does not depend on what is asked. */
function modelNamed({ plan, environment }: { plan: Plan; environment: RunRequest["environment"] }, flag?: string) {
  const chosen = chosenModels(plan, flag, environment);
  const first = chosen.ok && Array.isArray(chosen.value) ? modelsOf(chosen.value)[0] : undefined;
  return first && modelLabel(first.spec);
}

function textOf(content: McpContent): string {
  return content.kind === "text" || content.kind === "resource" ? content.text : "";
}
