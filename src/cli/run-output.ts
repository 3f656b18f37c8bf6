import { clock, problemResult } from "../app.ts";
import type { Problem } from "../core/problem.ts";
import type { Stamped } from "../core/event.ts";
import type { Plan } from "../core/plan.ts";
import type { Renderer, Writer } from "../core/render.ts";
import type { Result } from "../core/result.ts";
import type { RunResult } from "../core/result-document.ts";
import { errorText } from "../render/error.ts";
import { jsonRenderer } from "../render/json.ts";
import { jsonlRenderer } from "../render/jsonl.ts";
import { progressRenderer, type Progress } from "../render/progress.ts";
import { queue } from "../render/queue.ts";
import { textRenderer, type TextOptions } from "../render/text.ts";
import { verboseRenderer } from "../render/verbose.ts";
import { checkWritable, writeNamed } from "./files.ts";
import type { Arguments, UsageProblem } from "./flags.ts";
import { isDumb, type Io } from "./io.ts";
import { terminalPictures } from "./pictures.ts";

/** Where a run's events and its result go. */
export type RunOutput = {
  progress: Progress;
  /** Text is shown as it comes: what was shown cannot be taken back. */
  streamed: boolean;
  observe(event: Stamped): void;
  /** Shows the result and says the exit code. A failure when the answer could not be written. */
  end(result: RunResult): Promise<Result<number, Problem>>;
};

/** A problem before the run; `report` is what stderr says of it, where that is more than its message. */
export type Reported = Problem & { report?: string };

/** What an answer must be like. */
type Answering = Pick<Plan, "output" | "checks">;

/** Flags that cannot go together, or do not fit the plan. */
export function outputProblem(args: Arguments, plan: Answering): UsageProblem | undefined {
  const file = args.one("--output-file");
  if (args.has("--stream")) {
    const format = args.one("--output") ?? "text";
    if (format !== "text") return { message: `'--stream' does not go with '--output ${format}'` };
    if (file !== undefined) return { message: "'--stream' does not go with '--output-file'" };
    if (plan.output !== undefined) return { message: "'--stream' does not go with an agent that has an output schema" };
    if (plan.checks.length > 0) return { message: "'--stream' does not go with an agent that has checks" };
  }
  if (args.has("--dry-run") && args.one("--output") === "jsonl") {
    return {
      message: "'--dry-run' does not go with '--output jsonl'",
      hint: "'--output json' prints the plan as JSON",
    };
  }
  if (args.has("--quiet") && args.has("--verbose")) return { message: "'--quiet' does not go with '--verbose'" };
  const writable = file === undefined ? undefined : checkWritable(file);
  return writable?.ok === false ? writable.error : undefined;
}

/** The renderers that the flags ask for, each behind a queue of its own unless they share the terminal. */
export function runOutput(args: Arguments, io: Io, plan: Answering, readerGone: () => void): RunOutput {
  const format = args.one("--output") ?? "text";
  const file = args.one("--output-file");
  const kept: string[] = [];
  const stdout: Writer = file === undefined ? io.stdout : { write: async (text) => kept.push(text) > 0 };
  const plain = plan.output === undefined && plan.checks.length === 0;
  const stream = args.has("--stream") || (format === "text" && file === undefined && io.stdout.terminal && plain);
  if (file === undefined && (stream || format === "jsonl")) io.stdout.onGone(readerGone);

  const progress = progressRenderer({
    stderr: io.stderr,
    mode: progressMode(args, io),
    color: io.stderr.color,
    pictures: io.stderr.terminal && !isDumb(io.env) ? terminalPictures(io.env) : undefined,
    clock,
    columns: () => process.stderr.columns || 80,
    streaming: stream && io.stdout.terminal,
  });
  const quietOrNot: Renderer = args.has("--quiet") ? silent : progress;
  // First what stands above the status line, then the line itself.
  const onStderr = args.has("--verbose") ? [verboseRenderer(progress.above, io.stderr.color), progress] : [quietOrNot];
  const answer = answerRenderer(format, stdout, {
    stream,
    schema: plan.output !== undefined,
    terminal: file === undefined && io.stdout.terminal,
    // A terminal that does not know its size says 0. Where colours are not wanted, nothing else is done to the text either.
    markdown:
      file === undefined && io.stdout.color
        ? { columns: () => process.stdout.columns || 80, rows: () => process.stdout.rows || 24 }
        : undefined,
  });
  // On a terminal text and progress take turns on the same lines; a pipe must not wait for the terminal, nor the other way.
  const queues = stream && io.stdout.terminal ? [queue([...onStderr, answer])] : [queue([answer]), queue(onStderr)];
  return {
    progress,
    streamed: stream,
    observe(event) {
      for (const one of queues) one.push(event);
    },
    async end(result) {
      for (const one of queues) await one.end(result);
      const lost = file === undefined ? undefined : keepAnswer(file, kept);
      if (result.outcome !== "done" || !args.has("--quiet")) await io.stderr.write(errorText(result, io.stderr.color));
      return lost === undefined ? { ok: true, value: result.exit_code } : { ok: false, error: lost };
    },
  };
}

/** Tells of a run that did not begin, in the format that was asked for, and says the exit code. */
export async function reportProblem(problem: Reported, args: Arguments, io: Io, run = clock.id()): Promise<number> {
  const result = problemResult(run, problem);
  const format = args.one("--output");
  if (format === "json") await jsonRenderer(io.stdout).end(result);
  if (format === "jsonl") await jsonlRenderer(io.stdout).event({ seq: 0, time: clock.now(), type: "run_end", result });
  await io.stderr.write(problem.report ?? errorText(result, io.stderr.color));
  return result.exit_code;
}

function answerRenderer(format: string, stdout: Writer, text: Omit<TextOptions, "stdout">): Renderer {
  switch (format) {
    case "json":
      return jsonRenderer(stdout);
    case "jsonl":
      return jsonlRenderer(stdout);
    default:
      return textRenderer({ stdout, ...text });
  }
}

const silent: Renderer = { event: async () => undefined, end: async () => undefined };

function progressMode(args: Arguments, io: Io): "live" | "plain" | "none" {
  if (args.has("--quiet")) return "none";
  const wanted = args.one("--progress") ?? "auto";
  if (wanted !== "auto") return wanted === "plain" ? "plain" : "none";
  if (io.env["CI"]) return "plain";
  // Events that come on a terminal are its progress.
  const events = args.one("--output") === "jsonl" && args.one("--output-file") === undefined && io.stdout.terminal;
  if (!io.stderr.terminal || events) return "none";
  return isDumb(io.env) ? "plain" : "live";
}

function keepAnswer(file: string, kept: string[]): Problem | undefined {
  if (kept.length === 0) return undefined;
  const written = writeNamed(file, kept.join(""));
  return written.ok ? undefined : { outcome: "usage", message: written.error.message };
}
