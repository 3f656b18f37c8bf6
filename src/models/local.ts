import type { ModelEvent, ModelFailure, ModelOptions, ModelRequest, Model } from "../core/model.ts";
import { ok, type Result } from "../core/result.ts";
import { bytes } from "../core/bytes.ts";
import {
  checkGrammar,
  loadModel,
  type GenerateEvent,
  type LoadOptions,
  type LocalModel,
  type LocalSession,
  type LocalStop,
} from "../native/local.ts";
import { showable } from "./attachment.ts";
import type { Bounds } from "./bounded-schema.ts";
import { callIds } from "./call-ids.ts";
import { CallReader } from "./call-reader.ts";
import { cancelled } from "./failure.ts";
import { answers, localChat, toolStyle, withoutSystem, type ToolStyle } from "./local-chat.ts";
import type { GgufFile } from "./gguf-facts.ts";
import { grammarFor } from "./local-grammar.ts";
import { contextFor, sessionMemory, trainedContext } from "./local-memory.ts";
import { ownWindow } from "./memory-window.ts";
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

/** The machine, as far as models are concerned. */
export type LocalMachine = {
  /** Reads the header of a GGUF file. The error is the end of a message. */
  look(path: string): Promise<Result<GgufFile, string>>;
  /** Bytes of memory that this process can still get. */
  freeMemory(): number;
  /** Bytes of memory for inference; undefined where nobody knows. */
  memory?: number | undefined;
};

/** What runs a model. */
export type Engine = {
  check(grammar: string, signal: AbortSignal): Promise<Result<void, string>>;
  load(path: string, options: LoadOptions): Promise<Result<Engined, string>>;
};

export type Session = Pick<LocalSession, "generate" | "close">;

export type Engined = Pick<LocalModel, "info" | "render" | "close"> & {
  open(signal: AbortSignal): Promise<Result<Session, string>>;
};

const native: Engine = { check: checkGrammar, load: loadModel };

/**
 * A model in this process. Its file is looked at now, and loaded with the first request. One is loaded once, however many use it;
 * each conversation has a session of its own, which keeps what was computed.
 */
export async function makeLocal(
  config: LocalConfig,
  machine: LocalMachine,
  engine = native,
): Promise<Result<Model, ModelProblem>> {
  const { name, path, options } = config;
  const looked = await machine.look(path);
  if (!looked.ok) return problem("usage", `Cannot use model '${name}': ${looked.error}`);
  const file = looked.value;
  const { kind, architecture, parameters } = file.facts;
  if (kind === "adapter")
    return problem("usage", `Cannot use model '${name}': it is an adapter`, "name it as 'adapter:'");
  if (kind !== "model" || architecture === null || parameters === 0)
    return problem("usage", `Cannot use model '${name}': it holds no model that writes text`);
  const wrong =
    options.adapter === undefined ? undefined : await adapterProblem(options.adapter, architecture, machine);
  if (wrong !== undefined) return problem("usage", `Cannot use model '${name}': ${wrong}`);

  const user = new User(path, file, options, machine, engine);
  let told = false;

  async function* stream(asked: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const shown = showable(name, asked, { pdf: false, images: [] });
    if (!shown.ok) return yield { type: "failure", failure: shown.error };
    const request = shown.value;
    try {
      const answering = styleOf(file) === "examples" ? answers(request) : "any";
      const made = grammarFor(request.tools, request.output, answering, isSmall(file) ? bounds.small : bounds.large);
      const cannot = (why: string) => wrongRequest(`'${name}' cannot be held to ${why}`);
      if (!made.ok) return yield cannot(made.error);
      const grammar = made.value;
      const keeps = grammar === undefined ? ok(undefined) : await engine.check(grammar, signal);
      if (!keeps.ok) return yield cannot(`the schema: ${grammarProblem(keeps.error)}`);
      const model = await user.model(signal);
      if (!model.ok) return yield wrongRequest(`Cannot load '${name}': ${model.error}`);
      if (!told) for (const message of warnings(name, file, model.value)) yield { type: "warning", message };
      told = true;
      const prompt = await promptFor(request, model.value.model, file, signal);
      if (!prompt.ok) return yield wrongRequest(`'${name}': ${prompt.error}`);
      const session = await user.session(model.value.model, signal);
      if (!session.ok) return yield wrongRequest(`Cannot use '${name}': ${session.error}`);
      try {
        const generated = session.value.generate(
          prompt.value,
          {
            seed: options.seed ?? 0,
            temperature: options.temperature ?? 0,
            maxTokens:
              request.max_tokens ??
              options.max_tokens ??
              (isSmall(file) ? smallAnswer : model.value.model.info.context),
            ...(options.stop === undefined ? {} : { stop: options.stop }),
            ...(grammar === undefined ? {} : { grammar }),
          },
          signal,
        );
        const calls = request.tools.length > 0 && answering !== "answer";
        const reader = calls ? new CallReader(request.output === undefined) : undefined;
        yield* answer(generated, request, reader, name);
      } finally {
        user.giveBack(session.value);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      yield { type: "failure", failure: cancelled };
    }
  }

  const size = ownWindow(name, { longest: trainedContext(file), wanted: options.context }, machine.memory);
  const { window = trainedContext(file) } = size;
  return ok({ name, window, size: async () => size, stream, close: () => user.close() });
}

function isSmall({ facts }: GgufFile): boolean {
  return facts.parameters < small;
}

async function adapterProblem(path: string, base: string, machine: LocalMachine): Promise<string | undefined> {
  const looked = await machine.look(path);
  if (!looked.ok) return `its adapter '${path}' cannot be used: ${looked.error}`;
  const { kind, architecture } = looked.value.facts;
  if (kind !== "adapter") return `'${path}' is no adapter`;
  if (architecture === base) return undefined;
  return `the adapter '${path}' is for another base: ${architecture ?? "an unknown one"}, not ${base}`;
}

function warnings(name: string, { facts }: GgufFile, { model, bounded }: Loaded): string[] {
  const { parameters, title, architecture, quantisation } = facts;
  const told: string[] = [];
  const billions = (parameters / 1e9).toFixed(parameters < 1e9 ? 2 : 1);
  const what = `${title ?? architecture}, ${quantisation}, ${billions} billion parameters`;
  if (parameters < modest) told.push(`'${name}' is a small model (${what}): expect it to be wrong often`);
  if (bounded !== undefined) told.push(`The context of '${name}' is ${model.info.context} tokens: ${bounded}`);
  return told;
}

function styleOf(file: GgufFile): ToolStyle {
  return toolStyle(file.template ?? "", isSmall(file));
}

/** What is wrong with a schema, without the grammar that was made of it. */
function grammarProblem(error: string): string {
  const [first = error] = error.split("\n");
  return /failed to compile JSON schema: (.*)/.exec(first)?.[1] ?? first;
}

/** The prompt by the model's own template. Some of them refuse instructions of their own. */
async function promptFor(
  request: ModelRequest,
  model: Engined,
  file: GgufFile,
  signal: AbortSignal,
): Promise<Result<string, string>> {
  const chat = localChat(request, styleOf(file));
  const rendered = await model.render(chat, signal);
  return rendered.ok ? rendered : model.render(withoutSystem(chat), signal);
}

async function* answer(
  generated: AsyncIterable<GenerateEvent>,
  request: ModelRequest,
  reader: CallReader | undefined,
  name: string,
): AsyncGenerator<ModelEvent> {
  let input = { tokens: 0, cached: 0 };
  let begun = false;
  for await (const event of generated) {
    if (event.type === "prompt") input = event;
    else if (event.type === "text") {
      const text = reader === undefined ? event.text : reader.push(event.text);
      if (text !== "") yield { type: "text", text };
      else if (!begun) yield { type: "begun" };
      begun = true;
    } else if (event.type === "too_long") {
      const { tokens, context } = event;
      const { failure } = wrongRequest(
        `The prompt is too long for '${name}': ${tokens} tokens, and its context is ${context}`,
      );
      yield { type: "failure", failure: { ...failure, tooLong: true } };
    } else if (event.type === "failed") {
      yield wrongRequest(`'${name}' cannot go on: ${event.why}; its file may be damaged`);
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

/** A loaded model, and why its context is shorter than what it was trained for, or than what was asked for. */
type Loaded = { model: Engined; bounded?: string };

/** The models that are loaded, or being loaded, by what they were loaded with. Whoever uses the same file shares its weights. */
const shared = new Map<string, { users: number; model: Promise<Result<Loaded, string>> }>();

/** One that uses a model, with its sessions. */
class User {
  readonly #key: string;
  /** Sessions that nothing is computed in, the one with the last conversation at the end. */
  #idle: Session[] = [];
  #uses = false;
  #closed = false;

  constructor(
    readonly path: string,
    readonly file: GgufFile,
    readonly options: ModelOptions,
    readonly machine: LocalMachine,
    readonly engine: Engine,
  ) {
    const { context, adapter, scale } = options;
    this.#key = JSON.stringify([path, context, adapter, scale]);
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

  async #load(): Promise<Result<Loaded, string>> {
    const { adapter, scale } = this.options;
    const fits = contextFor(this.file, this.options.context, this.machine.freeMemory());
    if (!fits.ok) return fits;
    const { context, ...why } = fits.value;
    const options = {
      context,
      ...(adapter === undefined ? {} : { adapter }),
      ...(scale === undefined ? {} : { scale }),
    };
    const loaded = await this.engine.load(this.path, options);
    return loaded.ok ? ok({ model: loaded.value, ...why }) : loaded;
  }

  /** A session with the last conversation, or a new one where there is memory for it. */
  async session(model: Engined, signal: AbortSignal): Promise<Result<Session, string>> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return ok(idle);
    const [need, free] = [sessionMemory(this.file.facts, model.info.context), this.machine.freeMemory()];
    if (need > free)
      return { ok: false, error: `a conversation needs ${bytes(need)} of memory, and ${bytes(free)} are free` };
    return model.open(signal);
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
    void entry.model.then((model) => model.ok && model.value.model.close());
  }
}
