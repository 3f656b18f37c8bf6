import { exitCode, type Interruption } from "../core/exit.ts";

const interruptions = { SIGINT: "interrupt", SIGTERM: "terminated", SIGHUP: "hangup" } as const satisfies Record<
  string,
  Interruption
>;

/**
 * Turns the first signal into an interruption of the run, which then ends in order; a second one ends the process at once. What is
 * returned leaves signals to the system again: when nothing is left to be put in order, they end a wait for a reader too.
 */
export function interruptOnSignals(run: AbortController): () => void {
  const handlers = Object.entries(interruptions).map(([signal, interruption]) => {
    const handle = () => {
      if (run.signal.aborted) process.exit(exitCode(interruption));
      run.abort(interruption);
    };
    process.on(signal, handle);
    return () => void process.off(signal, handle);
  });
  return () => handlers.forEach((remove) => remove());
}
