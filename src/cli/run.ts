import { clock, prepareRun } from "../app.ts";
import { interrupted, type Problem } from "../core/problem.ts";
import type { PreparedRun } from "../app/request.ts";
import type { Ask, Confirm } from "../core/permission.ts";
import type { Plan } from "../core/plan.ts";
import type { RunResult } from "../core/result-document.ts";
import { ok, type Result } from "../core/result.ts";
import type { GivenInput } from "../file/input.ts";
import { maxFileBytes } from "../file/source.ts";
import { diagnosticsText } from "../render/diagnostics.ts";
import { planJson, planText } from "../render/plan.ts";
import { checkAgentBytes, readScript, readText } from "./agent-file.ts";
import type { Handler } from "./command.ts";
import { readNamed } from "./files.ts";
import type { Arguments, UsageProblem } from "./flags.ts";
import { grantsFrom } from "./grants.ts";
import { inputFlags } from "./input-flags.ts";
import type { Io } from "./io.ts";
import { givenInput, stdinUse, typedInput, type StdinUse } from "./run-input.ts";
import { outputProblem, reportProblem, runOutput, type Reported, type RunOutput } from "./run-output.ts";
import { interruptOnSignals } from "./signals.ts";
import { readStdin } from "./stdin.ts";
import { usageError } from "./usage.ts";

/** What an interruption is told as while there was no request yet. */
const tooEarly = "Ended before the model was asked";

/** Runs an agent file: checks it, makes its run ready, reads its input, and ends with an answer and an exit code. */
export const runCommand: Handler = async (typed, io) => {
  const interrupts = new AbortController();
  const plan = await loadAgent(typed, io, interrupts.signal);
  if (!plan.ok) return reportProblem(plan.error, typed, io);
  const complete = typed.complete?.(inputFlags(plan.value.input)) ?? ok(typed);
  if (!complete.ok) return usageError(complete.error, io, { name: `run ${plan.value.file}` });
  const args = complete.value;
  const given = await givenInput(args, plan.value.input);
  if (!given.ok) return reportProblem(usage(given.error), args, io);
  const stdin = stdinUse(plan.value, args.positionals[1], given.value);
  if (!stdin.ok) return reportProblem(usage(stdin.error), args, io);
  const mistake = outputProblem(args, plan.value) ?? inputProblem(args, io, plan.value, stdin.value);
  if (mistake !== undefined) return reportProblem(usage(mistake), args, io);

  // Until here a signal ends us as it ends any program: also while a FIFO has no writer.
  const leaveSignals = interruptOnSignals(interrupts);
  const output = runOutput(args, io, plan.value, () => interrupts.abort("reader_gone"));
  const prepared = await prepareRun({
    plan: plan.value,
    grants: grantsFrom(args),
    model: args.one("--model"),
    session: args.one("--session"),
    cwd: io.cwd,
    environment: io.env,
    ...(await asker(plan.value, io, output)),
    interrupts: interrupts.signal,
    files: { script: readScript, text: readText },
    streamed: args.has("--stream"),
    dryRun: args.has("--dry-run"),
  });
  if (!prepared.ok) return reportProblem(prepared.error, args, io);
  let performed: Result<RunResult | string, Problem>;
  try {
    performed = await perform(prepared.value, plan.value, given.value, stdin.value, args, io, output);
  } finally {
    await prepared.value.close();
  }
  // All is in order: a signal may end the wait for whoever reads the output.
  leaveSignals();
  const code = performed.ok ? await deliver(performed.value, io, output) : performed;
  return code.ok ? code.value : reportProblem(code.error, args, io, prepared.value.id);
};

async function deliver(made: RunResult | string, io: Io, output: RunOutput): Promise<Result<number, Problem>> {
  if (typeof made !== "string") return output.end(made);
  await io.stdout.write(made);
  return { ok: true, value: 0 };
}

/** From here on the run's clock ticks: input is read, holes are filled, and the model is asked. A text is what a dry run shows. */
async function perform(
  prepared: PreparedRun,
  plan: Plan,
  given: GivenInput,
  stdin: StdinUse,
  args: Arguments,
  io: Io,
  output: RunOutput,
): Promise<Result<RunResult | string, Problem>> {
  const texts = new Map(given.texts);
  let prompt = args.positionals[1];
  if (stdin.for !== "nothing") {
    const warn = args.has("--quiet") ? () => undefined : () => void io.stderr.write(`warning: Waiting for stdin\n`);
    const read = await readStdin({
      limit: prepared.promptLimit,
      signal: prepared.signal,
      sleep: clock.sleep,
      silent: warn,
    });
    if (read === undefined) return interrupted(prepared.signal, tooEarly);
    if (!read.ok) return { ok: false, error: usage(read.error) };
    if (stdin.for === "prompt") prompt = read.value;
    // An empty stdin leaves an input its default.
    else if (read.value !== "" || plan.input[stdin.name]?.default === undefined) texts.set(stdin.name, read.value);
  }
  const input = typedInput(plan, { ...given, texts });
  if (!input.ok) return { ok: false, error: usage(input.error) };
  if (args.has("--dry-run")) {
    const view = await prepared.look({ input: input.value, prompt });
    if (!view.ok) return view;
    const show = args.one("--output") === "json" ? planJson : planText;
    return { ok: true, value: show({ ...view.value, limits: plan.limits }) };
  }
  return prepared.start({ input: input.value, prompt }, output.observe);
}

async function loadAgent(args: Arguments, io: Io, signal: AbortSignal): Promise<Result<Plan, Reported>> {
  const [file = ""] = args.positionals;
  let checked;
  if (file === "-") {
    if (io.stdinIsTerminal)
      return mistaken({ message: "The agent file '-' is read from stdin, but that is a terminal" });
    const text = await readStdin({ limit: maxFileBytes, signal, sleep: clock.sleep, silent: () => undefined });
    if (text === undefined) return interrupted(signal, tooEarly);
    if (!text.ok) return mistaken(text.error);
    checked = checkAgentBytes(file, new TextEncoder().encode(text.value), io.cwd);
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

/** What is missing or cannot be had of the input, before anything is read. */
function inputProblem(args: Arguments, io: Io, plan: Plan, stdin: StdinUse): UsageProblem | undefined {
  const [file, prompt] = args.positionals;
  if (plan.prompt === undefined && (prompt === undefined || prompt === "")) {
    return {
      message: "There is no prompt: the file has none, and none was given",
      hint: `rein run ${file} 'PROMPT', or '-' to read it from stdin`,
    };
  }
  if (!io.stdinIsTerminal) return undefined;
  if (stdin.for === "prompt") return { message: "The prompt '-' is read from stdin, but that is a terminal" };
  if (stdin.for === "nothing" || plan.input[stdin.name]?.default !== undefined) return undefined;
  return {
    message: `The input '${stdin.name}' is read from stdin, but that is a terminal`,
    hint: `rein run ${file} < FILE, or --set ${stdin.name}=@FILE`,
  };
}

/** Questions go to a person at the terminal; progress makes room for them. */
async function asker(
  plan: Plan,
  io: Io,
  { progress }: RunOutput,
): Promise<{ ask: Ask | undefined; confirm?: Confirm }> {
  if (!io.canAsk) return { ask: undefined };
  const { askOnTerminal, confirmOnTerminal, hasTerminal } = await import("./ask.ts");
  if (!hasTerminal()) return { ask: undefined };
  const ask = askOnTerminal(plan.name, { before: progress.hide, after: progress.show });
  return { ask, confirm: confirmOnTerminal };
}

function usage(problem: UsageProblem): Problem {
  return { outcome: "usage", ...problem };
}

function mistaken(problem: UsageProblem): { ok: false; error: Reported } {
  return { ok: false, error: usage(problem) };
}
