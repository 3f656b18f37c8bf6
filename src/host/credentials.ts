import { closeSync, fchmodSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import type { Clock } from "../core/host.ts";
import type { TokenPlace } from "../core/oauth.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Keychain } from "./keychain.ts";
import { errorCode, errorText } from "./machine.ts";
import { removeFile, withFile, type Lock } from "./model-files.ts";

/** Small texts that nobody but their user may read, by keys that are names of files. */
export type Credentials = {
  read(key: string): Promise<Result<string | undefined>>;
  /** In the keychain, or where there is none in a file. */
  write(key: string, text: string): Promise<Result<TokenPlace>>;
  remove(key: string): Promise<Result<TokenPlace>>;
  /** Keeps other processes from changing it, once they are done: what gives it back. */
  lock(key: string, signal: AbortSignal): Promise<Result<() => void>>;
};

/** A keychain that wants more time waits for somebody who is not there. */
const patienceMs = 15_000;

const silence = "the keychain does not answer";

/** How long another process may take to renew a token. */
const lockMs = 60_000;

/** A longer file is none of ours. */
const largest = 1_000_000;

export function openCredentials(options: {
  folder: string | undefined;
  keychain: Keychain;
  lock: () => Promise<Lock>;
  clock: Pick<Clock, "now" | "sleep">;
}): Credentials {
  const { folder, keychain, clock } = options;
  const nowhere = () => fail("failed", "There is no place for sign-ins: neither XDG_DATA_HOME nor HOME is set");

  let silent = false;

  /** What a keychain says; a text where it cannot be used. One that was silent once is asked no more, so all of it waits once. */
  const ask = async <T>(question: () => Promise<T>): Promise<{ value: T } | string> => {
    if (silent) return silence;
    const settled = new AbortController();
    const tooLong = clock.sleep(patienceMs, settled.signal).then(() => silence);
    const answer = question().then((value) => ({ value }), keychainText);
    const first = await Promise.race([answer, tooLong]);
    settled.abort();
    if (first === silence) silent = true;
    return first;
  };

  return {
    read: async (key) => {
      const file = folder === undefined ? undefined : await readText(`${folder}/${key}.json`);
      if (file?.ok === false && file.error.code !== "not_found") return file;
      if (file?.ok === true) return file;
      const kept = await ask(() => keychain.get(key));
      return ok(typeof kept === "string" ? undefined : (kept.value ?? undefined));
    },
    write: async (key, text) => {
      const kept = await ask(() => keychain.set(key, text));
      if (typeof kept !== "string") {
        // An older one in a file would be read before it.
        const removed = folder === undefined ? ok(false) : removeFile(`${folder}/${key}.json`);
        return removed.ok ? ok({ kind: "keychain" }) : removed;
      }
      if (folder === undefined) return nowhere();
      const path = `${folder}/${key}.json`;
      const written = writePrivate(folder, path, text);
      return written.ok ? ok({ kind: "file", path, why: kept }) : written;
    },
    remove: async (key) => {
      const file = folder === undefined ? ok(false) : removeFile(`${folder}/${key}.json`);
      if (!file.ok) return file;
      // It may have one too, of a person who unlocked it after we had turned to the file.
      const removed = await ask(() => keychain.delete(key));
      if (file.value) return ok({ kind: "file", path: `${folder}/${key}.json`, why: "" });
      return typeof removed === "string" ? fail("failed", `Cannot remove it: ${removed}`) : ok({ kind: "keychain" });
    },
    lock: async (key, signal) => {
      if (folder === undefined) return nowhere();
      const take = await options.lock();
      const until = clock.now() + lockMs;
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        for (;;) {
          // The file stays: to remove it would race with the next one who locks it.
          const release = take(`${folder}/${key}.lock`);
          if (release !== undefined) return ok(release);
          await clock.sleep(50, signal);
          if (signal.aborted) return fail("cancelled", "Cancelled");
          if (clock.now() > until) return fail("timeout", "Another process has been changing the sign-in for too long");
        }
      } catch (error) {
        const code = errorCode(error);
        if (code === "") throw error;
        return fail("failed", `Cannot write '${folder}': ${errorText(code)}`);
      }
    },
  };
}

function keychainText(error: unknown): string {
  return error instanceof Error ? `the keychain cannot be used: ${error.message}` : "the keychain cannot be used";
}

async function readText(path: string): Promise<Result<string>> {
  const read = await withFile(path, ({ size, read: part }) =>
    size > largest ? undefined : new TextDecoder().decode(part(0, size)),
  );
  if (!read.ok) return read;
  return read.value === undefined ? fail("too_large", `Cannot read '${path}': it is too large`) : ok(read.value);
}

/** Whole or not at all, and on the disk before it counts: a token that was exchanged for it is good no more. */
function writePrivate(folder: string, path: string, text: string): Result<void> {
  const temporary = `${path}.new`;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    removeFile(temporary);
    const file = openSync(temporary, "wx", 0o600);
    try {
      fchmodSync(file, 0o600);
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    return ok(undefined);
  } catch (error) {
    const code = errorCode(error);
    if (code === "") throw error;
    // A part of a token is of no use to anybody who should have it. Where this fails too there is nothing more to do.
    removeFile(temporary);
    return fail("failed", `Cannot write '${path}': ${errorText(code)}`);
  }
}
