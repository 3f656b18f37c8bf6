import { examineServices } from "../app.ts";
import { exitCode } from "../core/exit.ts";
import type { Plan } from "../core/plan.ts";
import { diagnosticsText } from "../render/diagnostics.ts";
import { doctorJson, doctorText } from "../render/doctor.ts";
import type { ServiceCheck, ServiceState } from "../core/service-check.ts";
import { readAgent, readScript, readText } from "./agent-file.ts";
import { usageError } from "./usage.ts";
import type { Handler } from "./command.ts";
import { grantsFrom } from "./grants.ts";

/** Looks at the services of the environment and of an agent file. The report is the answer, so it is on stdout. */
export const doctorCommand: Handler = async (args, io) => {
  const [file] = args.positionals;
  let plan: Plan | undefined;
  if (file !== undefined) {
    const checked = readAgent(file, io.cwd);
    const diagnostics = checked.ok ? checked.warnings : checked.diagnostics;
    await io.stderr.write(diagnosticsText(diagnostics, { color: io.stderr.color }));
    if (!checked.ok) return exitCode("usage");
    plan = checked.value;
  }
  const examined = await examineServices({
    plan,
    grants: grantsFrom(args),
    cwd: io.cwd,
    environment: io.env,
    files: { script: readScript, text: readText },
    offline: args.has("--offline"),
  });
  if (!examined.ok) return usageError({ message: examined.error.message }, io);
  const checks = examined.value;
  if (args.one("--output") === "json") await io.stdout.write(doctorJson(checks));
  else if (checks.length > 0) await io.stdout.write(doctorText(checks, io.stdout.color));
  else await io.stdout.write("No service's key or address is set ('rein help models' lists the variables)\n");
  return doctorCode(checks);
};

/** What a run with the worst of them would end with. */
function doctorCode(checks: readonly ServiceCheck[]): number {
  const some = (...states: ServiceState[]) => checks.some(({ state }) => states.includes(state));
  if (some("refused", "no_key")) return exitCode("credentials");
  return exitCode(some("unreachable") ? "service" : "done");
}
