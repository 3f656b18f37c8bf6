import type { Clock } from "../core/host.ts";
import type { Model, ModelFailure, ModelSpec, ToolSpec } from "../core/model.ts";
import type { Grants } from "../core/permission.ts";
import type { Plan } from "../core/plan.ts";
import { ok, type Result } from "../core/result.ts";
import { namesOf } from "../core/route.ts";
import type { ServiceCheck, ServiceState } from "../core/service-check.ts";
import { openHost, type OpenHost } from "../host/host.ts";
import { readMachine, type Environment } from "../host/machine.ts";
import { readReply, type Reply } from "../loop/reply.ts";
import { credentials, modelLabel } from "../models/choose.ts";
import { endpointOf } from "../models/endpoint.ts";
import { createService } from "../models/index.ts";
import type { ModelProblem } from "../models/problem.ts";
import { storeVariable } from "../core/store.ts";
import { keyVariables, localProvider, providers, type Provider } from "../models/providers.ts";
import { missing } from "../permit/decide.ts";
import { makePolicy, type Policy } from "../permit/policy.ts";
import { modelDeps, modelNeeds, passNeeds, planSecrets, type ModelFiles } from "./model.ts";

export type DoctorRequest = {
  /** Absent: only what the environment says is looked at. */
  plan: Plan | undefined;
  grants: Grants;
  cwd: string;
  environment: Environment;
  files: ModelFiles;
  clock: Clock;
  /** Sends nothing. */
  offline: boolean;
};

/** A model that takes longer than this to answer a word is as good as none. */
const longestMs = 60_000;

/** A model that thinks before it calls a tool needs more tokens than the call. */
const toolTokens = 1024;

type Subject = { spec: ModelSpec; name: string | null };

/** Looks at each service that the environment has a key or an address for, and at each model of the file. */
export async function examine(request: DoctorRequest): Promise<Result<ServiceCheck[]>> {
  const { plan, environment, clock, cwd } = request;
  const none = { permissions: {}, deny: {} };
  const machine = readMachine({ cwd, agentFolder: plan?.folder ?? cwd, environment });
  if (!machine.ok) return machine;
  const policy = makePolicy(plan ?? none, request.grants, machine.value);
  if (!policy.ok) return { ok: false, error: { code: "invalid", message: policy.error.join("\n") } };
  const secretNames = [...keyVariables, storeVariable, ...(plan === undefined ? [] : planSecrets(plan))];
  const base = { machine: machine.value, policy: policy.value, clock, environment, secretNames };
  const host = openHost({ ...base, inputs: new Map() });
  try {
    const checks = subjects(plan, environment).map((subject) => examineOne(subject, request, policy.value, host));
    return { ok: true, value: await Promise.all(checks) };
  } finally {
    await host.close();
  }
}

/** The services of the environment, by their default models, and the models of the file, each once. */
function subjects(plan: Plan | undefined, environment: Environment): Subject[] {
  const isSet = (name: string) => (environment[name] ?? "") !== "";
  const found = providers.filter((provider) => {
    // The key is OpenAI's own; only an address makes it another service.
    const names = provider.model === undefined ? [] : credentials(provider);
    return [...names, ...provider.addresses].some(isSet);
  });
  const services = found.map(({ name }): Subject => ({ spec: { model: name }, name: null }));
  const named = Object.entries(plan?.models ?? {}).map(([name, spec]): Subject => ({ spec, name }));
  const others =
    plan?.model === undefined ? [] : namesOf(plan.model).filter((name) => !Object.hasOwn(plan.models, name));
  const unnamed = others.map((model): Subject => ({ spec: { model }, name: null }));
  const all = [...services, ...unnamed, ...named];
  const labels = new Set<string>();
  return all.filter(({ spec, name }) => {
    const label = name ?? modelLabel(spec);
    return labels.size < labels.add(label).size;
  });
}

async function examineOne(
  { spec, name }: Subject,
  request: DoctorRequest,
  policy: Policy,
  host: OpenHost,
): Promise<ServiceCheck> {
  const { environment, plan, cwd, clock, offline, files } = request;
  const untold = { variable: null, endpoint: null, detail: null, time_ms: null, usage: null, tools: null };
  const check: ServiceCheck = { model: modelLabel(spec), name, state: "not_tested", ...untold };
  const [prefix = ""] = check.model.split("/", 1);
  const provider = providers.find((one) => one.name === prefix);
  if (provider === undefined && prefix !== localProvider.name)
    return { ...check, detail: "no service: it says what its file says" };

  const endpoint = provider && endpointOf(provider, spec, (variable) => environment[variable]);
  if (endpoint?.ok === false) return { ...check, state: "no_key", detail: endpoint.error.message };
  if (endpoint !== undefined) {
    const { origin, pathname } = new URL(endpoint.value.baseUrl);
    check.variable = endpoint.value.variable ?? null;
    check.endpoint = `${origin}${pathname === "/" ? "" : pathname}`;
  }
  if (offline) return check;
  const agentFolder = plan?.folder ?? cwd;
  const needs = modelNeeds({ spec, from: "file" }, agentFolder, environment["HOME"]);
  const flags = missing(policy, needs, false);
  if (flags.length > 0) return { ...check, state: "not_granted", detail: `add ${flags.join(" ")}, or -P` };
  const over = new AbortController();
  const passed = await passNeeds(needs, host, async () => undefined, over.signal);
  if (!passed.ok) return { ...check, state: "not_granted", detail: passed.error.message };

  const deps = modelDeps({
    host,
    clock,
    environment,
    files,
    agentFolder,
    scriptFolder: agentFolder,
    cwd,
    retryAfterText: true,
  });
  const make: Make = (model, tokens) => createService(sparing({ ...spec, model }, tokens), deps);
  const { promise: late, resolve: giveUp } = Promise.withResolvers<Tested>();
  void clock.sleep(longestMs, over.signal).then(() => {
    over.abort();
    giveUp({ state: "unreachable", detail: `no answer in ${longestMs / 1000} s` });
  });
  const tested = await Promise.race([
    testModel(provider ?? localProvider, check.model, make, clock, over.signal),
    late,
  ]);
  over.abort();
  return { ...check, ...tested };
}

type Make = (model: string, tokens: number) => Promise<Result<Model, ModelProblem>>;
type Tested = Pick<ServiceCheck, "state"> & Partial<ServiceCheck>;

const ping: ToolSpec = {
  name: "ping",
  description: "Tells that it was called",
  input: { type: "object", properties: {} },
};

/** Asks for one token, then for a call of a tool. */
async function testModel(
  provider: Pick<Provider, "name" | "leastTokens">,
  label: string,
  make: Make,
  clock: Clock,
  signal: AbortSignal,
): Promise<Tested> {
  const model = label === provider.name ? await anyModel(provider, make, signal) : ok(label);
  if (!model.ok) return unwell(model.error);
  const ask = async (tokens: number, text: string, tools: ToolSpec[]): Promise<Result<Reply, Tested>> => {
    const made = await make(model.value, tokens);
    if (!made.ok) return { ok: false, error: unmade(made.error) };
    const request = { instructions: "", messages: [{ role: "user" as const, text }], tools };
    const replied = await readReply(made.value, request, 1, undefined, async () => undefined, clock, signal);
    made.value.close?.();
    if (replied.type === "failure") return { ok: false, error: unwell(replied.failure) };
    if (replied.type === "limit") throw new Error("A request without a budget met its limit");
    return ok(replied.reply);
  };
  const said = await ask(provider.leastTokens ?? 1, "Say OK", []);
  if (!said.ok) return { model: model.value, ...said.error };
  const { durationMs, usage } = said.value;
  const works: Tested = { state: "works", model: model.value, time_ms: durationMs, usage };
  const called = await ask(toolTokens, `Call the tool '${ping.name}'`, [ping]);
  if (called.ok) return { ...works, tools: called.value.calls.some(({ name }) => name === ping.name) };
  return { ...works, tools: called.error.state === "failed" ? false : null, detail: called.error.detail ?? null };
}

/** The first model that a service lists, where the provider has no default. */
async function anyModel(
  provider: Pick<Provider, "name">,
  make: Make,
  signal: AbortSignal,
): Promise<Result<string, ModelFailure>> {
  const made = await make(`${provider.name}/-`, 1);
  const listed = made.ok ? await made.value.list?.(signal) : undefined;
  if (listed?.ok === false) return listed;
  const [first] = listed?.value ?? [];
  if (first !== undefined) return ok(`${provider.name}/${first}`);
  return { ok: false, error: { kind: "request", message: "it lists no models", retryable: false } };
}

function unwell({ kind, message, hint }: ModelFailure): Tested {
  const states: Record<ModelFailure["kind"], ServiceState> = {
    credentials: "refused",
    network: "unreachable",
    service: "unreachable",
    request: "failed",
  };
  return { state: states[kind], detail: hint === undefined ? message : `${message}; ${hint}` };
}

function unmade({ outcome, message }: ModelProblem): Tested {
  return { state: outcome === "credentials" ? "no_key" : "failed", detail: message };
}

/** The same model, for an answer of so many tokens: without what makes it think. */
function sparing(spec: ModelSpec, tokens: number): ModelSpec {
  const { effort: _effort, thinking: _thinking, ...rest } = spec;
  return { ...rest, max_tokens: tokens };
}
