import { constants } from "node:fs";
import { mkdir, open, rename, type FileHandle } from "node:fs/promises";
import { bytes } from "../core/bytes.ts";
import type { Clock, Fetch } from "../core/host.ts";
import { NetError } from "../core/net-error.ts";
import { interrupted, problemOf, type Problem } from "../core/problem.ts";
import { ok, type Result } from "../core/result.ts";
import {
  Failed,
  isSame,
  isStrongTag,
  notePath,
  noteOf,
  partPath,
  Passing,
  removePart,
  type DownloadRequest,
  type Note,
} from "./download-part.ts";
import { errorCode, errorText } from "./machine.ts";
import { freeSpace, hashInto, passingLock, removeFile, withFile, writeNote, type Lock } from "./model-files.ts";

/** What it works with, and whom it tells how it goes. */
export type DownloadDeps = {
  fetch: Fetch;
  clock: Clock;
  signal: AbortSignal;
  lock: Lock;
  /** Why a status means that there is no file, in the words of the command. */
  refused(status: number): Problem;
  /** Before the first byte is written: the whole size, where it is known, and how much of it is here already. */
  begin(size: number | undefined, have: number): void;
  progress(have: number): void;
  retry(why: string, waitMs: number): void;
  /** Looks at the whole file before it gets its name. Why it will not do: "it is cut". */
  reject(path: string): Promise<string | undefined>;
};

/** A connection that brings nothing for so long is given up. */
const silenceMs = 60_000;
/** How often in a row a request may bring nothing new. */
const tries = 5;

/**
 * Downloads a file, going on where an earlier download was interrupted, and puts it into its folder when it is whole and has the
 * right hash. After a failure that time may mend, the part stays.
 */
export async function download(
  request: DownloadRequest,
  deps: DownloadDeps,
): Promise<Result<{ size: number; sha256: string }, Problem>> {
  const { folder, file } = request;
  const path = `${folder}/${file}`;
  let release: (() => void) | undefined;
  try {
    await mkdir(folder, { recursive: true });
    // Two that write the same part would each spoil what the other has.
    release = passingLock(`${folder}/.${file}.lock`, deps.lock);
    if (release === undefined) {
      const message = `Cannot download '${file}': another process is downloading it into '${folder}'`;
      return problemOf("service", message, "wait until it is done");
    }
    const part = await open(partPath(request), constants.O_RDWR | constants.O_CREAT, 0o666);
    try {
      const whole = await fill(part, request, deps);
      await part.sync();
      await rename(partPath(request), path);
      removeFile(notePath(request));
      return ok(whole);
    } finally {
      if ((await part.stat()).size === 0) removePart(request);
      await part.close();
    }
  } catch (error) {
    if (deps.signal.aborted) return interrupted(deps.signal, `Interrupted: what is here of '${file}' is kept`);
    if (error instanceof Failed) return { ok: false, error: error.problem };
    const code = errorCode(error);
    if (code === "") throw error;
    return problemOf("usage", `Cannot write '${path}': ${errorText(code)}`);
  } finally {
    release?.();
  }
}

/** Requests until the part is whole. */
async function fill(part: FileHandle, request: DownloadRequest, deps: DownloadDeps) {
  const { clock, signal } = deps;
  for (let failures = 0; ;) {
    const before = (await part.stat()).size;
    try {
      return await attempt(part, request, deps);
    } catch (error) {
      if (!(error instanceof Passing)) throw error;
      if ((await part.stat()).size > before) failures = 0;
      failures += 1;
      if (failures >= tries) {
        const message = `Cannot download '${request.file}': ${error.message}`;
        const hint = "what is here of it is kept: the same command goes on with it";
        throw new Failed(error.more.problem ?? { outcome: "service", message, hint });
      }
      const waitMs = Math.min(error.more.waitMs ?? 500 * 2 ** failures, silenceMs);
      deps.retry(error.message, waitMs);
      await clock.sleep(waitMs, signal);
      signal.throwIfAborted();
    }
  }
}

/** One request, and all that it brings. */
async function attempt(part: FileHandle, request: DownloadRequest, deps: DownloadDeps) {
  const here = (await part.stat()).size;
  const noted = noteOf(notePath(request));
  const have = isSame(noted, request) && here <= (request.size ?? Infinity) ? here : 0;
  // Before the request: reading gigabytes takes longer than a server waits.
  let hash = new Bun.CryptoHasher("sha256");
  if (have > 0) await withFile(partPath(request), (open) => hashInto(hash, open, have, deps.signal));
  const stalled = new AbortController();
  const watch = watchSilence(deps.clock, stalled);
  try {
    const signal = AbortSignal.any([deps.signal, stalled.signal]);
    if (request.size !== undefined) await needSpace(request, request.size - have);
    const answer: Answer =
      have > 0 && have === request.size
        ? { body: undefined, from: have, size: have }
        : await openAnswer(request, noted, have, { ...deps, signal });
    const { from, size } = answer;
    if (from < here) await part.truncate(from);
    if (request.size === undefined && size !== undefined) await needSpace(request, size - from);
    deps.begin(size, from);
    if (from < have) hash = new Bun.CryptoHasher("sha256");
    let position = from;
    for await (const piece of pieces(answer.body, stalled.signal)) {
      watch.heard();
      if (position === 0 && !begins(piece, request.magic)) throw useless(request, `it is no ${request.magic} file`);
      if (size !== undefined && position + piece.length > size) throw new Passing("more came than was announced");
      await writeWhole(part, piece, position);
      hash.update(piece);
      position += piece.length;
      deps.progress(position);
      deps.signal.throwIfAborted();
    }
    if (position < (size ?? 0)) throw new Passing("the connection ended early");
    const sha256 = hash.digest("hex");
    await check(request, sha256, deps);
    return { size: position, sha256 };
  } finally {
    watch.end();
    // What is left of an answer is not waited for.
    stalled.abort();
  }
}

/** A disk that is nearly full takes a part of a piece first, and then refuses. */
async function writeWhole(part: FileHandle, piece: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < piece.length;) {
    done += (await part.write(piece, done, piece.length - done, position + done)).bytesWritten;
  }
}

/** Aborts when nothing was heard for long. */
function watchSilence(clock: Clock, stalled: AbortController): { heard(): void; end(): void } {
  const over = new AbortController();
  let last = clock.now();
  const watch = async () => {
    while (!over.signal.aborted) {
      await clock.sleep(silenceMs / 6, over.signal);
      if (clock.now() - last >= silenceMs) stalled.abort();
    }
  };
  void watch();
  return { heard: () => void (last = clock.now()), end: () => over.abort() };
}

/** What comes of a body; that it fails is the connection's fault. */
async function* pieces(body: ReadableStream<Uint8Array> | undefined, stalled: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of body ?? []) if (piece.length > 0) yield piece;
  } catch (error) {
    throw connectionLost(error, stalled);
  }
}

function connectionLost(error: unknown, stalled: AbortSignal): Passing | Failed {
  // Without a cause it is our own refusal: a redirect that is not followed.
  if (error instanceof NetError && error.cause === undefined)
    return new Failed({ outcome: "service", message: error.message });
  if (stalled.aborted) return new Passing(`nothing came for ${silenceMs / 1000} s`);
  return new Passing(error instanceof NetError ? error.message : "the connection ended early");
}

/** The first piece of a body may be very short. */
function begins(piece: Uint8Array, magic: string): boolean {
  const head = new TextDecoder("latin1").decode(piece.subarray(0, magic.length));
  return magic.startsWith(head);
}

async function needSpace({ file, folder }: DownloadRequest, needed: number): Promise<void> {
  const free = await freeSpace(folder);
  if (needed <= free) return;
  const why = `${bytes(needed)} are needed, and ${bytes(free)} are free in '${folder}'`;
  throw new Failed({ outcome: "usage", message: `Cannot download '${file}': ${why}` });
}

async function check(request: DownloadRequest, sha256: string, { reject }: DownloadDeps): Promise<void> {
  const wrong =
    request.sha256 === undefined || request.sha256 === sha256
      ? await reject(partPath(request))
      : `its SHA-256 is ${sha256}, not ${request.sha256}`;
  if (wrong !== undefined) throw useless(request, wrong);
}

function useless(request: DownloadRequest, why: string): Failed {
  removePart(request);
  const message = `Cannot use what came as '${request.file}': ${why}`;
  return new Failed({ outcome: "service", message, hint: "it was removed" });
}

/** What a server has to say: the bytes from `from` on, of `size` in all where it tells. Without a body there is nothing to get. */
type Answer = { body: ReadableStream<Uint8Array> | undefined; from: number; size: number | undefined };

/** Asks for what is missing. A server that does not go on there, or has another file by now, sends it from its beginning. */
async function openAnswer(
  request: DownloadRequest,
  noted: Note | undefined,
  have: number,
  { fetch, signal, refused }: Pick<DownloadDeps, "fetch" | "signal" | "refused">,
): Promise<Answer> {
  // Compressed on the way, its bytes could not be counted.
  const headers = new Headers({ ...request.headers, "accept-encoding": "identity" });
  if (have > 0) headers.set("range", `bytes=${have}-`);
  if (have > 0 && noted?.etag != null) headers.set("if-range", noted.etag);
  let response: Response;
  try {
    response = await fetch(request.url, { headers, signal });
  } catch (error) {
    throw connectionLost(error, signal);
  }
  const { status } = response;
  const range = status === 206 ? contentRange(response.headers) : undefined;
  if (status === 200 || range?.from === have) {
    const length = response.headers.get("content-length");
    const size = range?.size ?? (length === null ? undefined : Number(length));
    if (size !== undefined && request.size !== undefined && size !== request.size) {
      const why = `the server has ${size} bytes of it, and ${request.size} were announced`;
      throw new Failed({ outcome: "service", message: `Cannot download '${request.file}': ${why}` });
    }
    const tag = response.headers.get("etag");
    const note: Note = { url: request.url, etag: isStrongTag(tag) ? tag : null, sha256: request.sha256 ?? null };
    writeNote(notePath(request), note);
    return { body: response.body ?? undefined, from: range?.from ?? 0, size: size ?? request.size };
  }
  if (status === 206 || status === 416) {
    // What is here is no beginning of what is there.
    removeFile(notePath(request));
    throw new Passing("the server has another file by now", { waitMs: 0 });
  }
  const problem = refused(status);
  if (status !== 408 && status !== 429 && status < 500) throw new Failed(problem);
  const seconds = /^\d+$/.exec(response.headers.get("retry-after") ?? "")?.[0];
  const wait = seconds === undefined ? {} : { waitMs: Number(seconds) * 1000 };
  throw new Passing(`the server answered with status ${status}`, { ...wait, problem });
}

function contentRange(headers: Headers): { from: number; size: number } | undefined {
  const [, from, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "") ?? [];
  return from === undefined || size === undefined ? undefined : { from: Number(from), size: Number(size) };
}
