import type { Result } from "../core/result.ts";
import type { UsageProblem } from "./flags.ts";

/** How long stdin may say nothing before the user is told what rein waits for. */
const silenceMs = 10_000;

/** What reading stdin needs around it. */
export type StdinOptions = {
  /** In bytes: more than this the model could not hold. */
  limit: number;
  signal: AbortSignal;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Called once when nothing has come for a while. */
  silent(): void;
};

/** What came on stdin as UTF-8 text. */
export function textOf(bytes: Uint8Array): Result<string, UsageProblem> {
  try {
    return { ok: true, value: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { ok: false, error: { message: "stdin is not UTF-8 text" } };
  }
}

/** Reads all of stdin. Undefined when the signal ended it. */
export async function readStdin(options: StdinOptions): Promise<Result<Uint8Array, UsageProblem> | undefined> {
  const { limit, signal } = options;
  if (signal.aborted) return undefined;
  const waiting = new AbortController();
  void options.sleep(silenceMs, waiting.signal).then(() => {
    if (!waiting.signal.aborted) options.silent();
  });
  let leave = (): void => undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    const reader = Bun.stdin.stream().getReader();
    leave = () => void reader.cancel().catch(() => undefined);
    signal.addEventListener("abort", leave);
    for (;;) {
      const { done, value } = await reader.read();
      if (signal.aborted) return undefined;
      waiting.abort();
      if (done) return { ok: true, value: Buffer.concat(chunks, size) };
      chunks.push(value);
      size += value.byteLength;
      if (size > limit) {
        leave();
        return { ok: false, error: { message: `stdin is larger than the model could hold (${limit} bytes)` } };
      }
    }
  } catch (error) {
    if (signal.aborted) return undefined;
    return {
      ok: false,
      error: { message: `Cannot read stdin: ${error instanceof Error ? error.message : String(error)}` },
    };
  } finally {
    waiting.abort();
    signal.removeEventListener("abort", leave);
  }
}
