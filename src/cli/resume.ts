import { takeRun } from "../app.ts";
import { prepareRun } from "../app/prepare.ts";
import type { Resumed, RunEnd } from "../app/resume.ts";
import type { Plan } from "../core/plan.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import type { RunResult } from "../core/result-document.ts";
import type { Result } from "../core/result.ts";
import { readScript, readText } from "./agent-file.ts";
import type { Handler } from "./command.ts";
import type { Arguments } from "./flags.ts";
import { grantsFrom } from "./grants.ts";
import type { Io } from "./io.ts";
import { waitFrom } from "./journaling.ts";
import { bareAgent } from "./one-shot.ts";
import { loadAgent, loadRead } from "./run.ts";
import { outputProblem, reportProblem, runOutput, type Reported } from "./run-output.ts";
import { asker, deliver, usage } from "./run-plan.ts";
import { interruptOnSignals } from "./signals.ts";

/** Goes on with a run: what it has done is not done again, and what it has come to by itself is told again. */
export const resumeCommand: Handler = async (args, io) => {
  const interrupts = new AbortController();
  const leaveSignals = interruptOnSignals(interrupts);
  const wait = waitFrom(args, interrupts.signal);
  if (!wait.ok) return reportProblem(usage(wait.error), args, io);
  const taken = await takeRun(io.env, args.positionals[0] ?? "", wait.value);
  if (!taken.ok) return reportProblem(taken.error, args, io);
  if ("type" in taken.value) return told(taken.value, args, io);
  const resumed = taken.value;
  try {
    return await goOn(resumed, args, io, interrupts, leaveSignals);
  } finally {
    await resumed.journal.close();
  }
};

/** The result that a run had, as that run has told it. */
async function told(end: RunEnd, args: Arguments, io: Io): Promise<number> {
  const any = { checks: [] };
  const mistake = outputProblem(args, any);
  if (mistake !== undefined) return reportProblem(usage(mistake), args, io);
  const output = runOutput(args, io, any, () => undefined);
  output.observe(end);
  const code = await output.end(end.result);
  return code.ok ? code.value : reportProblem(code.error, args, io, end.result.run_id);
}

async function goOn(
  resumed: Resumed,
  args: Arguments,
  io: Io,
  interrupts: AbortController,
  leaveSignals: () => void,
): Promise<number> {
  const { id, launch, session } = resumed;
  const { cwd, servers = [] } = launch;
  const plan = await planOf(resumed, args, io);
  if (!plan.ok) return reportProblem(plan.error, args, io, id);
  const problem = mistakeIn(plan.value, resumed, args);
  if (problem !== undefined) return reportProblem(problem, args, io, id);
  const output = runOutput(args, io, plan.value, () => interrupts.abort("reader_gone"));
  const prepared = await prepareRun({
    plan: plan.value,
    grants: grantsFrom(args),
    model: launch.model,
    session,
    cwd,
    environment: io.env,
    ...(await asker(plan.value, io, output)),
    interrupts: interrupts.signal,
    files: { script: readScript, text: readText },
    streamed: args.has("--stream"),
    dryRun: false,
    servers,
    resumed,
  });
  if (!prepared.ok) return reportProblem(prepared.error, args, io, id);
  let performed: Result<RunResult, Problem>;
  try {
    const told = { input: resumed.input, prompt: undefined, files: [] };
    performed = await prepared.value.start(told, output.observe);
  } finally {
    await prepared.value.close();
  }
  leaveSignals();
  const code = performed.ok ? await deliver(performed.value, io, output) : performed;
  return code.ok ? code.value : reportProblem(code.error, args, io, id);
}

/** The agent as its files are now; one that came on stdin, or that nobody wrote, as it was. */
async function planOf({ agent, launch }: Resumed, args: Arguments, io: Io): Promise<Result<Plan, Reported>> {
  const { file, text = "", cwd, servers = [] } = launch;
  const around = { ...io, cwd };
  if (file !== undefined) return loadAgent(file, withServers(args, servers), around);
  if (text === "") return { ok: true, value: bareAgent(cwd, agent) };
  return loadRead("-", new TextEncoder().encode(text), withServers(args, servers), around, []);
}

/** Why a run cannot go on with an agent, or the output not be as it was asked for. */
function mistakeIn(plan: Plan, resumed: Resumed, args: Arguments): Reported | undefined {
  const mistake = outputProblem(args, plan);
  if (mistake !== undefined) return usage(mistake);
  const changes = args.has("--changed") ? [] : changesIn(plan, resumed);
  if (changes.length === 0) return undefined;
  const message = `Cannot resume run '${resumed.id}': ${changes.join(", ")}`;
  return problemOf("usage", message, "'--changed' goes on with what there is now").error;
}

/** What has become of the files that a run was made of. */
function changesIn({ hash, files = {} }: Plan, before: Resumed): string[] {
  const own = hash === before.hash ? [] : [`the agent file '${before.launch.file}' has changed since`];
  const all = new Set([...Object.keys(before.files), ...Object.keys(files)]);
  const further = [...all].toSorted().flatMap((path) => {
    const [then, now] = [before.files[path], files[path]];
    if (then === now) return [];
    return `'${path}' ${then === undefined ? "is new" : now === undefined ? "is not used any more" : "has changed since"}`;
  });
  return [...own, ...further];
}

/** The flags with the files of MCP servers that the run was begun with. */
function withServers(args: Arguments, servers: readonly string[]): Arguments {
  return { ...args, all: (name) => (name === "--mcp-config" ? [...servers] : args.all(name)) };
}
