import { clock } from "../app.ts";
import type { Plan } from "../core/plan.ts";
import { interrupted } from "../core/problem.ts";
import { ok, type Result } from "../core/result.ts";
import { maxFileBytes } from "../file/source.ts";
import { diagnosticsText } from "../render/diagnostics.ts";
import { checkAgentBytes } from "./agent-file.ts";
import type { Handler } from "./command.ts";
import { readNamed } from "./files.ts";
import type { Arguments, UsageProblem } from "./flags.ts";
import { inputFlags } from "./input-flags.ts";
import type { Io } from "./io.ts";
import { reportProblem, type Reported } from "./run-output.ts";
import { runPlan, tooEarly } from "./run-plan.ts";
import { readStdin } from "./stdin.ts";
import { usageError } from "./usage.ts";

/** Runs an agent file: checks it, makes its run ready, reads its input, and ends with an answer and an exit code. */
export const runCommand: Handler = async (typed, io) => {
  const interrupts = new AbortController();
  const plan = await loadAgent(typed, io, interrupts.signal);
  if (!plan.ok) return reportProblem(plan.error, typed, io);
  const complete = typed.complete?.(inputFlags(plan.value.input)) ?? ok(typed);
  if (!complete.ok) return usageError(complete.error, io, { name: `run ${plan.value.file}` });
  const args = complete.value;
  return runPlan(plan.value, args.positionals[1], args, io, interrupts);
};

async function loadAgent(args: Arguments, io: Io, signal: AbortSignal): Promise<Result<Plan, Reported>> {
  const [file = ""] = args.positionals;
  let checked;
  if (file === "-") {
    if (io.stdinIsTerminal)
      return mistaken({ message: "The agent file '-' is read from stdin, but that is a terminal" });
    const read = await readStdin({ limit: maxFileBytes, signal, sleep: clock.sleep, silent: () => undefined });
    if (read === undefined) return interrupted(signal, tooEarly);
    if (!read.ok) return mistaken(read.error);
    checked = checkAgentBytes(file, read.value, io.cwd);
  } else {
    const read = readNamed(file, maxFileBytes);
    if (!read.ok) return mistaken(read.error);
    checked = checkAgentBytes(file, read.value, io.cwd);
  }
  const diagnostics = checked.ok ? checked.warnings : checked.diagnostics;
  const report = diagnosticsText(diagnostics, { color: io.stderr.color });
  if (!checked.ok) {
    return { ok: false, error: { outcome: "usage", message: `The agent file '${file}' has errors`, report } };
  }
  if (!args.has("--quiet")) await io.stderr.write(report);
  return { ok: true, value: checked.value };
}

function mistaken(problem: UsageProblem): { ok: false; error: Reported } {
  return { ok: false, error: { outcome: "usage", ...problem } };
}
