import { clock, explainRoute, routeStats } from "../app.ts";
import { exitCode } from "../core/exit.ts";
import type { Plan } from "../core/plan.ts";
import type { Problem } from "../core/problem.ts";
import type { InputValues } from "../core/plan.ts";
import type { Result } from "../core/result.ts";
import { clean } from "../render/clean.ts";
import { diagnosticsText } from "../render/diagnostics.ts";
import { routeJson, routeStatsJson, routeStatsText, routeText } from "../render/route.ts";
import { agentBytes, checkAgentBytes } from "./agent-file.ts";
import type { Handler } from "./command.ts";
import { fileLimit } from "./files.ts";
import type { Arguments, UsageProblem } from "./flags.ts";
import type { Io } from "./io.ts";
import { givenInput, stdinUse, typedInput } from "./run-input.ts";
import { sinceTime } from "./since.ts";
import { readStdin, textOf } from "./stdin.ts";
import { usageError } from "./usage.ts";

const command = { name: "route" };

/** Explains one decision of a route, or tells what its decisions so far came to. */
export const routeCommand: Handler = async (args, io) => {
  if (args.has("--stats")) return showStats(args, io);
  const [file] = args.positionals;
  if (file === undefined) return usageError({ message: "There is no FILE", hint: "or '--stats'" }, io, command);
  if (args.one("--since") !== undefined) return usageError({ message: "'--since' is for '--stats'" }, io, command);
  const bytes = await agentBytes(file, io);
  if (!bytes.ok) return usageError(bytes.error, io, command);
  const checked = checkAgentBytes(file, bytes.value, io.cwd);
  const diagnostics = checked.ok ? checked.warnings : checked.diagnostics;
  await io.stderr.write(diagnosticsText(diagnostics, { color: io.stderr.color }));
  if (!checked.ok) return exitCode("usage");
  const given = await readGiven(checked.value, args, io);
  if (!given.ok) return usageError(given.error, io, command);
  const explained = await explainRoute({ plan: checked.value, environment: io.env, ...given.value });
  if (!explained.ok) return reportProblem(explained.error, io);
  const render = args.one("--output") === "json" ? routeJson : routeText;
  await io.stdout.write(render(explained.value));
  return 0;
};

type Given = { input: InputValues; prompt: string | undefined };

/** The prompt and the inputs as `rein run` would take them. */
async function readGiven(plan: Plan, args: Arguments, io: Io): Promise<Result<Given, UsageProblem>> {
  const input = await givenInput(args, plan.input);
  if (!input.ok) return input;
  let prompt = args.positionals[1];
  const stdin = stdinUse(plan, prompt, input.value, []);
  if (!stdin.ok) return stdin;
  const texts = new Map(input.value.texts);
  if (stdin.value.for !== "nothing") {
    if (io.stdinIsTerminal)
      return { ok: false, error: { message: "The text is read from stdin, but that is a terminal" } };
    const never = new AbortController().signal;
    const read = await readStdin({ limit: fileLimit, bound: "can be judged", signal: never });
    const text = textOf(read?.ok ? read.value : new Uint8Array());
    if (read?.ok === false) return read;
    if (!text.ok) return text;
    if (stdin.value.for === "prompt") prompt = text.value;
    else if (stdin.value.for === "input" && text.value !== "") texts.set(stdin.value.name, text.value);
  }
  const typed = typedInput(plan, { ...input.value, texts });
  return typed.ok ? { ok: true, value: { input: typed.value, prompt } } : typed;
}

async function showStats(args: Arguments, io: Io): Promise<number> {
  if (args.positionals.length > 0) {
    const message = `'--stats' takes no '${args.positionals[0]}': it tells of all agents`;
    return usageError({ message }, io, command);
  }
  const since = sinceTime(args.one("--since"), clock.now());
  if (!since.ok) return usageError(since.error, io, command);
  const stats = await routeStats(io.env, since.value);
  if (!stats.ok) return usageError({ message: stats.error.message }, io, command);
  await io.stdout.write(args.one("--output") === "json" ? routeStatsJson(stats.value) : routeStatsText(stats.value));
  return 0;
}

async function reportProblem({ outcome, message, hint }: Problem, io: Io): Promise<number> {
  await io.stderr.write(clean(`error: ${message}\n${hint === undefined ? "" : `hint: ${hint}\n`}`));
  return exitCode(outcome);
}
