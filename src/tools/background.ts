import type { Child, ProcessEnd } from "../core/host.ts";
import type { Result } from "../core/result.ts";
import type { ToolContext, ToolOutcome } from "../core/tool.ts";
import { CommandOutput, endWords } from "./command-output.ts";
import { newsBoard, type News } from "./news.ts";

/** Commands that run in the background of one run, which ends them. */
export type Background = {
  start(argv: string[], options: StartOptions, context: ToolContext): Promise<ToolOutcome>;
  /** What one wrote since it was last asked. Waits at most `waitMs` until there is something, or it has ended. */
  poll(id: string, waitMs: number, context: ToolContext): Promise<ToolOutcome>;
  kill(id: string): Promise<ToolOutcome>;
};

type StartOptions = { cwd?: string; timeoutMs?: number };

type Job = {
  child: Child;
  output: CommandOutput;
  started: number;
  end: { result: Result<ProcessEnd>; time: number } | undefined;
  /** Output came, or it ended. */
  news: News;
};

/** More than these do not run at once. */
const mostRunning = 16;

export function openBackground(): Background {
  const jobs = new Map<string, Job>();

  const unknown = (id: string): ToolOutcome => {
    const known = jobs.size === 0 ? "none was started" : `there are: ${[...jobs.keys()].join(", ")}`;
    return { content: `There is no background command '${id}': ${known}`, error: true };
  };

  const report = (id: string, job: Job): ToolOutcome => {
    const { text, ...whole } = job.output.take();
    const none = text === "" ? "no new output, " : "";
    if (job.end === undefined) return { content: `${text}[${none}${id} still runs]`, ...whole };
    const { result, time } = job.end;
    const how = result.ok ? endWords(result.value, time - job.started) : result.error.message;
    return { content: `${text}[${none}${id}: ${how}]`, ...whole };
  };

  return {
    start: async (argv, options, { host, signal, clock, output: show }) => {
      const running = [...jobs].filter(([, job]) => job.end === undefined).map(([id]) => id);
      if (running.length >= mostRunning) {
        const content = `Cannot run it: ${mostRunning} commands run in the background; kill one (${running.join(", ")})`;
        return { content, error: true };
      }
      const output = new CommandOutput();
      const news = newsBoard();
      const started = clock.now();
      const child = await host.process.start(argv, {
        ...options,
        signal,
        onOutput: (stream, piece) => {
          show(output.add(stream, piece));
          news.tell();
        },
      });
      if (!child.ok) return { content: child.error.message, error: true };
      const job: Job = { child: child.value, output, started, news, end: undefined };
      const id = `bg${jobs.size + 1}`;
      jobs.set(id, job);
      void job.child.ended.then((result) => {
        output.end();
        job.end = { result, time: clock.now() };
        news.tell();
      });
      return { content: `[started as ${id}: poll it for its output, kill it when it is no longer needed]` };
    },

    poll: async (id, waitMs, { clock, signal }) => {
      const job = jobs.get(id);
      if (job === undefined) return unknown(id);
      if (job.end === undefined && !job.output.unread && waitMs > 0) {
        const enough = new AbortController();
        await Promise.race([job.news.next(), clock.sleep(waitMs, AbortSignal.any([signal, enough.signal]))]);
        enough.abort();
      }
      return report(id, job);
    },

    kill: async (id) => {
      const job = jobs.get(id);
      if (job === undefined) return unknown(id);
      job.child.kill();
      await job.child.ended;
      return report(id, job);
    },
  };
}
