import type { ModelEvent, ModelFailure, ModelOptions, ModelRequest, Model } from "../core/model.ts";
import { ok, type Result } from "../core/result.ts";
import {
  checkConstraint,
  inspectGguf,
  loadModel,
  type GenerateEvent,
  type Constraint,
  type GgufInfo,
  type LoadOptions,
  type LocalModel,
  type LocalSession,
  type LocalStop,
} from "../native/local.ts";
import type { Bounds } from "./bounded-schema.ts";
import { callIds } from "./call-ids.ts";
import { CallReader } from "./call-reader.ts";
import { cancelled } from "./failure.ts";
import { answers, localChat, toolStyle, withoutSystem, type ToolStyle } from "./local-chat.ts";
import { constraintFor } from "./local-grammar.ts";
import { problem, type ModelProblem } from "./problem.ts";

/** Fewer parameters than this: what it writes is kept short, and it may be shown calls instead of told of tools. */
const small = 1_000_000_000;

/** Fewer than this: the user is told not to expect much. */
const modest = 4_000_000_000;

const bounds: Record<"small" | "large", Bounds> = {
  small: { characters: 400, items: 20 },
  large: { characters: 32_000, items: 1000 },
};

/** The most tokens of an answer of a small model where nothing else is said: it may not find an end. */
const smallAnswer = 512;

export type LocalConfig = {
  /** `local/…`, as reported. */
  name: string;
  /** Of the GGUF file, absolute. */
  path: string;
  /** The adapter's path is absolute. */
  options: ModelOptions;
};

/** What runs a model. */
export type Engine = {
  inspect(path: string): Promise<Result<GgufInfo, string>>;
  check(constraint: Constraint, signal: AbortSignal): Promise<Result<void, string>>;
  load(path: string, options: LoadOptions): Promise<Result<Loaded, string>>;
};

export type Session = Pick<LocalSession, "generate" | "close">;

export type Loaded = Pick<LocalModel, "info" | "render" | "close"> & {
  open(signal: AbortSignal): Promise<Result<Session, string>>;
};

const native: Engine = { inspect: inspectGguf, check: checkConstraint, load: loadModel };

/**
 * A model in this process. Its file is looked at now, and loaded with the first request. One is loaded once, however many use it;
 * each conversation has a session of its own, which keeps what was computed.
 */
export async function makeLocal(config: LocalConfig, engine = native): Promise<Result<Model, ModelProblem>> {
  const { name, path, options } = config;
  const looked = await engine.inspect(path);
  if (!looked.ok) return problem("usage", `Cannot use model '${name}': ${looked.error}`);
  const info = looked.value;
  if (info.adapter) return problem("usage", `Cannot use model '${name}': it is an adapter`, "name it as 'adapter:'");
  const wrong = options.adapter === undefined ? undefined : await adapterProblem(options.adapter, info, engine);
  if (wrong !== undefined) return problem("usage", `Cannot use model '${name}': ${wrong}`);

  const user = new User(path, loadOptions(options), engine);
  let told = false;

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    try {
      const constraint = constrain(request, info);
      const keeps = constraint && (await engine.check(constraint, signal));
      if (keeps?.ok === false)
        return yield wrongRequest(`'${name}' cannot keep to the schema: ${grammarProblem(keeps.error)}`);
      const model = await user.model(signal);
      if (!model.ok) return yield wrongRequest(`Cannot load '${name}': ${model.error}`);
      if (!told) for (const message of warnings(name, model.value)) yield { type: "warning", message };
      told = true;
      const prompt = await promptFor(request, model.value, signal);
      if (!prompt.ok) return yield wrongRequest(`'${name}': ${prompt.error}`);
      const session = await user.session(model.value, signal);
      if (!session.ok) return yield wrongRequest(`Cannot use '${name}': ${session.error}`);
      try {
        const generated = session.value.generate(
          prompt.value,
          {
            seed: options.seed ?? 0,
            temperature: options.temperature ?? 0,
            maxTokens: options.max_tokens ?? (isSmall(info) ? smallAnswer : model.value.info.context),
            ...(options.stop === undefined ? {} : { stop: options.stop }),
            ...(constraint === undefined ? {} : { constraint }),
          },
          signal,
        );
        yield* answer(generated, request, name);
      } finally {
        user.giveBack(session.value);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      yield { type: "failure", failure: cancelled };
    }
  }

  const window = Math.min(options.context ?? info.trainedContext, info.trainedContext);
  return ok({ name, window, stream, close: () => user.close() });
}

function isSmall({ parameters }: GgufInfo): boolean {
  return parameters < small;
}

async function adapterProblem(path: string, base: GgufInfo, engine: Engine): Promise<string | undefined> {
  const looked = await engine.inspect(path);
  if (!looked.ok) return looked.error;
  const { adapter, architecture } = looked.value;
  if (!adapter) return `'${path}' is no adapter`;
  if (architecture === base.architecture) return undefined;
  return `the adapter '${path}' is for another base: ${architecture}, not ${base.architecture}`;
}

function loadOptions({ context, adapter, scale }: ModelOptions): LoadOptions {
  return {
    ...(context === undefined ? {} : { context }),
    ...(adapter === undefined ? {} : { adapter }),
    ...(scale === undefined ? {} : { scale }),
  };
}

function warnings(name: string, { info }: Loaded): string[] {
  const { parameters, bounded, context } = info;
  const told: string[] = [];
  const title = [info.name ?? info.architecture, info.quantisation].join(", ");
  const billions = (parameters / 1e9).toFixed(parameters < 1e9 ? 2 : 1);
  if (parameters < modest)
    told.push(`'${name}' is a small model (${title}, ${billions} billion parameters): expect it to be wrong often`);
  if (bounded !== undefined) told.push(`The context of '${name}' is ${context} tokens: ${bounded}`);
  return told;
}

function styleOf(info: GgufInfo): ToolStyle {
  return toolStyle(info.chatTemplate ?? "", isSmall(info));
}

function constrain(request: ModelRequest, info: GgufInfo): Constraint | undefined {
  const answering = styleOf(info) === "examples" ? answers(request) : "any";
  return constraintFor(request.tools, request.output, answering, isSmall(info) ? bounds.small : bounds.large);
}

/** What is wrong with a schema, without the grammar that was made of it. */
function grammarProblem(error: string): string {
  const [first = error] = error.split("\n");
  return /failed to compile JSON schema: (.*)/.exec(first)?.[1] ?? first;
}

/** The prompt by the model's own template. Some of them refuse instructions of their own. */
async function promptFor(request: ModelRequest, model: Loaded, signal: AbortSignal): Promise<Result<string, string>> {
  const pictures = request.messages.some((message) => message.role === "user" && message.attachments !== undefined);
  if (pictures) return { ok: false, error: "it takes text only" };
  const chat = localChat(request, styleOf(model.info));
  const rendered = await model.render(chat, signal);
  return rendered.ok ? rendered : model.render(withoutSystem(chat), signal);
}

async function* answer(
  generated: AsyncIterable<GenerateEvent>,
  request: ModelRequest,
  name: string,
): AsyncGenerator<ModelEvent> {
  const reader = request.tools.length > 0 ? new CallReader() : undefined;
  let input = { tokens: 0, cached: 0 };
  for await (const event of generated) {
    if (event.type === "prompt") input = event;
    else if (event.type === "text") {
      const text = reader === undefined ? event.text : reader.push(event.text);
      if (text !== "") yield { type: "text", text };
    } else if (event.type === "too_long") {
      const { tokens, context } = event;
      yield wrongRequest(`The prompt is too long for '${name}': ${tokens} tokens, and its context is ${context}`);
    } else {
      // A call that was cut is none.
      const { text, calls } = reader?.end() ?? { text: "", calls: [] };
      if (text !== "") yield { type: "text", text };
      const uniqueId = callIds(request.messages);
      for (const [index, call] of calls.entries()) yield { type: "tool_call", index, id: uniqueId("", index), ...call };
      yield {
        type: "usage",
        usage: { input: input.tokens, output: event.tokens, cached: input.cached, reasoning: 0 },
      };
      yield { type: "stop", reason: stopReason(event.stop, calls.length) };
    }
  }
}

function stopReason(stop: LocalStop, calls: number): "end" | "tool_calls" | "length" {
  if (stop === "length" || stop === "context") return "length";
  return calls > 0 ? "tool_calls" : "end";
}

function wrongRequest(message: string): { type: "failure"; failure: ModelFailure } {
  return { type: "failure", failure: { kind: "request", message, retryable: false } };
}

/** The models that are loaded, or being loaded, by what they were loaded with. Whoever uses the same file shares its weights. */
const shared = new Map<string, { users: number; model: Promise<Result<Loaded, string>> }>();

/** One that uses a model, with its sessions. */
class User {
  readonly #key: string;
  readonly #load: () => Promise<Result<Loaded, string>>;
  /** Sessions that nothing is computed in, the one with the last conversation at the end. */
  #idle: Session[] = [];
  #uses = false;
  #closed = false;

  constructor(path: string, options: LoadOptions, engine: Engine) {
    this.#key = JSON.stringify([path, options]);
    this.#load = () => engine.load(path, options);
  }

  /** The loaded model. The wait for it ends with the signal, the loading does not: others may wait for it too. */
  async model(signal: AbortSignal): Promise<Result<Loaded, string>> {
    signal.throwIfAborted();
    const entry = shared.get(this.#key) ?? this.#begin();
    if (!this.#uses) entry.users++;
    this.#uses = true;
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop);
    try {
      return await Promise.race([entry.model, promise]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** A failure is not kept: there may be memory another time. */
  #begin() {
    const entry = { users: 0, model: this.#load() };
    shared.set(this.#key, entry);
    void entry.model.then((model) => model.ok || shared.delete(this.#key));
    return entry;
  }

  async session(model: Loaded, signal: AbortSignal): Promise<Result<Session, string>> {
    const idle = this.#idle.pop();
    return idle === undefined ? model.open(signal) : ok(idle);
  }

  giveBack(session: Session): void {
    if (this.#closed) session.close();
    else this.#idle.push(session);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const session of this.#idle) session.close();
    this.#idle = [];
    const entry = this.#uses ? shared.get(this.#key) : undefined;
    if (entry === undefined || --entry.users > 0) return;
    shared.delete(this.#key);
    void entry.model.then((model) => model.ok && model.value.close());
  }
}
