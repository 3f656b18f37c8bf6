import type { Child, ChildOptions, Clock } from "../core/host.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import { record, separator, type ToModule } from "../core/module-protocol.ts";
import type { Result } from "../core/result.ts";
import type { ToolOutcome } from "../core/tool.ts";
import { Bounded, bytes, HeadAndTail } from "./bound.ts";
import { whole } from "./own-run.ts";

/** Starts the process of one module. It ends with the run, or by `signal`. */
export type StartModule = (options: Omit<ChildOptions, "cwd" | "input">) => Promise<Result<Child>>;

/** What a process may say at once; one that says more is ended. */
const longestRecord = 16_000_000;

/** Of what a process writes to stderr, as much explains its end. */
const mostExplained = 2_000;

/** How long a call that was told to stop may take, before its process is ended and all that it does with it. */
const graceMs = 500;

/** A process that has been started, and what waits for it. */
type Running = {
  child: Child;
  stop: AbortController;
  pending: Map<number, Pending>;
  /** What it said first. */
  first: PromiseWithResolvers<Result<Json, string>>;
};

type Pending = { resolve(outcome: ToolOutcome): void; show(text: string): void };

/** One call, as the worker needs it. `environment` is asked for when a process must be started. */
export type ModuleCall = {
  export: string;
  input: JsonObject;
  timeoutMs: number;
  signal: AbortSignal;
  clock: Pick<Clock, "sleep">;
  environment(): Promise<Result<Pick<ChildOptions, "env" | "variables">, string>>;
  show(text: string): void;
};

/**
 * The process of one module: started at the first call, and kept. A call that is to end is told so, and its process ended where it
 * does not. One that crashes, hangs or talks nonsense fails the calls that it had, and the next call starts another.
 */
export class ModuleWorker {
  readonly #start: StartModule;
  #running: Running | undefined;
  #opening: Promise<Result<Running, string>> | undefined;
  #last = 0;

  constructor(start: StartModule) {
    this.#start = start;
  }

  /** What the module says of itself, from a process that is ended then. */
  async describe(timeoutMs: number, clock: Pick<Clock, "sleep">): Promise<Result<Json, string>> {
    const running = await this.#open({ variables: [] });
    if (!running.ok) return running;
    const settled = new AbortController();
    const late = clock
      .sleep(timeoutMs, settled.signal)
      .then((): Result<Json, string> => refuse(`it took longer than ${timeoutMs / 1000} s to load`));
    const first = await Promise.race([running.value.first.promise, late]);
    settled.abort();
    running.value.stop.abort();
    return first;
  }

  async call(call: ModuleCall): Promise<ToolOutcome> {
    const failed = (why: string): ToolOutcome => ({ content: why, error: true });
    const ready = await this.#ready(call);
    if (!ready.ok) return failed(ready.error);
    if (call.signal.aborted) return failed("Interrupted");
    const running = ready.value;
    const id = ++this.#last;
    const { promise, resolve } = Promise.withResolvers<ToolOutcome>();
    running.pending.set(id, { resolve, show: (text) => stopped === undefined && call.show(text) });
    const settled = new AbortController();
    const interrupted = Promise.withResolvers<ToolOutcome>();
    let stopped: string | undefined;
    const stop = (why: string) => {
      if (settled.signal.aborted || stopped !== undefined) return;
      stopped = why;
      void running.child.write(encode({ id, stop: true }));
      void call.clock.sleep(graceMs, settled.signal).then(() => {
        if (!settled.signal.aborted) this.#abandon(running, besideStopped);
      });
    };
    const abort = () => {
      stop("Interrupted");
      interrupted.resolve(failed("Interrupted"));
    };
    call.signal.addEventListener("abort", abort, { once: true });
    void call.clock
      .sleep(call.timeoutMs, settled.signal)
      .then(() => stop(`it took longer than ${call.timeoutMs / 1000} s`));
    void running.child.write(encode({ id, export: call.export, input: call.input })).then((written) => {
      if (!written.ok) this.#abandon(running, "its process reads no more");
    });
    const ended = promise.then((outcome) => {
      settled.abort();
      call.signal.removeEventListener("abort", abort);
      running.pending.delete(id);
      return outcome;
    });
    // Who interrupts waits for nothing; the next call after one that took too long is not to begin beside it.
    const outcome = await Promise.race([ended, interrupted.promise]);
    return stopped === undefined ? outcome : failed(stopped);
  }

  /** The process that runs. Calls that come while one is being started wait for that one. */
  async #ready({ environment }: ModuleCall): Promise<Result<Running, string>> {
    if (this.#running !== undefined) return { ok: true, value: this.#running };
    this.#opening ??= environment()
      .then((given) => (given.ok ? this.#open(given.value) : given))
      .finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #open(environment: Pick<ChildOptions, "env" | "variables">): Promise<Result<Running, string>> {
    const stop = new AbortController();
    const pending = new Map<number, Pending>();
    const first = Promise.withResolvers<Result<Json, string>>();
    const said = new HeadAndTail(mostExplained);
    const reader = new RecordReader({
      record: (message) => receive(message, pending, first),
      noise: (text) => [...pending.values()].at(-1)?.show(text),
      tooLong: () => this.#abandon(running, `its process wrote more than ${bytes(longestRecord)} at once`),
    });
    const errors = new TextDecoder();
    const started = await this.#start({
      ...environment,
      signal: stop.signal,
      onOutput(stream, piece) {
        if (stream === "stdout") return reader.push(piece);
        const text = errors.decode(piece, { stream: true });
        said.add(text);
        [...pending.values()].at(-1)?.show(text);
      },
    });
    if (!started.ok) return refuse(started.error.message);
    const running: Running = { child: started.value, stop, pending, first };
    this.#running = running;
    void started.value.ended.then((end) => {
      const how = !end.ok
        ? end.error.message
        : end.value.signal === null
          ? `its process ended with exit code ${end.value.code}`
          : `its process was ended by ${end.value.signal}`;
      this.#abandon(running, [how, whole(said)].filter((part) => part !== "").join(": "));
    });
    return { ok: true, value: running };
  }

  /** Fails what waits for a process, and ends it. */
  #abandon(running: Running, why: string): void {
    if (this.#running === running) this.#running = undefined;
    running.first.resolve(refuse(why));
    for (const { resolve } of running.pending.values()) resolve({ content: why, error: true });
    running.stop.abort();
  }
}

/** What a call hears whose process was ended for another's sake. */
const besideStopped =
  "its process was ended, since another call in it did not stop when it was told to; call it again if that does no harm";

function encode(message: ToModule): Uint8Array {
  return new TextEncoder().encode(record(message));
}

function receive(message: JsonObject, pending: Map<number, Pending>, first: Running["first"]): void {
  const { id, exports, failed, output, result } = message;
  if (exports !== undefined) return first.resolve({ ok: true, value: exports });
  if (typeof failed === "string") return first.resolve(refuse(failed));
  const call = typeof id === "number" ? pending.get(id) : undefined;
  if (typeof output === "string") return call?.show(output);
  if (typeof result !== "string") return;
  const bounded = new Bounded();
  bounded.add(result);
  call?.resolve({ content: whole(bounded), ...bounded.whole(), ...(message["error"] === true ? { error: true } : {}) });
}

type Reader = { record(message: JsonObject): void; noise(text: string): void; tooLong(): void };

/** Tells records from what else a process prints. */
class RecordReader {
  readonly #to: Reader;
  readonly #decoder = new TextDecoder();
  #pieces: string[] = [];
  #length = 0;

  constructor(to: Reader) {
    this.#to = to;
  }

  push(piece: Uint8Array): void {
    const [head = "", ...lines] = this.#decoder.decode(piece, { stream: true }).split("\n");
    this.#add(head);
    for (const line of lines) {
      this.#line(this.#pieces.join(""));
      this.#pieces = [];
      this.#length = 0;
      this.#add(line);
    }
  }

  #add(text: string): void {
    this.#length += text.length;
    if (this.#length > longestRecord) return this.#to.tooLong();
    if (text !== "") this.#pieces.push(text);
  }

  #line(line: string): void {
    const at = line.indexOf(separator);
    const noise = at < 0 ? line : line.slice(0, at);
    if (noise !== "") this.#to.noise(`${noise}\n`);
    if (at < 0) return;
    try {
      const message: Json = JSON.parse(line.slice(at + separator.length));
      if (isJsonObject(message)) this.#to.record(message);
    } catch {
      this.#to.noise(`${line.slice(at + separator.length)}\n`);
    }
  }
}

function refuse(error: string): { ok: false; error: string } {
  return { ok: false, error };
}
