import { readFileSync } from "node:fs";
import so from "../../dist/native/librein_local.so" with { type: "file" };
import type { JsonObject } from "../core/json.ts";
import { ok, type Result } from "../core/result.ts";
import { frame, NativeFailure, NativeLibrary } from "./border.ts";

/**
 * Models that run in this process: GGUF files through llama.cpp, in a second native library that nothing else loads. All work is on
 * threads of its own. A model, and each session on it, holds memory until it is closed.
 */

/** `context`, in tokens, and `threads` are for each session; `threads` is one less than there are processors unless it is given. */
export type LoadOptions = {
  context: number;
  threads?: number;
  /** The path of a LoRA adapter. */
  adapter?: string;
  /** How strongly the adapter works, 1 for as it was trained. */
  scale?: number;
  /** For tests and measurements: compute as on this kind of processor. The first model of a process decides. */
  processor?: string;
};

export type LocalModelInfo = {
  /** The context of each session, in tokens. */
  context: number;
  threads: number;
  /** The kind of processor that it computes for: `zen4`, `icelake` (AVX-512), `haswell` (AVX2), or `x64` for any. */
  processor: string;
};

/** What a chat template gets. Messages and tools are as the OpenAI API has them. */
export type LocalChat = {
  messages: JsonObject[];
  tools?: JsonObject[];
  /** Further variables for the template: `{ enable_thinking: false }`. */
  variables?: JsonObject;
};

export type GenerateOptions = {
  /** The same seed, options, threads and session history give the same bytes. */
  seed: number;
  /** 0 always takes the likeliest token. */
  temperature: number;
  /** Of the likeliest tokens only as many as make up this share; 1 for all. */
  topP?: number;
  maxTokens: number;
  /** Texts that end the answer; they are not in it. */
  stop?: string[];
  /** What the answer must be: a grammar as llguidance reads it, with `%json {…}` for JSON inside of text. */
  grammar?: string;
};

/** `end`: the model was done. `stop`: one of the texts came. `length`: `maxTokens`. `context`: the window is full. */
export type LocalStop = "end" | "stop" | "length" | "context";

/**
 * `prompt` comes first, before it is computed: `cached` of its tokens are kept from what the session computed before. Then texts,
 * never cut inside a character, and `done`. `too_long` is all there is when the prompt leaves no room for an answer. `failed` ends
 * an answer that the weights cannot go on with, which only damaged ones cannot.
 */
export type GenerateEvent =
  | { type: "prompt"; tokens: number; cached: number }
  | { type: "text"; text: string }
  | { type: "done"; stop: LocalStop; tokens: number; firstTokenMs: number; promptMs: number; generateMs: number }
  | { type: "too_long"; tokens: number; context: number }
  | { type: "failed"; why: string };

/** The end of a message. */
export const withoutLocalModels = "this build of rein is without local models: it was made with LOCAL=0";

/** The library's bytes; undefined in a build without local models, which has a line of text in their place. */
function read(): Uint8Array | undefined {
  const bytes = readFileSync(so);
  return bytes[0] === 0x7f ? bytes : undefined;
}

const library = new NativeLibrary("rein_local", () => {
  const bytes = read();
  if (bytes === undefined) throw new Error(withoutLocalModels);
  return bytes;
});

/** Whether this build has local models; where it has none, each function that gives a `Result` says so and the others throw. */
export function hasLocalModels(): boolean {
  has ??= read() !== undefined;
  return has;
}

let has: boolean | undefined;

/** Whether a grammar can be kept; the error says which part of it cannot. Loads no model. */
export async function checkGrammar(grammar: string, signal?: AbortSignal): Promise<Result<void, string>> {
  const checked = await answer<null>("local.check", grammar, signal);
  return checked.ok ? ok(undefined) : checked;
}

/**
 * Loads a model whose header was read and found good, and for which there is memory. The error says what is wrong with it still, with
 * the adapter, or with the system's libraries. An abort throws its reason.
 */
export async function loadModel(
  path: string,
  options: LoadOptions,
  signal?: AbortSignal,
): Promise<Result<LocalModel, string>> {
  const loaded = await answer<{ id: number; info: LocalModelInfo }>(
    "local.load",
    JSON.stringify({ path, ...options }),
    signal,
  );
  return loaded.ok ? ok(new LocalModel(loaded.value.id, loaded.value.info)) : loaded;
}

/** A loaded model. Its memory is given back once it and all its sessions are closed. */
export class LocalModel implements Disposable {
  readonly info: LocalModelInfo;
  readonly #id: number;

  constructor(id: number, info: LocalModelInfo) {
    this.#id = id;
    this.info = info;
  }

  /**
   * The prompt that the model's own template makes of a chat, open for the model's answer. What reads like a special token inside
   * the chat stays plain text. The error is the template's, or says that the file has none.
   */
  async render(chat: LocalChat, signal?: AbortSignal): Promise<Result<string, string>> {
    return await answer<string>("local.render", frame([this.#id], JSON.stringify(chat)), signal);
  }

  /** A session has its own context, which takes memory. */
  async open(signal?: AbortSignal): Promise<Result<LocalSession, string>> {
    const opened = await answer<number>("local.open", frame([this.#id], ""), signal);
    return opened.ok ? ok(new LocalSession(opened.value)) : opened;
  }

  close(): void {
    library.call("local.close", this.#id, "");
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** One conversation: what it computed last is kept, and a prompt that begins the same costs only what is new in it. */
export class LocalSession implements Disposable {
  readonly #id: number;

  constructor(id: number) {
    this.#id = id;
  }

  /** One at a time. Ends with `done`, `too_long` or `failed`; an abort ends it within a token and throws its reason. */
  async *generate(prompt: string, options: GenerateOptions, signal?: AbortSignal): AsyncGenerator<GenerateEvent> {
    const input = frame([this.#id, JSON.stringify(options)], prompt);
    try {
      for await (const chunk of library.start("local.generate", input, signal)) yield eventOf(chunk);
    } catch (error) {
      if (!(error instanceof NativeFailure)) throw error;
      yield { type: "failed", why: error.message };
    }
  }

  close(): void {
    library.call("local.close_session", this.#id, "");
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const decoder = new TextDecoder();

/** A chunk is text after a zero byte, else JSON. */
function eventOf(chunk: Uint8Array): GenerateEvent {
  if (chunk[0] === 0) return { type: "text", text: decoder.decode(chunk.subarray(1)) };
  return JSON.parse(decoder.decode(chunk));
}

/** The one answer of a job that may fail: JSON of `{ok}` or `{error}`. */
async function answer<T>(name: string, input: Uint8Array | string, signal?: AbortSignal): Promise<Result<T, string>> {
  if (!hasLocalModels()) return { ok: false, error: withoutLocalModels };
  const said: { ok: T } | { error: string } = await only(library.start(name, input, signal));
  return "error" in said ? { ok: false, error: said.error } : ok(said.ok);
}

async function only<T>(chunks: AsyncIterable<Uint8Array>): Promise<T> {
  for await (const chunk of chunks) return JSON.parse(decoder.decode(chunk));
  throw new Error("A native job ended without an answer");
}
