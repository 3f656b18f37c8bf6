import { basename, dirname, resolve } from "node:path";
import { known } from "../app/known.ts";
import type { Diagnostic } from "../core/diagnostic.ts";
import { plansOf, type Plan } from "../core/plan.ts";
import type { Result } from "../core/result.ts";
import type { Script } from "../core/script.ts";
import { checkAgent, type Known } from "../file/check.ts";
import type { Checked } from "../file/read.ts";
import { checkScript } from "../file/script.ts";
import { maxFileBytes, unreadable } from "../file/source.ts";
import type { ReadFolder } from "../file/tools-folder.ts";
import { diagnosticsText } from "../render/diagnostics.ts";
import type { AgentFiles } from "../file/agent-files.ts";
import { readBeside, readNamed, realFolder } from "./files.ts";
import type { UsageProblem } from "./flags.ts";
import type { Io } from "./io.ts";
import { lockIn } from "./mcp-files.ts";
import { readStdin } from "./stdin.ts";
import { toolsFolderOf } from "./tools-folder.ts";

/** Reads and checks an agent file. What cannot be read is a diagnostic as well, so that one report holds all files. */
export function readAgent(file: string, cwd: string): Checked<Plan> {
  return checkRead(file, readNamed(file, maxFileBytes), cwd);
}

/** The same for what was read. */
export function checkRead(
  file: string,
  read: Result<Uint8Array, UsageProblem>,
  cwd: string,
  names: Known = known,
  given: GivenServers = {},
): Checked<Plan> {
  if (read.ok) return checkAgentBytes(file, read.value, cwd, names, given);
  const { message, hint } = read.error;
  return { ok: false, diagnostics: [unreadable(shownFile(file), message, "unreadable", hint)] };
}

/** What a caller who is about to start servers adds to an agent file: their variables, and files with more servers. */
export type GivenServers = Pick<AgentFiles, "variable" | "mcp" | "lock">;

/** An agent file's content. One that came on stdin, as `-`, has paths that are relative to the working folder. */
export function checkAgentBytes(
  file: string,
  bytes: Uint8Array,
  cwd: string,
  names: Known = known,
  given: GivenServers = {},
  tools: (file: string) => ReadFolder = (named) => toolsFolderOf(named, cwd),
): Checked<Plan> {
  const source = { file, folder: dirname(resolve(cwd, file)), bytes };
  const read = (path: string) => readBeside(path, maxFileBytes);
  const checked = checkAgent(source, names, { read, folder: realFolder, tools, lock: lockIn, ...given });
  // Those of other files have places of their own.
  const placed = (diagnostics: Diagnostic[]) =>
    diagnostics.map((one) => (one.file === file ? { ...one, file: shownFile(file) } : one));
  if (checked.ok) return { ...checked, warnings: placed(checked.warnings) };
  return { ok: false, diagnostics: placed(checked.diagnostics) };
}

/** The modules whose code alone can tell what a file names. */
export function unloadedModules(plan: Plan): string[] {
  return plansOf(plan).flatMap(({ tools }) => tools.flatMap((tool) => (tool.kind === "unloaded" ? tool.modules : [])));
}

/** The same with the tools of modules. Each is in a process of its own that nothing is granted to, but not held by the kernel yet. */
export async function loadAgentBytes(
  file: string,
  bytes: Uint8Array,
  modules: readonly string[],
  { cwd, env }: Pick<Io, "cwd" | "env">,
  names: Known = known,
  given: GivenServers = {},
): Promise<Checked<Plan>> {
  const { loadModules } = await import("../app/modules.ts");
  const loaded = await loadModules([...new Set(modules)], { cwd, environment: env });
  return checkAgentBytes(file, bytes, cwd, names, given, (named) => toolsFolderOf(named, cwd, loaded));
}

/** The same with all modules of the tools folders, also those that the file does not name. */
export async function loadWholeFolder(
  file: string,
  bytes: Uint8Array,
  around: Pick<Io, "cwd" | "env">,
  names: Known,
  given: GivenServers,
): Promise<Checked<Plan>> {
  const modules: string[] = [];
  const looked = checkAgentBytes(file, bytes, around.cwd, names, given, (named) => (folder) => {
    const read = toolsFolderOf(named, around.cwd)(folder);
    if (read.ok) modules.push(...read.value.modules.map(({ path }) => path));
    return read;
  });
  return modules.length === 0 ? looked : loadAgentBytes(file, bytes, modules, around, names, given);
}

/** What a file is called where a place in it is told. */
export function shownFile(file: string): string {
  return file === "-" ? "<stdin>" : file;
}

/** stdin has one reader: the mistake of naming it twice. */
export function secondStdin(files: readonly string[]): UsageProblem | undefined {
  return files.filter((file) => file === "-").length > 1
    ? { message: "The agent file '-' was given twice" }
    : undefined;
}

/** The bytes of an agent file, of stdin where it is `-`. */
export async function agentBytes(
  file: string,
  { stdinIsTerminal }: Pick<Io, "stdinIsTerminal">,
): Promise<Result<Uint8Array, UsageProblem>> {
  if (file !== "-") return readNamed(file, maxFileBytes);
  const message = "The agent file '-' is read from stdin, but that is a terminal";
  if (stdinIsTerminal) return { ok: false, error: { message } };
  const { signal } = new AbortController();
  const read = await readStdin({ limit: maxFileBytes, bound: "an agent file can be", signal });
  if (read === undefined) throw new Error("Nothing ends the wait for an agent file but a signal to the process");
  return read;
}

/** Reads a scripted model's file. What is wrong in it is one message that holds all of it. */
export async function readScript(path: string, agents: readonly string[] = []): Promise<Result<Script>> {
  const read = readNamed(path, maxFileBytes);
  if (!read.ok) return { ok: false, error: { code: "failed", message: read.error.message } };
  const checked = checkScript({ file: path, folder: dirname(path), bytes: read.value }, agents);
  if (checked.ok) return { ok: true, value: checked.value };
  const report = diagnosticsText(checked.diagnostics, { color: false }).trimEnd();
  return { ok: false, error: { code: "invalid", message: `The script '${basename(path)}' has errors\n${report}` } };
}

/** Reads a small text file that the user or the agent file names. */
export function readText(path: string): Result<string> {
  const read = readNamed(path, maxFileBytes);
  return read.ok
    ? { ok: true, value: new TextDecoder().decode(read.value) }
    : { ok: false, error: { code: "failed", message: read.error.message } };
}
