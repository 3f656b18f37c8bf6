import type { OutcomeName } from "../core/exit.ts";
import type { Clock, Fetch } from "../core/host.ts";
import type { Model } from "../core/model.ts";
import { nearest } from "../core/nearest.ts";
import { ok, type Result } from "../core/result.ts";
import type { Script } from "../core/script.ts";
import { withRetry } from "./retry.ts";
import { scripted } from "./scripted.ts";

/** What models are made from. Nothing of it is used before a model needs it. */
export type ModelDeps = {
  /** A fetch that may reach the host of this URL. */
  fetch(baseUrl: string): Fetch;
  clock: Clock;
  /** A key or setting by the name of its variable; undefined or empty when it is not set. */
  key(name: string): string | undefined;
  /** Reads the script of a scripted model. */
  script(path: string): Promise<Result<Script>>;
  /** Whether a request may be made anew after text of its answer was shown. */
  retryAfterText: boolean;
};

/** Why there is no model, and the outcome of a run that ends by it. */
export type ModelProblem = { outcome: Extract<OutcomeName, "usage" | "credentials">; message: string };

type Provider = {
  name: string;
  /** The part of `provider/model` after the slash, as help texts show it. */
  model: string;
  /** The variable that holds the key; absent where none is needed. */
  key?: string;
  make(model: string, deps: ModelDeps): Promise<Result<Model, ModelProblem>>;
};

const openAIBaseUrl = "https://api.openai.com/v1";

const providers: Provider[] = [
  { name: "openai-compatible", model: "<model>", key: "OPENAI_API_KEY", make: makeOpenAICompatible },
  { name: "scripted", model: "<file>", make: makeScripted },
];

/** The names that may stand before the slash of a model's name. */
export const providerNames: string[] = providers.map((provider) => provider.name);

/** The variables that hold keys of services. */
export const keyVariables: string[] = providers.flatMap((provider) => provider.key ?? []);

/** Splits `provider/model` at the first slash; the provider exists. */
export function parseModelName(name: string): Result<{ provider: string; model: string }, ModelProblem> {
  const found = find(name);
  return found.ok ? ok({ provider: found.value.provider.name, model: found.value.model }) : found;
}

/** Makes the model of that name, with its retries. The SDK of its service is loaded now, and only that one. */
export async function createModel(name: string, deps: ModelDeps): Promise<Result<Model, ModelProblem>> {
  const found = find(name);
  if (!found.ok) return found;
  const made = await found.value.provider.make(found.value.model, deps);
  if (!made.ok) return made;
  return ok(withRetry(made.value, { clock: deps.clock, afterText: deps.retryAfterText }));
}

/** The places a model can be named in. `key` tells whether a service's key is set. */
export type ModelChoice = {
  flag: string | undefined;
  file: string | undefined;
  variable: string | undefined;
  key(name: string): string | undefined;
};

/** The model to use: the flag's, else REIN_MODEL's, else the file's. Where none is named, a failure that lists the choices. */
export function chooseModel(
  choice: ModelChoice,
): Result<{ name: string; source: "flag" | "file" | "variable" }, ModelProblem> {
  for (const source of ["flag", "variable", "file"] as const) {
    const name = choice[source];
    if (name !== undefined && name !== "") return ok({ name, source });
  }
  // No provider so far has a model that could be meant without being named.
  const services = providers.filter((provider) => provider.key !== undefined);
  const usable = services.filter((provider) => isSet(provider.key && choice.key(provider.key)));
  if (usable.length > 0) return problem("credentials", `No model is named: use ${usable.map(flagFor).join(" or ")}`);
  const ways = services.map((provider) => `set ${provider.key} and use ${flagFor(provider)}`);
  return problem("credentials", `No model is named and no service's key is set: ${ways.join(", or ")}`);
}

function flagFor(provider: Provider): string {
  return `'--model ${provider.name}/${provider.model}'`;
}

function find(name: string): Result<{ provider: Provider; model: string }, ModelProblem> {
  const slash = name.indexOf("/");
  const prefix = slash < 0 ? name : name.slice(0, slash);
  const provider = providers.find((candidate) => candidate.name === prefix);
  const model = name.slice(prefix.length + 1);
  if (provider !== undefined && model !== "") return ok({ provider, model });
  if (provider !== undefined)
    return problem("usage", `Cannot use model '${name}': it must be '${prefix}/${provider.model}'`);
  const near = nearest(prefix, providerNames);
  const hint = near === undefined ? `the providers are ${providerNames.join(", ")}` : `did you mean '${near}'?`;
  const what = slash < 0 ? "a model is named 'provider/model'" : `no provider '${prefix}'`;
  return problem("usage", `Cannot use model '${name}': ${what}; ${hint}`);
}

async function makeOpenAICompatible(model: string, deps: ModelDeps): Promise<Result<Model, ModelProblem>> {
  const key = deps.key("OPENAI_API_KEY") ?? "";
  const setting = deps.key("OPENAI_BASE_URL") ?? "";
  if (key === "" && setting === "") {
    const message =
      "No credentials for 'openai-compatible': set OPENAI_API_KEY, or OPENAI_BASE_URL for a service without a key";
    return problem("credentials", message);
  }
  if (!/^[\x21-\x7e]*$/.test(key)) {
    return problem("credentials", "Cannot use OPENAI_API_KEY: it holds blanks or characters that no key has");
  }
  const baseUrl = setting === "" ? openAIBaseUrl : setting;
  // Never quoted in a message: what looks like a mistake may hold a secret.
  const url = URL.parse(baseUrl);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    return problem("usage", "Cannot use OPENAI_BASE_URL: not an http or https URL");
  }
  if (url.username !== "" || url.password !== "") {
    return problem(
      "usage",
      "Cannot use OPENAI_BASE_URL: a user or password in the URL is not supported, use OPENAI_API_KEY",
    );
  }
  const { openaiCompatible } = await import("./openai-compatible.ts");
  const name = `openai-compatible/${model}`;
  const options = { name, model, baseUrl, fetch: deps.fetch(baseUrl), clock: deps.clock };
  return ok(openaiCompatible(key === "" ? options : { ...options, key }));
}

async function makeScripted(path: string, deps: ModelDeps): Promise<Result<Model, ModelProblem>> {
  const script = await deps.script(path);
  if (!script.ok) return problem("usage", script.error.message);
  return ok(scripted(script.value, `scripted/${path}`, deps.clock));
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "";
}

function problem(outcome: ModelProblem["outcome"], message: string): { ok: false; error: ModelProblem } {
  return { ok: false, error: { outcome, message } };
}
