import { CString, dlopen, JSCallback, toArrayBuffer, type Pointer } from "bun:ffi";
import { closeSync, writeSync } from "node:fs";
import type { Result } from "../core/result.ts";

/**
 * The border to native code, the same for every library of ours. One is loaded on first use, from sealed memory: never from the
 * temp folder, where a child may plant its own. A failure that a caller expects is a `Result` with a message; a panic in native
 * code is thrown.
 */

const status = { ok: 0, failed: 1, panicked: 2, end: 3, pending: 4 } as const;

const symbols = {
  rein_names: { args: ["buffer"], returns: "i32" },
  rein_call: {
    args: ["u32", "i32", "buffer", "buffer_length", "buffer"],
    returns: "i32",
  },
  rein_start: { args: ["u32", "buffer", "buffer_length", "buffer"], returns: "i32" },
  rein_next: { args: ["i32", "buffer"], returns: "i32" },
  rein_cancel: { args: ["i32"], returns: "void" },
  rein_wake: { args: ["ptr"], returns: "void" },
  rein_free: { args: ["ptr", "u64"], returns: "void" },
} as const;

type Symbols = ReturnType<typeof dlopen<typeof symbols>>["symbols"];

/** A library's functions, and their numbers by name. */
type Loaded = { functions: Symbols; numbers: Map<string, number> };

/** Where a native function puts its answer: the address and the length of bytes, or a job's number. */
const out = new Float64Array(2);
const encoder = new TextEncoder();

/** What a native job said went wrong; a panic is a plain error. */
export class NativeFailure extends Error {
  override readonly name = "NativeFailure";
}

/** A native library, loaded when it is first used. */
export class NativeLibrary {
  readonly #name: string;
  readonly #read: () => Uint8Array;
  #loaded: Loaded | undefined;
  /** What those who wait for a job do when it has more. Native code wakes all of them through one callback. */
  readonly #waiters = new Map<number, () => void>();
  #wake: JSCallback | undefined;

  /** `read` gives the library's bytes; where it throws, so does every use. */
  constructor(name: string, read: () => Uint8Array) {
    this.#name = name;
    this.#read = read;
  }

  /** Runs a native function that takes less than a millisecond. `subject` is what it acts on: a descriptor, a handle, or 0. */
  call(name: string, subject: number, input: Uint8Array | string): Result<Uint8Array, string> {
    return this.#run(name, subject, input, takeBytes);
  }

  /** As `call`, for an answer that is text. */
  callText(name: string, subject: number, input: Uint8Array | string): Result<string, string> {
    return this.#run(name, subject, input, takeText);
  }

  /**
   * Runs a native function on a thread of its own and gives its chunks as they come. It starts with the first `next`, and ends
   * with the iteration: by its end, by `break`, or by the signal, whose reason is thrown. A failure is thrown too.
   */
  async *start(name: string, input: Uint8Array | string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    signal?.throwIfAborted();
    const { functions, numbers } = this.#load();
    if (this.#wake === undefined) {
      const wake = (job: number) => this.#waiters.get(job)?.();
      this.#wake = new JSCallback(wake, { args: ["i32"], returns: "void", threadsafe: true });
      functions.rein_wake(this.#wake.ptr);
    }
    const bytes = toBytes(input);
    const started = functions.rein_start(numberOf(numbers, name), bytes, bytes, out);
    if (started !== status.ok) throw new Error(takeFailure(functions, name, started));
    const job = Number(out[0]);
    try {
      for (;;) {
        const code = functions.rein_next(job, out);
        if (code === status.end) return;
        if (code === status.ok) yield takeBytes(functions);
        else if (code === status.pending) await this.#woken(job, signal);
        else throw new NativeFailure(takeFailure(functions, name, code));
        signal?.throwIfAborted();
      }
    } finally {
      functions.rein_cancel(job);
    }
  }

  #load(): Loaded {
    if (this.#loaded !== undefined) return this.#loaded;
    // Stays open: the dynamic linker knows a library by its path, and the next one must not come by the same number.
    const fd = sealedMemfd(this.#read(), this.#name);
    const functions = dlopen(`/proc/self/fd/${fd}`, symbols).symbols;
    functions.rein_names(out);
    const names = takeText(functions).split("\n");
    this.#loaded = { functions, numbers: new Map(names.map((name, number) => [name, number] as const)) };
    return this.#loaded;
  }

  #run<T>(
    name: string,
    subject: number,
    input: Uint8Array | string,
    take: (functions: Symbols) => T,
  ): Result<T, string> {
    const { functions, numbers } = this.#load();
    const bytes = toBytes(input);
    const code = functions.rein_call(numberOf(numbers, name), subject, bytes, bytes, out);
    return code === status.ok
      ? { ok: true, value: take(functions) }
      : { ok: false, error: takeFailure(functions, name, code) };
  }

  /** Resolves when the job has more, or the signal aborts. A callback from a thread keeps no process alive: a timer does. */
  async #woken(job: number, signal: AbortSignal | undefined): Promise<void> {
    const alive = setInterval(() => undefined, 2 ** 31 - 1);
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = () => resolve();
    this.#waiters.set(job, resolve);
    signal?.addEventListener("abort", stop);
    try {
      await promise;
    } finally {
      clearInterval(alive);
      this.#waiters.delete(job);
      signal?.removeEventListener("abort", stop);
    }
  }
}

/** Numbers, text and bytes as native functions read them: one after the other, then `rest` without its length. */
export function frame(fields: Array<number | string | Uint8Array>, rest: Uint8Array | string): Uint8Array {
  const parts = fields.map((field) => (typeof field === "number" ? field : toBytes(field)));
  const tail = toBytes(rest);
  let length = tail.length;
  for (const part of parts) length += typeof part === "number" ? 8 : 4 + part.length;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) {
    if (typeof part === "number") {
      view.setFloat64(at, part, true);
      at += 8;
    } else {
      view.setUint32(at, part.length, true);
      bytes.set(part, at + 4);
      at += 4 + part.length;
    }
  }
  bytes.set(tail, at);
  return bytes;
}

/**
 * Puts bytes into memory that nobody can change any more, and gives its descriptor. It is closed on exec: a child is
 * started from it as `/proc/self/fd/<descriptor>`, which is gone when it runs. Throws where the kernel refuses.
 */
export function sealedMemfd(bytes: Uint8Array, name: string): number {
  const libc = dlopen("libc.so.6", {
    memfd_create: { args: ["cstring", "u32"], returns: "i32" },
    fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  });
  try {
    const { memfd_create, fcntl } = libc.symbols;
    const [closeOnExec, allowSealing, executable] = [1, 2, 0x10];
    let fd = memfd_create(name, closeOnExec | allowSealing | executable);
    // Before Linux 6.3 the last flag is unknown, and all memory is executable.
    if (fd < 0) fd = memfd_create(name, closeOnExec | allowSealing);
    if (fd < 0) throw new Error(`Cannot make memory for '${name}': memfd_create failed`);
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
      const [addSeals, everySeal] = [1033, 0b1111];
      seal(() => fcntl(fd, addSeals, everySeal), name);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return fd;
  } finally {
    libc.close();
  }
}

/** A refusal takes the kernel up to 150 ms, in which it waits by itself. */
const sealTries = 10;

/**
 * Seals memory by `add`, which gives 0 when that is done. The kernel refuses as long as anybody holds a page of it, as it does itself
 * for a moment when it moves pages about.
 */
export function seal(add: () => number, name: string): void {
  for (let tried = 1; add() !== 0; tried++) {
    if (tried === sealTries) throw new Error(`Cannot seal the memory of '${name}'`);
  }
}

function numberOf(numbers: Map<string, number>, name: string): number {
  const number = numbers.get(name);
  if (number === undefined) throw new Error(`No native function '${name}'`);
  return number;
}

function toBytes(input: Uint8Array | string): Uint8Array {
  return typeof input === "string" ? encoder.encode(input) : input;
}

/** Copies the answer's bytes and frees them. */
function takeBytes(functions: Symbols): Uint8Array {
  const [address = 0, length = 0] = out;
  if (length === 0) return new Uint8Array(0);
  const bytes = new Uint8Array(toArrayBuffer(address as Pointer, 0, length)).slice();
  functions.rein_free(address as Pointer, length);
  return bytes;
}

function takeText(functions: Symbols): string {
  const [address = 0, length = 0] = out;
  if (length === 0) return "";
  const text = CString(address as Pointer, 0, length);
  functions.rein_free(address as Pointer, length);
  return text;
}

/** The message of a failure; a panic is thrown. */
function takeFailure(functions: Symbols, name: string, code: number): string {
  const message = takeText(functions);
  if (code === status.panicked) throw new Error(`Native function '${name}' panicked: ${message}`);
  return message;
}
