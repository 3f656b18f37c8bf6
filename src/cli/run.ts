import { known } from "../app/known.ts";
import type { Plan } from "../core/plan.ts";
import { ok, type Result } from "../core/result.ts";
import type { Source } from "../file/source.ts";
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
export async function loadAgent(
  file: string,
  args: Arguments,
  io: Io,
  more: readonly Source[] = [],
): Promise<Result<Plan, Reported>> {
  const read = await agentBytes(file, io);
  if (!read.ok) return { ok: false, error: { outcome: "usage", ...read.error } };
  return loadRead(file, read.value, args, io, more);
}

/** The same of what was read. `more`: further files with MCP servers, beside those of the flags; nothing of them is quoted. */
export async function loadRead(
  file: string,
  bytes: Uint8Array,
  args: Arguments,
  io: Io,
  more: readonly Source[],
): Promise<Result<Plan, Reported>> {
  const flags = serversGiven(args, io);
  if (!flags.ok) return { ok: false, error: { outcome: "usage", ...flags.error } };
  const given = { ...flags.value, mcp: [...flags.value.mcp, ...more] };
  const looked = checkAgentBytes(file, bytes, io.cwd, known, given);
  // A look starts nothing.
  const modules = looked.ok && !args.has("--dry-run") ? unloadedModules(looked.value) : [];
  if (looked.ok && modules.length > 0 && !grantsAny(args)) return unasked(looked.value);
  const checked = modules.length === 0 ? looked : await loadAgentBytes(file, bytes, modules, io, known, given);
  const found = checked.ok ? checked.warnings : checked.diagnostics;
  const diagnostics = found.filter((one) => !more.some((other) => other.file === one.file));
  const unquoted = found.filter((one) => !diagnostics.includes(one) && one.severity === "error");
  if (diagnostics.every(({ severity }) => severity !== "error") && unquoted.length > 0) {
    const message = unquoted.map((one) => `${one.file}: ${one.message}`).join("\n");
    return { ok: false, error: { outcome: "usage", message } };
  }
  const report = diagnosticsText(diagnostics, { color: io.stderr.color });
  if (!checked.ok) {
    return {
      ok: false,
      error: { outcome: "usage", message: `The agent file '${shownFile(file)}' has errors`, report },
    };
  }
  if (!args.has("--quiet")) await io.stderr.write(report);
  if (file !== "-") return { ok: true, value: checked.value };
  // A byte order mark stays, so that it is the same text when it is read again.
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return { ok: true, value: { ...checked.value, text } };
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
