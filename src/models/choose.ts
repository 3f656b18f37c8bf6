import type { ModelSpec } from "../core/model.ts";
import { nearest } from "../core/nearest.ts";
import { ok, type Result } from "../core/result.ts";
import { sides, type ModelSetting, type Route, type Side } from "../core/route.ts";
import { problem, type ModelProblem } from "./problem.ts";
import { localProvider, providerNames, providers, scriptedProvider, type Provider } from "./providers.ts";

/** Whose model it is, and its id as the service knows it; or the path of a script; or a file's path or name. */
export type ModelName =
  { provider: Provider; id: string } | { provider: "scripted"; path: string } | { provider: "local"; id: string };

/** Reads `provider/model`, split at its first slash, or a provider alone, which means its default model. */
export function parseModelName(name: string, others: readonly string[] = []): Result<ModelName, ModelProblem> {
  const slash = name.indexOf("/");
  const prefix = slash < 0 ? name : name.slice(0, slash);
  const rest = name.slice(prefix.length + 1);
  if (prefix === scriptedProvider) {
    if (rest !== "") return ok({ provider: scriptedProvider, path: rest });
    return problem("usage", `Cannot use model '${name}': it must be 'scripted/<file>'`);
  }
  if (prefix === localProvider.name) {
    const id = slash < 0 ? localProvider.model : rest;
    if (id !== "") return ok({ provider: localProvider.name, id });
    return problem("usage", `Cannot use model '${name}': it must be 'local/<name>' or 'local/./<path>'`);
  }
  const provider = providers.find((one) => one.name === prefix || one.aliases.includes(prefix));
  if (provider !== undefined) {
    const id = slash < 0 ? (provider.model ?? "") : rest;
    if (id !== "") return ok({ provider, id });
    return problem("usage", `Cannot use model '${name}': it must be '${prefix}/<model>'`);
  }
  const known = slash < 0 ? [...others, ...providerNames] : providerNames;
  const near = nearest(prefix, known);
  const hint = near === undefined ? `expected 'provider/model', with one of ${providerNames.join(", ")}` : undefined;
  const what = slash < 0 && others.length > 0 ? `provider or named model '${prefix}'` : `provider '${prefix}'`;
  return problem("usage", `Cannot use model '${name}': no ${what}`, hint ?? `did you mean '${near}'?`);
}

/** `provider/model` as results tell it. */
export function modelLabel(spec: Pick<ModelSpec, "model">): string {
  const parsed = parseModelName(spec.model);
  if (!parsed.ok) return spec.model;
  const { value } = parsed;
  if (value.provider === "scripted") return spec.model;
  return `${value.provider === "local" ? value.provider : value.provider.name}/${value.id}`;
}

/** The places a model can be named in. `key` tells whether a service's key is set. */
export type ModelChoice = {
  flag: string | undefined;
  variable: string | undefined;
  file: ModelSetting | undefined;
  /** The models that the agent file names. */
  models: Readonly<Record<string, ModelSpec>>;
  key(name: string): string | undefined;
};

/** A model with its options, the name that the file gave it, and who wrote its `provider/model`. */
export type ChosenModel = { spec: ModelSpec; name?: string; from: "caller" | "file" };

/** Models in the order in which they stand in for each other. */
export type ModelList = ChosenModel[];

/** What may answer: models in their order, or a route between two such lists. */
export type Choice = ModelList | { route: Route; lists: Record<Side, ModelList> };

/** All models that a choice may lead to. */
export function modelsOf(choice: Choice): ModelList {
  return Array.isArray(choice) ? choice : sides.flatMap((side) => choice.lists[side]);
}

/**
 * The models to use: the flag's, else REIN_MODEL's, else the file's, else the default one of the only service whose key is set.
 * Where there is none, a failure that lists the choices.
 */
export function chooseModels({ flag, variable, file, models, key }: ModelChoice): Result<Choice, ModelProblem> {
  const typed = flag || variable;
  if (typed) return chooseList([typed], models, "caller");
  if (file === undefined) {
    const only = onlyService(key);
    return only.ok ? ok([only.value]) : only;
  }
  if (Array.isArray(file)) return chooseList(file, models, "file");
  const simple = chooseList(file.simple, models, "file");
  if (!simple.ok) return simple;
  const complex = chooseList(file.complex, models, "file");
  return complex.ok ? ok({ route: file, lists: { simple: simple.value, complex: complex.value } }) : complex;
}

/** Models by their names, which `from` has written. */
function chooseList(
  names: readonly string[],
  models: ModelChoice["models"],
  from: ChosenModel["from"],
): Result<ModelList, ModelProblem> {
  const list: ModelList = [];
  for (const name of names) {
    const spec = Object.hasOwn(models, name) ? models[name] : undefined;
    if (spec !== undefined) {
      list.push({ spec, name, from: "file" });
      continue;
    }
    const parsed = parseModelName(name, Object.keys(models));
    if (!parsed.ok) return parsed;
    list.push({ spec: { model: name }, from });
  }
  return ok(list);
}

/** The services that have a default model and are not local ones: one of them is used where no model is named. */
const services = providers.filter(({ model, local }) => model !== undefined && local === undefined);

/** Of these the ones whose key is set. */
export function usableServices(key: ModelChoice["key"]): Provider[] {
  return services.filter((provider) => credentials(provider).some((name) => (key(name) ?? "") !== ""));
}

function onlyService(key: ModelChoice["key"]): Result<ChosenModel, ModelProblem> {
  const usable = usableServices(key);
  const [first, second] = usable;
  if (first !== undefined && second === undefined) return ok({ spec: { model: first.name }, from: "caller" });
  if (first !== undefined) {
    const flags = usable.map(({ name }) => `'--model ${name}'`).join(" or ");
    return problem("credentials", "No model is named and several services' keys are set", `use ${flags}`);
  }
  const variables = services.map(({ keys }) => keys[0] ?? "").join(", ");
  const hint = `set one of ${variables}, or name a model: '--model provider/model'`;
  return problem("credentials", "No model is named and no service's key is set", hint);
}

/** The variables that may hold a service's credentials, the first that is set counts. */
export function credentials({ keys, token }: Provider): string[] {
  return token === undefined ? [...keys] : [...keys, token];
}
