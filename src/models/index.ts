import type { Clock, Fetch } from "../core/host.ts";
import type { Model, ModelSpec } from "../core/model.ts";
import { ok, type Result } from "../core/result.ts";
import type { Script } from "../core/script.ts";
import { parseModelName } from "./choose.ts";
import { endpointOf, type Variables } from "./endpoint.ts";
import { localPath, type LocalPlaces } from "./local-name.ts";
import type { LocalMachine } from "./local.ts";
import { problem, type ModelProblem } from "./problem.ts";
import { withRetry } from "./retry.ts";
import { scripted } from "./scripted.ts";
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
  /** The absolute path of a file that a model of the agent file names. */
  path(path: string): string;
  /** Whether a request may be made anew after text of its answer was shown. */
  retryAfterText: boolean;
};

/** Makes a model, with its retries. The SDK of its service is loaded now, and only that one. */
export async function createModel(spec: ModelSpec, deps: ModelDeps): Promise<Result<Model, ModelProblem>> {
  const made = await createService(spec, deps);
  return made.ok ? ok(withRetry(made.value, { clock: deps.clock, afterText: deps.retryAfterText })) : made;
}

/** Makes a model whose requests are made once: for what asks only to see whether it works. */
export async function createService(spec: ModelSpec, deps: ModelDeps): Promise<Result<Model, ModelProblem>> {
  const parsed = parseModelName(spec.model);
  if (!parsed.ok) return parsed;
  const { clock } = deps;
  if (parsed.value.provider === "scripted") {
    const { path } = parsed.value;
    const script = await deps.script(path);
    return script.ok ? ok(scripted(script.value, `scripted/${path}`, clock)) : problem("usage", script.error.message);
  }
  if (parsed.value.provider === "local") return await createLocal(parsed.value.id, spec, deps);
  const { provider, id } = parsed.value;
  const endpoint = endpointOf(provider, spec, deps.key);
  if (!endpoint.ok) return endpoint;
  const ca = spec.ca_file === undefined ? undefined : deps.certificates(spec.ca_file);
  if (ca?.ok === false) return problem("usage", ca.error.message);
  const { baseUrl, key, headers } = endpoint.value;
  const { model: _model, base_url: _url, key: _key, headers: _headers, ca_file: _file, ...options } = spec;
  const make = await provider.load();
  const model = make({
    name: `${provider.name}/${id}`,
    model: id,
    baseUrl,
    ...(key === undefined ? {} : { key }),
    headers,
    options,
    fetch: deps.fetch(baseUrl, ca?.value),
    clock,
  });
  const read = provider.textCalls ? withTextCalls(model) : model;
  return ok(withNearestModel(read, provider.name, id, clock));
}

/** Makes a model that runs in this process. Its library is loaded now, its weights with the first request. */
async function createLocal(id: string, spec: ModelSpec, deps: ModelDeps): Promise<Result<Model, ModelProblem>> {
  const { hasLocalModels, withoutLocalModels } = await import("../native/local.ts");
  if (!hasLocalModels()) return problem("usage", `Cannot use model 'local/${id}': ${withoutLocalModels}`);
  const machine = await deps.local();
  const path = localPath(id, machine);
  if (!path.ok) return path;
  const { model: _model, ...options } = spec;
  if (options.adapter !== undefined) options.adapter = deps.path(options.adapter);
  const { makeLocal } = await import("./local.ts");
  return makeLocal({ name: `local/${id}`, path: path.value, options }, machine);
}
