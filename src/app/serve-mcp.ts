import { agentArgumentsSchema, inputAndPrompt } from "../core/agent-input.ts";
import type { Stamped } from "../core/event.ts";
import type { Interruption } from "../core/exit.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import type { Problem } from "../core/problem.ts";
import type { RunResult } from "../core/result-document.ts";
import { ok, type Result } from "../core/result.ts";
import { prepareRun } from "./prepare.ts";
import { serverFactory, type ServedResult, type ServedTool } from "../mcp/serve.ts";
import { agentInput } from "./agent-input.ts";
import type { RunRequest } from "./request.ts";
import type { Served } from "./serving.ts";
import { asText } from "./texts.ts";

/** An agent to serve. Each call of it is a run of its own, under these permissions and no others. */
export type ServedAgent = {
  request: Omit<RunRequest, "interrupts" | "ask" | "session" | "dryRun" | "streamed" | "judged">;
  /** What a client is told of an event; undefined: nothing. */
  progress(event: Stamped): string | undefined;
  /** Told of each call, for a log. */
  log(text: string): void;
};

/** So many calls run at once; a further one is refused, with the reason. */
const mostRunning = 16;

/** Nobody is asked, nothing is named, and nothing is streamed where a program is served. */
const unattended = { ask: undefined, session: undefined, dryRun: false, streamed: false };

/** What would keep the agents from ever running: said before anything is served. */
export async function judgeAgents(
  agents: readonly ServedAgent[],
  interrupts: AbortSignal,
): Promise<Result<void, Problem>> {
  for (const { request } of agents) {
    const prepared = await prepareRun({ ...request, ...unattended, interrupts, judged: true });
    if (!prepared.ok) return prepared;
    await prepared.value.close();
  }
  return ok(undefined);
}

/** The agents as tools, whose calls are in `running` while they go on. `ending` ends them. */
function agentTools(
  agents: readonly ServedAgent[],
  running: Set<Promise<ServedResult>>,
  ending: AbortSignal,
): ServedTool[] {
  return agents.map((agent) => {
    const { plan } = agent.request;
    const schema = plan.output?.schema;
    return {
      name: plan.name,
      description: plan.description ?? `Runs the agent '${plan.name}'`,
      input: agentArgumentsSchema({ plan, defaults: {} }),
      // The protocol's structured content is an object.
      ...(schema?.["type"] === "object" ? { output: schema } : {}),
      async call(input, { signal, progress }) {
        if (running.size >= mostRunning)
          return failure(`${mostRunning} runs are under way: try again when one has ended`);
        const call = callAgent(agent, input, AbortSignal.any([signal, ending]), ending, progress);
        running.add(call);
        try {
          return await call;
        } finally {
          running.delete(call);
        }
      },
    };
  });
}

async function callAgent(
  { request, progress, log }: ServedAgent,
  args: JsonObject,
  signal: AbortSignal,
  ending: AbortSignal,
  tell: (text: string) => void,
): Promise<ServedResult> {
  const { plan } = request;
  const { input, prompt } = inputAndPrompt({ plan }, args);
  const values = agentInput(plan.name, { plan, inline: false, defaults: {} }, input, {});
  if (!values.ok) return failure(values.error.message);
  const interrupts = new AbortController();
  const interrupt = () => interrupts.abort((ending.aborted ? "terminated" : "interrupt") satisfies Interruption);
  if (signal.aborted) interrupt();
  signal.addEventListener("abort", interrupt, { once: true });
  try {
    const prepared = await prepareRun({ ...request, ...unattended, interrupts: interrupts.signal });
    if (!prepared.ok) return failure(prepared.error.message);
    log(`${plan.name}: run ${prepared.value.id} begins`);
    try {
      const texts = { input: values.value, prompt: prompt === undefined ? undefined : asText(prompt), files: [] };
      const done = await prepared.value.start(texts, (event) => {
        const text = progress(event);
        if (text !== undefined) tell(text);
      });
      if (!done.ok) return failure(done.error.message);
      log(`${plan.name}: run ${prepared.value.id} ends: ${done.value.outcome}`);
      return answered(done.value, plan.output?.schema["type"] === "object");
    } finally {
      await prepared.value.close();
    }
  } finally {
    signal.removeEventListener("abort", interrupt);
  }
}

/** A run that did not end with exit code 0 is a failed call, whatever it answered. */
function answered(result: RunResult, structured: boolean): ServedResult {
  const { answer, error, denied, outcome, exit_code, usage, cost, run_id } = result;
  const reasons = [
    ...(error === null ? [] : [`${outcome}: ${error.message}`]),
    ...denied.map(({ kind, target, reason, flag }) => {
      const way = flag === undefined ? "" : ` (allowed by ${flag})`;
      return `denied: ${kind} '${target}': ${reason}${way}`;
    }),
  ];
  return {
    content: [...(answer === null ? [] : [asText(answer)]), ...reasons],
    ...(structured && isJsonObject(answer) && outcome === "done" ? { structured: answer } : {}),
    error: exit_code !== 0,
    meta: { "rein/run": { run_id, outcome, exit_code, cost, usage } },
  };
}

function failure(text: string): ServedResult {
  return { content: [text], error: true, meta: {} };
}

/** Agents as they are served: each a tool. */
export function servedAgents(agents: readonly ServedAgent[]): Served {
  const running = new Set<Promise<ServedResult>>();
  const ending = new AbortController();
  const end = async () => {
    ending.abort();
    await Promise.allSettled(running);
  };
  return { factory: serverFactory(agentTools(agents, running, ending.signal)), end };
}
