import type { Environment } from "./machine.ts";

/** Runs a program that a person has the terminal with, and waits for its end: its exit code. Fails where there is no such program. */
export async function runOnTerminal(
  argv: readonly string[],
  environment: Environment,
): Promise<{ ok: true; value: number } | { ok: false; error: string }> {
  const { BUN_OPTIONS: _options, BUN_BE_BUN: _bun, ...env } = environment;
  try {
    const child = Bun.spawn([...argv], { env, stdin: "inherit", stdout: "inherit", stderr: "inherit" });
    return { ok: true, value: await child.exited };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}
