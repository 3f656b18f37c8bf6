import { resolve } from "node:path";
import { fail, type Result } from "../core/result.ts";
import type { DurableEvent, Nested } from "../core/event.ts";
import type { Clock, Decided } from "../core/host.ts";
import type { ModelSpec } from "../core/model.ts";
import type { Confirm, Need } from "../core/permission.ts";
import { limitsCost, type Plan } from "../core/plan.ts";
import type { ResponseCache } from "../core/response-cache.ts";
import type { Script } from "../core/script.ts";
import type { OpenHost } from "../host/host.ts";
import { absolutePath, canonicalPath, type Environment } from "../host/machine.ts";
import { chooseModels, usableServices, type Choice, type ChosenModel, type ModelList } from "../models/choose.ts";
import { isWhole } from "../loop/past.ts";
import type { ModelDeps } from "../models/index.ts";
import { isPath, localPath } from "../models/local-name.ts";
import { memoryIn } from "../models/memory-window.ts";
import type { InferenceMemory } from "../models/service.ts";
import type { ModelProblem } from "../models/problem.ts";
import { localProvider } from "../models/providers.ts";

/**
 * The models that were decided on, and the folders that their paths are relative to: of scripts, and of other files. `agents`: the
 * sub-agents, by their names, that have them from whoever they were named for.
 */
export type NamedModel = {
  models: ModelList;
  /** Those that go on where an answer of these is not good enough. */
  stronger?: ModelList;
  scriptFolder: string;
  agentFolder: string;
  agents: readonly string[];
};

/** Whether each run of one of them is one of its own, with answers of its own. */
export function areScripted({ models, stronger = [] }: NamedModel): boolean {
  return [...models, ...stronger].some(({ spec }) => spec.model.startsWith("scripted/"));
}

/** Reads the files that a model names; paths are absolute. */
export type ModelFiles = {
  /** A scripted model's file: its answers, or those for a sub-agent by the names that lead to it. */
  script(path: string, agents: readonly string[]): Promise<Result<Script>>;
  /** The text of a small file. */
  text(path: string): Result<string>;
};

/** The models that flag, REIN_MODEL and file together mean. */
export function chosenModels(
  plan: Plan,
  flag: string | undefined,
  environment: Environment,
): Result<Choice, ModelProblem> {
  const key = (name: string) => environment[name];
  return chooseModels({ flag, variable: environment["REIN_MODEL"], file: plan.model, models: plan.models, key });
}

/** The small model in this process, for who has no service's key: if it is here, and if they want it. */
export async function offeredModel(
  confirm: Confirm,
  environment: Environment,
  cwd: string,
  signal: AbortSignal,
): Promise<ChosenModel | undefined> {
  if (usableServices((name) => environment[name]).length > 0) return undefined;
  const { localPlaces } = await import("./local-machine.ts");
  const path = localPath(localProvider.model, await localPlaces(environment, cwd, cwd));
  if (!path.ok) return undefined;
  const { hasLocalModels } = await import("../native/local.ts");
  if (!hasLocalModels()) return undefined;
  const model = `${localProvider.name}/${localProvider.model}`;
  const question = `No model is named and no service's key is set. Use '${model}', a small model on this machine?`;
  return (await confirm(question, signal)) ? { spec: { model }, from: "caller" } : undefined;
}

/** The variables of a plan that hold what only some services may see: those of its models, and the hosts of its secrets. */
export function planSecrets(plan: Plan): string[] {
  return [...Object.values(plan.models).flatMap(variablesOf), ...Object.values(plan.secrets).map(({ env }) => env)];
}

/**
 * What a model of the agent file cannot be reached without. Others need nothing: they are the user's own choice. Of local ones that
 * are the files that the file names by a path, since what reads them is no match for whoever made them; what is in the models folder
 * the user has put there. `folder` is the agent file's.
 */
export function modelNeeds(
  { spec, from }: Pick<ChosenModel, "spec" | "from">,
  folder: string,
  home: string | undefined,
): Need[] {
  if (from === "file" && spec.model.startsWith(`${localProvider.name}/`)) {
    const id = spec.model.slice(localProvider.name.length + 1);
    const model = isPath(id) ? [absolutePath(id, folder, home)] : [];
    const adapter = spec.adapter === undefined ? [] : [within(folder, spec.adapter)];
    return [...model, ...adapter].map((path) => {
      const real = canonicalPath(path);
      return { kind: "read", target: real.ok ? real.value : resolve(path) };
    });
  }
  const env = variablesOf(spec).map((target) => ({ kind: "env" as const, target }));
  return spec.base_url === undefined ? env : [{ kind: "net", target: hostAndPort(spec.base_url) }, ...env];
}

function variablesOf({ key, headers }: ModelSpec): string[] {
  const named = Object.values(headers ?? {}).flatMap((value) => (typeof value === "string" ? [] : [value.env]));
  return [...new Set([...(key === undefined ? [] : [key]), ...named])];
}

function hostAndPort(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname.replace(/\.$/, "")}:${port || (protocol === "https:" ? "443" : "80")}`;
}

/** Puts what rein itself does for an agent file before the gate: nothing is read or sent that was not granted. */
export async function passNeeds(
  needs: readonly Need[],
  host: OpenHost,
  decided: Decided,
  signal: AbortSignal,
): Promise<Result<void>> {
  for (const { kind, target } of needs) {
    if (target === undefined) continue;
    const action = { net: "reach", env: "use the variable", read: "read", write: "write", run: "run" }[kind];
    const passed = await host.pass(action, { kind, target, shown: target }, decided, signal);
    if (!passed.ok) return passed;
  }
  return { ok: true, value: undefined };
}

/** What models are made from in this process. */
export function modelDeps(options: {
  host: OpenHost;
  clock: Clock;
  environment: Environment;
  files: ModelFiles;
  /** The agent file's folder. */
  agentFolder: string;
  /** What the path of a script or of a local model is relative to. */
  scriptFolder: string;
  cwd: string;
  retryAfterText: boolean;
  /** The sub-agents whose answers are taken from a script. */
  agents?: readonly string[];
  /** What it has done, where the run goes on, and how many results of calls its session had before. */
  past?: { events: readonly (DurableEvent & Nested)[]; earlierResults: number };
  /** What is run, where that is an agent: it says whether the prices of its models must be known. */
  plan?: Plan;
}): ModelDeps {
  const {
    host,
    clock,
    environment,
    files,
    agentFolder,
    scriptFolder,
    cwd,
    retryAfterText,
    agents = [],
    past,
    plan,
  } = options;
  return {
    ...(plan?.cache?.responses ? { responses: earlierResponses(environment) } : {}),
    ...(past === undefined
      ? {}
      : { answered: (name: string) => ({ ...past, requests: requestsTo(name, past.events) }) }),
    fetch: host.serviceFetch,
    clock,
    key: (name) => environment[name],
    script: (path) => files.script(within(scriptFolder, path), agents),
    certificates: (path) => {
      const read = files.text(within(agentFolder, path));
      if (!read.ok) return read;
      return read.value.includes("-----BEGIN CERTIFICATE-----")
        ? read
        : fail("invalid", `Cannot use '${path}': it holds no PEM certificate`);
    },
    local: async () => (await import("./local-machine.ts")).localDeps(environment, cwd, scriptFolder),
    memory: (baseUrl) => inferenceMemory(baseUrl, environment["REIN_VRAM"]),
    path: (path) => within(agentFolder, path),
    retryAfterText,
    mustPrice: plan !== undefined && limitsCost(plan),
  };
}

/** Answers of earlier runs, none where the environment names no place for them. What keeps them is loaded when it is asked. */
function earlierResponses(environment: Environment): ResponseCache {
  const opened = async () => {
    const { fileResponses, responseFolder } = await import("../host/response-cache.ts");
    const folder = responseFolder(environment);
    return folder === undefined ? undefined : fileResponses(folder);
  };
  return {
    read: async (key) => (await opened())?.read(key),
    write: async (key, answer) => (await opened())?.write(key, answer),
  };
}

/** How many requests a model has answered: those that were made anew count too, those that something else has cut do not. */
function requestsTo(name: string, past: readonly (DurableEvent & Nested)[]): number {
  let requests = 0;
  let asked = "";
  let cut = false;
  for (const event of past) {
    if (event.agent_id !== undefined) continue;
    if (event.type === "run_start") asked = event.model;
    const whole = event.type === "turn_end" && isWhole(event);
    const ended =
      (event.type === "limit" && event.limit === "output_length") ||
      (event.type === "run_end" && event.result.outcome === "service");
    const cutAnswer = cut && event.type === "escalate";
    if (event.type === "turn_end") cut = !whole;
    const gaveUp = event.type === "fallback" && event.turn !== undefined;
    if (asked === name && (whole || ended || cutAnswer || gaveUp || event.type === "retry")) requests++;
    // What others had it asked in between.
    const beside = event.type === "sampling" ? event : event.type === "compact" ? event.summary : undefined;
    if (beside?.model === name) requests++;
    if (event.type === "fallback" || event.type === "escalate") asked = event.to;
  }
  return requests;
}

/** The memory for inference at an address. Of another machine only the user knows it. */
async function inferenceMemory(baseUrl: string, said: string | undefined): Promise<InferenceMemory | undefined> {
  const told = memoryIn(said);
  if (told !== undefined) return { bytes: told, from: "user" };
  if (!isLoopback(new URL(baseUrl).hostname)) return undefined;
  const { videoMemory } = await import("../host/inference-memory.ts");
  const { usableMemory } = await import("../host/memory.ts");
  const bytes = await videoMemory();
  return bytes === undefined ? { bytes: usableMemory(), from: "machine" } : { bytes, from: "driver" };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}

function within(folder: string, path: string): string {
  return path.startsWith("/") ? path : `${folder}/${path}`;
}
