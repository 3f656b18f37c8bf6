import { clock } from "../app.ts";
import { prepareRun } from "../app/prepare.ts";
import type { PreparedRun } from "../app/request.ts";
import type { Person } from "../core/host.ts";
import type { Ask, Confirm } from "../core/permission.ts";
import type { Plan } from "../core/plan.ts";
import { interrupted, type Problem } from "../core/problem.ts";
import type { RunResult } from "../core/result-document.ts";
import type { Result } from "../core/result.ts";
import type { GivenInput } from "../file/input.ts";
import { clean } from "../render/clean.ts";
import { planJson, planText } from "../render/plan.ts";
import { readScript, readText } from "./agent-file.ts";
import { readAttached, withStdin, type Attached } from "./attach.ts";
import type { Arguments, UsageProblem } from "./flags.ts";
import { grantsFrom } from "./grants.ts";
import type { Io } from "./io.ts";
import { configPaths } from "./mcp-files.ts";
import { journalingFrom, leavingNothing } from "./journaling.ts";
import { givenInput, stdinUse, typedInput, type StdinUse } from "./run-input.ts";
import { outputProblem, reportProblem, runOutput, type RunOutput } from "./run-output.ts";
import { interruptOnSignals } from "./signals.ts";
import { readStdin, textOf } from "./stdin.ts";

/** What an interruption is told as while there was no request yet. */
const tooEarly = "Ended before the model was asked";

/** What was given to a run, on the command line and in files, and what stdin is for. */
type Given = { input: GivenInput; prompt: string | undefined; attached: Attached; stdin: StdinUse };

/** Makes a plan's run ready, reads its input, and ends with an answer and an exit code. */
export async function runPlan(plan: Plan, prompt: string | undefined, args: Arguments, io: Io): Promise<number> {
  const given = await readGiven(plan, prompt, args);
  if (!given.ok) return reportProblem(usage(given.error), args, io);
  const mistake = outputProblem(args, plan) ?? inputProblem(io, plan, given.value);
  if (mistake !== undefined) return reportProblem(usage(mistake), args, io);

  const interrupts = new AbortController();
  // Until here a signal ends us as it ends any program: also while a FIFO has no writer.
  const leaveSignals = interruptOnSignals(interrupts);
  const journaling = journalingFrom(args, interrupts.signal);
  if (!journaling.ok) return reportProblem(usage(journaling.error), args, io);
  const output = runOutput(args, io, plan, () => interrupts.abort("reader_gone"));
  const prepared = await prepareRun({
    plan: args.has("--ephemeral") ? leavingNothing(plan) : plan,
    grants: grantsFrom(args),
    model: args.one("--model"),
    ...journaling.value,
    cwd: io.cwd,
    environment: io.env,
    ...(await asker(plan, io, output)),
    interrupts: interrupts.signal,
    files: { script: readScript, text: readText },
    streamed: output.streamed,
    dryRun: args.has("--dry-run"),
    servers: configPaths(args, io.cwd),
  });
  if (!prepared.ok) return reportProblem(prepared.error, args, io);
  let performed: Result<RunResult | string, Problem>;
  try {
    performed = await perform(prepared.value, plan, given.value, args, io, output);
  } finally {
    await prepared.value.close();
  }
  // All is in order: a signal may end the wait for whoever reads the output.
  leaveSignals();
  const code = performed.ok ? await deliver(performed.value, io, output) : performed;
  return code.ok ? code.value : reportProblem(code.error, args, io, prepared.value.id);
}

/** What is given by words and files. stdin is read when all else is in order. */
async function readGiven(
  plan: Plan,
  prompt: string | undefined,
  args: Arguments,
): Promise<Result<Given, UsageProblem>> {
  const input = await givenInput(args, plan.input);
  if (!input.ok) return input;
  const attached = await readAttached(args);
  if (!attached.ok) return attached;
  const stdin = stdinUse(plan, prompt, input.value, attached.value);
  if (!stdin.ok) return stdin;
  return { ok: true, value: { input: input.value, prompt, attached: attached.value, stdin: stdin.value } };
}

export async function deliver(made: RunResult | string, io: Io, output: RunOutput): Promise<Result<number, Problem>> {
  if (typeof made !== "string") return output.end(made);
  await io.stdout.write(made);
  return { ok: true, value: 0 };
}

/** From here on the run's clock ticks: input is read, holes are filled, and the model is asked. A text is what a dry run shows. */
async function perform(
  prepared: PreparedRun,
  plan: Plan,
  given: Given,
  args: Arguments,
  io: Io,
  output: RunOutput,
): Promise<Result<RunResult | string, Problem>> {
  const { stdin } = given;
  const texts = new Map(given.input.texts);
  let { prompt } = given;
  let bytes: Uint8Array = new Uint8Array();
  if (stdin.for !== "nothing") {
    const warn = args.has("--quiet") ? () => undefined : () => void io.stderr.write(`warning: Waiting for stdin\n`);
    const read = await readStdin({
      limit: prepared.promptLimit,
      bound: "the model could hold",
      signal: prepared.signal,
      patience: { sleep: clock.sleep, silent: warn },
    });
    if (read === undefined) return interrupted(prepared.signal, tooEarly);
    if (!read.ok) return { ok: false, error: usage(read.error) };
    bytes = read.value;
  }
  const files = await withStdin(given.attached, bytes);
  if (!files.ok) return { ok: false, error: usage(files.error) };
  if (stdin.for === "prompt" || stdin.for === "input") {
    const text = textOf(bytes);
    if (!text.ok) return { ok: false, error: usage(text.error) };
    const empty = text.value === "" ? emptyProblem(plan, stdin) : undefined;
    if (empty !== undefined) return { ok: false, error: usage(empty) };
    if (stdin.for === "prompt") prompt = text.value;
    // An empty stdin leaves an input its default.
    else if (text.value !== "") texts.set(stdin.name, text.value);
  }
  const input = typedInput(plan, { ...given.input, texts });
  if (!input.ok) return { ok: false, error: usage(input.error) };
  const told = { input: input.value, prompt, files: files.value };
  if (args.has("--dry-run")) {
    const view = await prepared.look(told);
    if (!view.ok) return view;
    const show = args.one("--output") === "json" ? planJson : planText;
    return { ok: true, value: show(view.value) };
  }
  return prepared.start(told, output.observe);
}

/** What is missing or cannot be had of the input, before anything is read. */
function inputProblem(io: Io, plan: Plan, { prompt, attached, stdin }: Given): UsageProblem | undefined {
  const { file } = plan;
  if (plan.prompt === undefined && (prompt === undefined || prompt === "") && attached.length === 0) {
    return {
      message: "There is no prompt: the file has none, and none was given",
      hint: `rein run ${file} 'PROMPT', or '-' to read it from stdin`,
    };
  }
  if (!io.stdinIsTerminal) return undefined;
  if (stdin.for === "prompt") return { message: "The prompt '-' is read from stdin, but that is a terminal" };
  if (stdin.for === "attachment") return { message: "The attachment '-' is read from stdin, but that is a terminal" };
  if (stdin.for === "nothing" || plan.input[stdin.name]?.default !== undefined) return undefined;
  return {
    message: `The input '${stdin.name}' is read from stdin, but that is a terminal`,
    hint: `rein run ${file} < FILE, or --set ${stdin.name}=@FILE`,
  };
}

/** A command that failed before the pipe leaves stdin empty: to ask the model about nothing would cost money and end with 0. */
function emptyProblem(plan: Plan, stdin: StdinUse): UsageProblem | undefined {
  if (stdin.for === "input") {
    if (plan.input[stdin.name]?.default !== undefined) return undefined;
    const message = `stdin is empty, but the input '${stdin.name}' is required`;
    return { message, hint: `for an empty value: --set ${stdin.name}=` };
  }
  if (stdin.for === "prompt" && plan.prompt === undefined) return { message: "The prompt '-' is empty: stdin is" };
  return undefined;
}

/** Questions go to a person at the terminal; progress makes room for them. */
export async function asker(
  plan: Plan,
  io: Io,
  { progress }: RunOutput,
): Promise<{ ask: Ask | undefined; confirm?: Confirm } & Partial<Pick<Person, "tell" | "line">>> {
  if (!io.canAsk) return { ask: undefined };
  const { askOnTerminal, confirmOnTerminal, hasTerminal, lineOnTerminal } = await import("./ask.ts");
  if (!hasTerminal()) return { ask: undefined };
  const around = { before: progress.hide, after: progress.show };
  const ask = askOnTerminal(plan.name, around);
  const tell = async (text: string) => {
    await progress.hide();
    await io.stderr.write(`${clean(text)}\n`);
    await progress.show();
  };
  return { ask, confirm: confirmOnTerminal, tell, line: lineOnTerminal(around) };
}

export function usage(problem: UsageProblem): Problem {
  return { outcome: "usage", ...problem };
}
