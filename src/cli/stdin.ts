import type { Result } from "../core/result.ts";
import type { UsageProblem } from "./flags.ts";

/** How long stdin may say nothing before the user is told what rein waits for. */
const silenceMs = 10_000;

/** What reading stdin needs around it. */
export type StdinOptions = {
  /** In bytes: more than this is a mistake. */
  limit: number;
  /** What the limit is: "the model could hold". */
  bound: string;
  signal: AbortSignal;
  /** `silent` is called once when nothing has come for a while. */
  patience?: { sleep(ms: number, signal: AbortSignal): Promise<void>; silent(): void };
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
  const { limit, bound, signal, patience } = options;
  if (signal.aborted) return undefined;
  const waiting = new AbortController();
  void patience?.sleep(silenceMs, waiting.signal).then(() => {
    if (!waiting.signal.aborted) patience.silent();
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
        return { ok: false, error: { message: `stdin is larger than ${bound} (${limit} bytes)` } };
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
