import { callTool } from "../app/call-tool.ts";
import { known } from "../app/known.ts";
import { toolRows } from "../app/tool-list.ts";
import { exitCode } from "../core/exit.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { permissionKinds } from "../core/permission.ts";
import type { Plan } from "../core/plan.ts";
import type { Result } from "../core/result.ts";
import { clean } from "../render/clean.ts";
import { diagnosticsText } from "../render/diagnostics.ts";
import { errorText } from "../render/error.ts";
import { toolsJson, toolsText } from "../render/tools.ts";
import { agentBytes, checkRead, loadAgentBytes, shownFile, unloadedModules } from "./agent-file.ts";
import type { Handler } from "./command.ts";
import { fileLimit, readNamed } from "./files.ts";
import type { Arguments, UsageProblem } from "./flags.ts";
import { grantsFrom } from "./grants.ts";
import type { Io } from "./io.ts";
import { mcpConfigs } from "./mcp-files.ts";
import { interruptOnSignals } from "./signals.ts";
import { usageError } from "./usage.ts";

/** Lists the tools of an agent file, or rein's own. */
export const toolsCommand: Handler = async (args, io) => {
  const [file] = args.positionals;
  const plan = file === undefined ? undefined : await planOf(file, () => args.has("--load"), args, io);
  if (plan === null) return exitCode("usage");
  const rows = await toolRows(plan?.tools, plan?.mcp);
  await io.stdout.write(args.one("--output") === "json" ? toolsJson(rows) : toolsText(rows));
  return 0;
};

/** Calls one tool by hand. Its answer is on stdout; a failure on stderr, with exit code 5. */
export const callCommand: Handler = async (args, io) => {
  const [name = "", file] = args.positionals;
  const input = inputOf(args);
  if (!input.ok) return usageError(input.error, io, { name: "tools call" });
  const vague =
    file === undefined ? permissionKinds.find((kind) => args.all(`--allow-${kind}`).includes(true)) : undefined;
  if (vague !== undefined || (file === undefined && args.has("--permit"))) {
    const flag = vague === undefined ? "-P" : `--allow-${vague}`;
    const message = `'${flag}' grants what an agent file requests, and none was given`;
    return usageError({ message, hint: "say what is granted, such as --allow-read=src" }, io, { name: "tools call" });
  }
  const isThere = ({ tools }: Plan) => tools.some((tool) => tool.kind !== "unloaded" && tool.name === name);
  const plan = file === undefined ? undefined : await planOf(file, (read) => !isThere(read), args, io);
  if (plan === null) return exitCode("usage");
  const interrupts = new AbortController();
  const leaveSignals = interruptOnSignals(interrupts);
  const called = await callTool({
    plan,
    name,
    input: input.value,
    grants: grantsFrom(args),
    cwd: io.cwd,
    environment: io.env,
    signal: interrupts.signal,
    ...(io.canAsk ? { tell: async (text: string) => void (await io.stderr.write(`${clean(text)}\n`)) } : {}),
    output: (text) => void (args.has("--verbose") && io.stderr.write(clean(text))),
    drawn: (text) => void io.stderr.write(clean(text)),
  });
  leaveSignals();
  if (!called.ok) {
    const { outcome, message, hint } = called.error;
    await io.stderr.write(
      errorText({ error: hint === undefined ? { message } : { message, hint }, denied: [] }, io.stderr.color),
    );
    return exitCode(outcome);
  }
  const { content, error, denied } = called.value;
  const text = content.endsWith("\n") || content === "" ? content : `${content}\n`;
  if (!error) await io.stdout.write(io.stdout.terminal ? clean(text) : text);
  await io.stderr.write(errorText({ error: error ? { message: content } : null, denied }, io.stderr.color));
  if (denied.length > 0) return exitCode("denied");
  return error ? exitCode("unfit") : 0;
};

/** An agent file's plan; null where it has errors, which were told. `load`: whether its modules are to be started for it. */
async function planOf(file: string, load: (plan: Plan) => boolean, args: Arguments, io: Io): Promise<Plan | null> {
  const given = mcpConfigs(args, io.cwd);
  if (!given.ok) {
    await usageError(given.error, io, { name: "tools" });
    return null;
  }
  const read = await agentBytes(file, io);
  const looked = checkRead(file, read, io.cwd, known, { mcp: given.value });
  const modules = looked.ok && load(looked.value) ? unloadedModules(looked.value) : [];
  const checked =
    read.ok && modules.length > 0
      ? await loadAgentBytes(file, read.value, modules, io, known, { mcp: given.value })
      : looked;
  const diagnostics = checked.ok ? checked.warnings : checked.diagnostics;
  await io.stderr.write(diagnosticsText(diagnostics, { color: io.stderr.color }));
  if (checked.ok) return checked.value;
  await io.stderr.write(`error: The agent file '${clean(shownFile(file))}' has errors\n`);
  return null;
}

/** `--input JSON`, or `--input @FILE`; no arguments where it was not given. */
export function inputOf(args: Arguments): Result<JsonObject, UsageProblem> {
  const given = args.one("--input") ?? "{}";
  const read = given.startsWith("@") ? readNamed(given.slice(1), fileLimit) : undefined;
  if (read?.ok === false) return read;
  const text = read === undefined ? given : new TextDecoder().decode(read.value);
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return { ok: true, value };
  } catch {
    return {
      ok: false,
      error: { message: "'--input' is not JSON", hint: `write --input '{"name": "value"}', or @FILE` },
    };
  }
  return { ok: false, error: { message: "'--input' is not a JSON object" } };
}
