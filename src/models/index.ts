import type { Clock, Fetch } from "../core/host.ts";
import type { Json } from "../core/json.ts";
import type { Model, ModelSize, ModelSpec } from "../core/model.ts";
import type { ResponseCache } from "../core/response-cache.ts";
import { ok, type Result } from "../core/result.ts";
import type { Script } from "../core/script.ts";
import { answerLength } from "./answer-length.ts";
import { withBudget } from "./budget.ts";
import { parseModelName } from "./choose.ts";
import { endpointOf, type Variables } from "./endpoint.ts";
import type { Candidate } from "./fallback.ts";
import { localPath, type LocalPlaces } from "./local-name.ts";
import type { LocalMachine } from "./local.ts";
import { memoryIn } from "./memory-window.ts";
import { priceOf } from "./prices.ts";
import { problem, type ModelProblem } from "./problem.ts";
import type { ServiceConfig } from "./service.ts";
import { windowOf } from "./windows.ts";
import { withResponseCache } from "./response-cache.ts";
import { withRetry } from "./retry.ts";
import { scripted, type Answered } from "./scripted.ts";
import { withTextCalls } from "./text-calls.ts";
import { withNearestModel } from "./unknown-model.ts";

/** What models are made from. Nothing of it is used before a model needs it. */
export type ModelDeps = {
  /** A fetch that may reach the host of this URL; it trusts the certificates of `ca`, PEM, instead of the system's. */
  fetch(baseUrl: string, ca: string | undefined): Fetch;
  clock: Clock;
  key: Variables;
  /** Reads the script of a scripted model. */
  script(path: string): Promise<Result<Script>>;
  /** Reads the PEM file that a model of the agent file names. */
  certificates(path: string): Result<string>;
  /** Where the files of local models are, what they say of themselves, and how much memory is free for them. */
  local(): Promise<LocalPlaces & LocalMachine>;
  /** What is known of the memory for inference at an address; absent where nobody is to ask. */
  memory?: ServiceConfig["memory"];
  /** The absolute path of a file that a model of the agent file names. */
  path(path: string): string;
  /** Whether a request may be made anew after text of its answer was shown. */
  retryAfterText: boolean;
  /** Answers of earlier runs; absent where they are not to be used. */
  responses?: ResponseCache;
  /** What a model of that name has answered in a run that goes on; absent where it begins. */
  answered?(name: string): Answered;
  /** Whether a model whose price is not known is a failure; default: a warning. */
  mustPrice?: boolean;
};

/** Makes a model, with its budget and its retries. The SDK of its service is loaded now, and only that one. */
export async function createModel(spec: ModelSpec, deps: ModelDeps): Promise<Result<Model, ModelProblem>> {
  const ready = await readyModel(spec, deps);
  return ready.ok ? ok(await ready.value.make()) : ready;
}

/** The same, made when it is asked for: only what is missing for it is told now. */
export async function readyModel(spec: ModelSpec, deps: ModelDeps): Promise<Result<Candidate, ModelProblem>> {
  const ready = await readyService(spec, deps);
  if (!ready.ok) return ready;
  const { clock, key, mustPrice = false, retryAfterText } = deps;
  const price = priceOf(spec, key);
  const { source, ...candidate } = ready.value;
  if (price === undefined && mustPrice) return unpriced(candidate.name);
  const parsed = parseModelName(spec.model);
  const longest = parsed.ok ? answerLength(parsed.value, spec) : Infinity;
  const size = sizeOf(spec, key, longest);
  const make = async () => {
    const sized = { ...(await candidate.make()), ...size };
    const budgeted = withBudget(sized, { price, clock, longest });
    const retried = withRetry(budgeted, { clock, afterText: retryAfterText });
    return deps.responses === undefined || source === undefined
      ? retried
      : withResponseCache(retried, spec, source, deps.responses);
  };
  return ok({ ...candidate, ...size, make });
}

/** What is wrong with a model whose price must be known. */
export function unpriced(name: string): { ok: false; error: ModelProblem } {
  const hint =
    "name it: models: { NAME: { model: …, price: { input: 1, output: 5 } } }, in US dollars per million tokens";
  return problem("usage", `The price of '${name}' is not known, and 'limits.cost' is set`, hint);
}

/** How large a service's model is, by what comes with rein; in this process, and by a script, it is known already. */
function sizeOf(spec: ModelSpec, key: Variables, longest: number): ModelSize {
  const parsed = parseModelName(spec.model);
  if (!parsed.ok || typeof parsed.value.provider === "string") return {};
  const endpoint = endpointOf(parsed.value.provider, spec, key);
  const window = endpoint.ok ? windowOf(parsed.value, endpoint.value.baseUrl) : undefined;
  return { ...(window === undefined ? {} : { window }), ...(Number.isFinite(longest) ? { answer: longest } : {}) };
}

/** Makes a model whose requests are made once: for what asks only to see whether it works. */
export async function createService(spec: ModelSpec, deps: ModelDeps): Promise<Result<Model, ModelProblem>> {
  const ready = await readyService(spec, deps);
  return ready.ok ? ok(await ready.value.make()) : ready;
}

/** `source`: where its answers come from, beside what its name and its options say; absent where it says what it is told to. */
type Ready = Candidate & { source?: Json };

async function readyService(spec: ModelSpec, deps: ModelDeps): Promise<Result<Ready, ModelProblem>> {
  const parsed = parseModelName(spec.model);
  if (!parsed.ok) return parsed;
  const { clock } = deps;
  if (parsed.value.provider === "scripted") {
    const { path } = parsed.value;
    const script = await deps.script(path);
    if (!script.ok) return problem("usage", script.error.message);
    return ok(made(scripted(script.value, `scripted/${path}`, clock, deps.answered?.(`scripted/${path}`))));
  }
  const said = deps.key("REIN_VRAM") ?? "";
  const own = parsed.value.provider === "local" || parsed.value.provider.local === true;
  if (own && said.trim() !== "" && memoryIn(said) === undefined)
    return problem("usage", "Cannot use REIN_VRAM: it is not a number of gigabytes, such as 24");
  if (parsed.value.provider === "local") {
    return createLocal(parsed.value.id, spec, deps);
  }
  const { provider, id } = parsed.value;
  const endpoint = endpointOf(provider, spec, deps.key);
  if (!endpoint.ok) return endpoint;
  const ca = spec.ca_file === undefined ? undefined : deps.certificates(spec.ca_file);
  if (ca?.ok === false) return problem("usage", ca.error.message);
  const { baseUrl, key, headers } = endpoint.value;
  const {
    model: _model,
    price: _price,
    base_url: _url,
    key: _key,
    headers: _headers,
    ca_file: _file,
    ...options
  } = spec;
  const name = `${provider.name}/${id}`;
  const make = async () => {
    const load = await provider.load();
    const model = load({
      name,
      model: id,
      baseUrl,
      ...(key === undefined ? {} : { key }),
      headers,
      options,
      fetch: deps.fetch(baseUrl, ca?.value),
      clock,
      ...(deps.memory === undefined ? {} : { memory: deps.memory }),
    });
    const read = provider.textCalls ? withTextCalls(model) : model;
    return withNearestModel(read, provider.name, id, clock);
  };
  // A token says who asks, and not what.
  const { authorization: _token, ...told } = headers;
  return ok({ name, make, source: { baseUrl, headers: told } });
}

/** One that is there already: it loads nothing before it is asked. */
function made(model: Model): Candidate {
  const { name, window } = model;
  return { name, ...(window === undefined ? {} : { window }), make: async () => model };
}

/** Makes a model that runs in this process. Its library is loaded now, its weights with the first request. */
async function createLocal(id: string, spec: ModelSpec, deps: ModelDeps): Promise<Result<Ready, ModelProblem>> {
  const { hasLocalModels, withoutLocalModels } = await import("../native/local.ts");
  if (!hasLocalModels()) return problem("usage", `Cannot use model 'local/${id}': ${withoutLocalModels}`);
  const machine = await deps.local();
  const path = localPath(id, machine);
  if (!path.ok) return path;
  const { model: _model, ...options } = spec;
  if (options.adapter !== undefined) options.adapter = deps.path(options.adapter);
  const { makeLocal } = await import("./local.ts");
  const local = await makeLocal({ name: `local/${id}`, path: path.value, options }, machine);
  if (!local.ok) return local;
  const { adapter = null } = options;
  return ok({ ...made(local.value), source: { path: path.value, adapter } });
}
