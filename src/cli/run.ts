import { known } from "../app/known.ts";
import type { Plan } from "../core/plan.ts";
import { ok, type Result } from "../core/result.ts";
import { cleanLine } from "../render/clean.ts";
import { diagnosticsText } from "../render/diagnostics.ts";
import { agentBytes, checkAgentBytes, loadAgentBytes, shownFile, unloadedModules } from "./agent-file.ts";
import type { Handler } from "./command.ts";
import type { Arguments } from "./flags.ts";
import { grantsAny } from "./grants.ts";
import { inputFlags } from "./input-flags.ts";
import type { Io } from "./io.ts";
import { serversGiven } from "./mcp-files.ts";
import { reportProblem, type Reported } from "./run-output.ts";
import { runPlan } from "./run-plan.ts";
import { usageError } from "./usage.ts";

/** Runs an agent file: checks it, makes its run ready, reads its input, and ends with an answer and an exit code. */
export const runCommand: Handler = async (typed, io) => {
  const plan = await loadAgent(typed.positionals[0] ?? "", typed, io);
  if (!plan.ok) return reportProblem(plan.error, typed, io);
  const complete = typed.complete?.(inputFlags(plan.value.input)) ?? ok(typed);
  if (!complete.ok) {
    const { file } = plan.value;
    return usageError(complete.error, io, { name: file === "-" ? "run" : `run ${cleanLine(file)}` });
  }
  const args = complete.value;
  return runPlan(plan.value, args.positionals[1], args, io);
};

/** An agent file, checked, with all that its modules have. Warnings go to stderr. */
export async function loadAgent(file: string, args: Arguments, io: Io): Promise<Result<Plan, Reported>> {
  const read = await agentBytes(file, io);
  if (!read.ok) return { ok: false, error: { outcome: "usage", ...read.error } };
  const given = serversGiven(args, io);
  if (!given.ok) return { ok: false, error: { outcome: "usage", ...given.error } };
  const looked = checkAgentBytes(file, read.value, io.cwd, known, given.value);
  // A look starts nothing.
  const modules = looked.ok && !args.has("--dry-run") ? unloadedModules(looked.value) : [];
  if (looked.ok && modules.length > 0 && !grantsAny(args)) return unasked(looked.value);
  const checked =
    modules.length === 0 ? looked : await loadAgentBytes(file, read.value, modules, io, known, given.value);
  const diagnostics = checked.ok ? checked.warnings : checked.diagnostics;
  const report = diagnosticsText(diagnostics, { color: io.stderr.color });
  if (!checked.ok) {
    return {
      ok: false,
      error: { outcome: "usage", message: `The agent file '${shownFile(file)}' has errors`, report },
    };
  }
  if (!args.has("--quiet")) await io.stderr.write(report);
  return { ok: true, value: checked.value };
}

/**
 * The kernel does not hold modules to any rule yet, so that their code could do what the user can: it is started for who granted the
 * agent something, and not for who only named a file.
 */
function unasked({ name }: Plan): Result<never, Reported> {
  const message = `'${name}' has tools whose code would run, and nothing was granted`;
  const hint = "look into its tools folder, then add -P to grant all that the file requests";
  return { ok: false, error: { outcome: "denied", message, hint } };
}
