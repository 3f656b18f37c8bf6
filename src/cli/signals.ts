import { exitCode, type Interruption } from "../core/exit.ts";

const interruptions = { SIGINT: "interrupt", SIGTERM: "terminated", SIGHUP: "hangup" } as const satisfies Record<
  string,
  Interruption
>;

/** Turns the first signal into an interruption of the run, which then ends in order; a second one ends the process at once. */
export function interruptOnSignals(run: AbortController): void {
  for (const [signal, interruption] of Object.entries(interruptions)) {
    process.on(signal, () => {
      if (run.signal.aborted) process.exit(exitCode(interruption));
      run.abort(interruption);
    });
  }
}
