import type { DoctorRequest } from "./app/doctor.ts";
import { judgeBy, makeDoors } from "./app/doors.ts";
import { JournalLost, journalPath, makeEmit, openJournal } from "./app/journal.ts";
import {
  chosenModel,
  modelDeps,
  modelNeeds,
  offeredModel,
  passNeeds,
  planSecrets,
  type ModelFiles,
} from "./app/model.ts";
import type { DurableEvent, Emit, Stamped } from "./core/event.ts";
import type { Interruption, OutcomeName } from "./core/exit.ts";
import { exitCode } from "./core/exit.ts";
import type { Clock, Decided } from "./core/host.ts";
import type { Json, JsonObject } from "./core/json.ts";
import { makeMask, type Mask } from "./core/mask.ts";
import type { Model } from "./core/model.ts";
import type { Ask, Confirm, Grants, Need } from "./core/permission.ts";
import type { InputValues, Plan } from "./core/plan.ts";
import type { RunResult } from "./core/result-document.ts";
import type { Result } from "./core/result.ts";
import type { ServiceCheck } from "./core/service-check.ts";
import type { Store } from "./core/store.ts";
import { expand } from "./core/template.ts";
import type { Tool } from "./core/tool.ts";
import { systemClock } from "./host/clock.ts";
import { openHost, type OpenHost } from "./host/host.ts";
import { readMachine, type Environment, type Machine } from "./host/machine.ts";
import { run } from "./loop/run.ts";
import type { ChosenModel } from "./models/choose.ts";
import { createModel } from "./models/index.ts";
import { keyVariables, providerKeys } from "./models/providers.ts";
import { decide, missing } from "./permit/decide.ts";
import { describe, type PolicyDescription } from "./permit/describe.ts";
import { makePolicy, type Policy } from "./permit/policy.ts";
import { loadTools, toolNames, toolNeeds } from "./tools/index.ts";

/** What `rein check` must know of the other rooms: which tools and providers there are. */
export const known = {
  tools: toolNames.map((name) => ({ name, needs: [...(toolNeeds[name] ?? [])] })),
  providers: providerKeys,
  secrets: keyVariables,
};

export const clock: Clock = systemClock;

/** What a run is made from: a checked file, and what the caller says. */
export type RunRequest = {
  plan: Plan;
  grants: Grants;
  /** The --model flag. */
  model: string | undefined;
  session: string | undefined;
  cwd: string;
  environment: Environment;
  /** Absent where there is nobody to ask. */
  ask: Ask | undefined;
  /** Absent where there is nobody to ask. */
  confirm?: Confirm;
  /** Aborted with an Interruption. */
  interrupts: AbortSignal;
  files: ModelFiles;
  /** Whether text is shown as it comes: then a request is not made anew after its first text. */
  streamed: boolean;
  /** A look at the plan: no model need be named, nothing need be granted. */
  dryRun: boolean;
};

/** Why there is no run. */
export type RunProblem = { outcome: OutcomeName; message: string; hint?: string };

/** What the caller has typed in: values for the plan's inputs, and the PROMPT argument. */
export type Texts = { input: InputValues; prompt: string | undefined };

/** What `--dry-run` shows. */
export type DryRun = {
  plan: Plan;
  model: string | null;
  instructions: string;
  prompt: string;
  tools: Array<Pick<Tool, "name" | "description" | "input">>;
  permissions: PolicyDescription;
};

/** A run that has passed every check that needs no input: it can be looked at or started. Close it in any case. */
export type PreparedRun = {
  id: string;
  /** Interrupted by the caller, or by the run's time limit, which counts from now on. */
  signal: AbortSignal;
  /** In bytes: a longer prompt the model could not hold. */
  promptLimit: number;
  look(texts: Texts): Promise<Result<DryRun, RunProblem>>;
  /** Runs to the end; `observe` is told of each event and never waits. */
  start(texts: Texts, observe: (event: Stamped) => void): Promise<Result<RunResult, RunProblem>>;
  close(): Promise<void>;
};

/** The most bytes that one token stands for in practice: long runs of blanks or dashes are single tokens. */
const bytesPerToken = 16;

/** Taken where a model's window is not known: more than any service offers. */
const largestWindow = 2_000_000;

/** Checks a plan against what was granted and what this machine has, and makes all that its run needs. */
export async function prepareRun(request: RunRequest): Promise<Result<PreparedRun, RunProblem>> {
  const { plan, environment } = request;
  const machine = readMachine({ cwd: request.cwd, agentFolder: plan.folder, environment });
  if (!machine.ok) return problem("usage", machine.error.message);
  const policy = makePolicy(plan, request.grants, machine.value);
  if (!policy.ok) return problem("usage", policy.error.join("\n"));
  const chosen = await chooseOrOffer(request);
  if (!chosen.ok && !(request.dryRun && chosen.error.outcome === "credentials")) return chosen;
  const own = [
    ...(chosen.ok ? modelNeeds(chosen.value.spec) : []),
    ...plan.env.map((target): Need => ({ kind: "env", target })),
  ];
  const unmet = request.dryRun ? undefined : unmetNeeds(request, own, machine.value, policy.value);
  if (unmet !== undefined) return { ok: false, error: unmet };

  const deadline = new AbortController();
  const settled = new AbortController();
  void clock.sleep(plan.limits.time, settled.signal).then(() => {
    if (!settled.signal.aborted) deadline.abort("timeout" satisfies Interruption);
  });
  const signal = AbortSignal.any([request.interrupts, deadline.signal]);
  const inputs = new Map<string, string>();
  const secretNames = [...keyVariables, ...planSecrets(plan)];
  const options = {
    machine: machine.value,
    policy: policy.value,
    clock,
    environment,
    secretNames,
    inputs,
  };
  const host = openHost(request.ask === undefined ? options : { ...options, ask: request.ask });
  let held: Model | undefined;
  const close = async () => {
    settled.abort();
    held?.close?.();
    await host.close();
  };

  const answers: DurableEvent[] = [];
  const passed = request.dryRun ? undefined : await passNeeds(own, host, keepAnswers(answers), signal);
  if (passed?.ok === false) {
    await close();
    return problem("denied", passed.error.message);
  }
  const model = chosen.ok ? await makeModel(request, chosen.value, host) : chosen;
  if (!model.ok && !(request.dryRun && model.error.outcome === "credentials")) {
    await close();
    return model;
  }
  const ready = model.ok ? model.value : undefined;
  held = ready;
  const promptLimit = (ready?.window ?? largestWindow) * bytesPerToken;
  const id = clock.id();
  const mask = makeMask(secretNames.flatMap((name) => environment[name] ?? []));
  const fill = (texts: Texts) => fillIn(request, id, promptLimit, mask, texts);
  return {
    ok: true,
    value: {
      id,
      signal,
      promptLimit,
      async look(texts) {
        const filled = fill(texts);
        if (!filled.ok) return filled;
        const tools = (await loadTools(plan.tools)).map(({ name, description, input }) => ({
          name,
          description,
          input,
        }));
        const view = { plan, model: ready?.name ?? null, ...filled.value, tools, permissions: describe(policy.value) };
        return { ok: true, value: view };
      },
      async start(texts, observe) {
        const filled = fill(texts);
        if (!filled.ok) return filled;
        if (ready === undefined) throw new Error("A dry run has no model to start");
        for (const [name, value] of Object.entries(texts.input)) inputs.set(name, mask.text(asText(value)));
        return startRun(request, { id, signal, host, model: ready, mask, answers, ...filled.value }, observe);
      },
      close,
    },
  };
}

async function chooseOrOffer(request: RunRequest): Promise<Result<ChosenModel, RunProblem>> {
  const { plan, environment, confirm, cwd, interrupts } = request;
  const chosen = chosenModel(plan, request.model, environment);
  if (chosen.ok || chosen.error.outcome !== "credentials" || confirm === undefined || request.dryRun) return chosen;
  const offered = await offeredModel(confirm, environment, cwd, interrupts);
  return offered === undefined ? chosen : { ok: true, value: offered };
}

/** What `rein doctor` shows. */
export async function examineServices(request: Omit<DoctorRequest, "clock">): Promise<Result<ServiceCheck[]>> {
  const { examine } = await import("./app/doctor.ts");
  return examine({ ...request, clock });
}

/** The sessions of this user's journal; a failure when it cannot be read. Nothing is made where there is none. */
export async function readStore<T>(
  environment: Environment,
  read: (store: Store) => Promise<Result<T>>,
): Promise<Result<T>> {
  const location = journalPath(environment);
  const { findStore } = await import("./store/open.ts");
  const opened = await findStore(location);
  if (!opened.ok) return opened;
  try {
    return await read(opened.value);
  } finally {
    await opened.value.close();
  }
}

/** The result of a run that never began. */
export function problemResult(run: string, { outcome, message, hint }: RunProblem): RunResult {
  const error = hint === undefined ? { message } : { message, hint };
  return { outcome, exit_code: exitCode(outcome), answer: null, error, usage: {}, cost: null, denied: [], run_id: run };
}

function problem(outcome: OutcomeName, message: string, hint?: string): { ok: false; error: RunProblem } {
  return { ok: false, error: hint === undefined ? { outcome, message } : { outcome, message, hint } };
}

/**
 * Programs that are not here, and grants without which a tool or a check can do nothing at all. `own` is what rein itself needs
 * for the model and the templates.
 */
function unmetNeeds(
  request: RunRequest,
  own: readonly Need[],
  machine: Machine,
  policy: Policy,
): RunProblem | undefined {
  const { plan } = request;
  const needs: Need[] = [
    ...plan.tools.flatMap((name) => toolNeeds[name] ?? []),
    ...plan.checks.flatMap(({ run: [program] }) =>
      program === undefined ? [] : [{ kind: "run" as const, target: program }],
    ),
    ...own,
  ];
  for (const { kind, target } of needs) {
    if (kind === "run" && target !== undefined && machine.resolve.program(target) === undefined) {
      const why = target.startsWith("/") ? "it is not a program" : "there is no such program on PATH";
      return { outcome: "usage", message: `Cannot run '${target}': ${why}` };
    }
  }
  // A check that a flag denies can never hold, whatever the model answers.
  for (const {
    run: [program = ""],
  } of plan.checks) {
    const target = machine.resolve.program(program) ?? program;
    const decision = decide(policy, { kind: "run", target, shown: program }, { canAsk: true, answers: [] });
    if (decision.verdict === "deny") {
      return { outcome: "denied", message: `Cannot run the check '${program}': ${decision.denial.reason}` };
    }
  }
  const flags = missing(policy, needs, request.ask !== undefined);
  if (flags.length === 0) return undefined;
  const hint = `add ${flags.join(" ")}, or -P to grant all that the file requests`;
  return { outcome: "denied", message: `'${plan.name}' can do nothing without what was not granted`, hint };
}

/** What a person allowed before there was a journal. What was refused ends the run, and a grant follows from the flags. */
function keepAnswers(answers: DurableEvent[]): Decided {
  return async ({ kind, target }, decision) => {
    if (decision.verdict !== "allow" || decision.by !== "answer") return;
    answers.push({ type: "decision", kind, target, verdict: "allow", by: "answer" });
  };
}

function makeModel(request: RunRequest, chosen: ChosenModel, host: OpenHost): Promise<Result<Model, RunProblem>> {
  const { plan, environment, cwd, files, streamed } = request;
  // A file names its script relative to itself, a flag or variable relative to where it was typed.
  const scriptFolder = chosen.from === "file" ? plan.folder : cwd;
  const agentFolder = plan.folder;
  return createModel(
    chosen.spec,
    modelDeps({ host, clock, environment, files, agentFolder, scriptFolder, cwd, retryAfterText: !streamed }),
  );
}

/** The texts that go to the model, with all holes filled and keys masked: a log that is to be explained may hold one. */
function fillIn(
  request: RunRequest,
  id: string,
  promptLimit: number,
  mask: Mask,
  texts: Texts,
): Result<{ instructions: string; prompt: string }, RunProblem> {
  const { plan, environment } = request;
  const env: JsonObject = {};
  for (const name of plan.env) {
    const value = environment[name];
    if (value !== undefined) env[name] = value;
  }
  const values = { input: texts.input, env, run: { id } };
  const instructions = expand(plan.instructions, values);
  if (!instructions.ok) return problem("usage", instructions.error.message);
  const prompt = plan.prompt === undefined ? { ok: true as const, value: "" } : expand(plan.prompt, values);
  if (!prompt.ok) return problem("usage", prompt.error.message);
  const parts = [prompt.value, texts.prompt ?? ""].filter((part) => part !== "");
  const filled = { instructions: mask.text(instructions.value), prompt: mask.text(parts.join("\n\n")) };
  const size = Buffer.byteLength(filled.instructions) + Buffer.byteLength(filled.prompt);
  if (size <= promptLimit) return { ok: true, value: filled };
  return problem("usage", `The prompt is larger than the model could hold: ${size} bytes, at most ${promptLimit}`);
}

/** As templates do it: strings as they are, other values as JSON. */
function asText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

type Started = {
  id: string;
  signal: AbortSignal;
  host: OpenHost;
  model: Model;
  mask: Mask;
  /** What was decided before there was a journal. */
  answers: readonly DurableEvent[];
  instructions: string;
  prompt: string;
};

async function startRun(
  request: RunRequest,
  started: Started,
  observe: (event: Stamped) => void,
): Promise<Result<RunResult, RunProblem>> {
  const { plan, environment, session } = request;
  const { id, signal, host, model, mask, answers, instructions, prompt } = started;
  const place = journalPath(environment);
  const opened = await openJournal(place, { id, agent: plan.name, model: model.name, time: clock.now() }, session);
  if (!opened.ok) return problem("usage", opened.error.message);
  const { journal, history, warning } = opened.value;
  const journaled = makeEmit(journal, clock, observe, session !== undefined);
  const emit: Emit = async (event, durability) => {
    await journaled(event, durability);
    if (event.type === "run_start") for (const answer of answers) await journaled(answer);
  };
  if (warning !== undefined) await emit({ type: "warning", message: warning });
  const doors = makeDoors(host, emit, signal);
  try {
    const result = await run({
      runId: id,
      agent: plan.name,
      hash: plan.hash,
      model,
      tools: await loadTools(plan.tools),
      instructions,
      history,
      prompt,
      checks: plan.checks,
      denied: plan.denied,
      limits: plan.limits,
      host: doors,
      check: (check, answer) => judgeBy(check, answer, doors, signal),
      emit,
      clock,
      signal,
      mask,
      explainJson,
      repairJson: mendJson,
      ...(session === undefined ? {} : { session }),
      ...(plan.output === undefined ? {} : { output: plan.output.schema }),
    });
    return { ok: true, value: result };
  } catch (error) {
    if (error instanceof JournalLost) return problem("usage", `Cannot keep the session '${session}': ${error.message}`);
    throw error;
  } finally {
    await opened.value.close();
  }
}

/** Loaded, as below, only when something is wrong. */
async function mendJson(text: string) {
  const { repairJson } = await import("./native/json-reader.ts");
  const repaired = repairJson(text);
  return repaired.ok ? { text: repaired.text, repairs: repaired.repairs } : undefined;
}

/** The native reader says more than JSON.parse, and is loaded only when something is wrong. */
export async function explainJson(text: string): Promise<string> {
  const { describeJson } = await import("./native/json-reader.ts");
  const found = describeJson(text);
  return found.ok ? "it is JSON" : `${found.message} (line ${found.line}, column ${found.column})`;
}
