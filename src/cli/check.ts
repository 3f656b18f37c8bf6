import { known } from "../app/known.ts";
import { exitCode } from "../core/exit.ts";
import { cleanLine } from "../render/clean.ts";
import { diagnosticsJson, diagnosticsSarif, diagnosticsText } from "../render/diagnostics.ts";
import type { Plan } from "../core/plan.ts";
import type { Known } from "../file/check.ts";
import type { Checked } from "../file/read.ts";
import {
  agentBytes,
  checkRead,
  loadWholeFolder,
  secondStdin,
  shownFile,
  unloadedModules,
  type GivenServers,
} from "./agent-file.ts";
import { mcpConfigs } from "./mcp-files.ts";
import { ownFlags } from "./input-flags.ts";
import { usageError } from "./usage.ts";
import type { Handler } from "./command.ts";
import type { Io } from "./io.ts";
import { version } from "../core/version.ts";

/** One file; with the tools of its modules where these are to be loaded. */
async function checkOne(
  file: string,
  load: boolean,
  names: Known,
  given: GivenServers,
  io: Io,
): Promise<Checked<Plan>> {
  const read = await agentBytes(file, io);
  return load && read.ok
    ? loadWholeFolder(file, read.value, io, names, given)
    : checkRead(file, read, io.cwd, names, given);
}

/** That a file is right, and what that leaves open: only their code could tell what modules have. */
function verdict(plan: Plan): string {
  return unloadedModules(plan).length > 0 ? "ok (its modules were not loaded: --load)" : "ok";
}

/** Checks files, without running, fetching or asking for anything. The report is the answer, so it is on stdout. */
export const checkCommand: Handler = async (args, io) => {
  const extra = secondStdin(args.positionals);
  if (extra !== undefined) return usageError(extra, io, { name: "check" });
  const mcp = mcpConfigs(args, io.cwd);
  if (!mcp.ok) return usageError(mcp.error, io, { name: "check" });
  // A file that runs is not told of it each time.
  const names = { ...known, flags: ownFlags };
  const results: Array<{ file: string; checked: Checked<Plan> }> = [];
  for (const file of args.positionals)
    results.push({
      file: shownFile(file),
      checked: await checkOne(file, args.has("--load"), names, { mcp: mcp.value }, io),
    });
  const diagnostics = results.flatMap(({ checked }) => (checked.ok ? checked.warnings : checked.diagnostics));
  const format = args.one("--output") ?? "text";
  if (format === "json") await io.stdout.write(diagnosticsJson(diagnostics));
  else if (format === "sarif") await io.stdout.write(diagnosticsSarif(diagnostics, version));
  else {
    const good = results.flatMap(({ file, checked }) =>
      checked.ok ? `${cleanLine(file)}: ${verdict(checked.value)}\n` : [],
    );
    await io.stdout.write(good.join("") + diagnosticsText(diagnostics, { color: io.stdout.color }));
  }
  return results.every(({ checked }) => checked.ok) ? 0 : exitCode("usage");
};
