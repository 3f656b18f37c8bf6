import type { Environment } from "./machine.ts";

/** Runs a program that a person has the terminal with until it ends, or the signal ends it: its exit code. Fails where there is none. */
export async function runOnTerminal(
  argv: readonly string[],
  environment: Environment,
  signal: AbortSignal,
): Promise<{ ok: true; value: number } | { ok: false; error: string }> {
  const { BUN_OPTIONS: _options, BUN_BE_BUN: _bun, ...env } = environment;
  try {
    const child = Bun.spawn([...argv], {
      env,
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
      signal,
      killSignal: "SIGHUP",
    });
    return { ok: true, value: await child.exited };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}
