import { exitCode } from "../core/exit.ts";
import type { Command } from "./command.ts";
import type { UsageProblem } from "./flags.ts";
import type { Output } from "./output.ts";

/** Reports a mistake in what was typed, with the place to read on. */
export async function usageError(
  problem: UsageProblem,
  { stderr }: { stderr: Output },
  command?: Pick<Command, "name">,
): Promise<number> {
  const see =
    command === undefined
      ? "rein help"
      : command.name.startsWith("-")
        ? `rein ${command.name} --help`
        : `rein help ${command.name}`;
  const hint = problem.hint === undefined ? "" : `hint: ${problem.hint}\n`;
  const { clean } = await import("../render/clean.ts");
  // What was typed, and names of files, may hold what a terminal obeys.
  await stderr.write(clean(`error: ${problem.message}\n${hint}see: ${see}\n`));
  return exitCode("usage");
}
