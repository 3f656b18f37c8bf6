import type { Environment } from "../host/machine.ts";
import { folderNames } from "../host/model-files.ts";
import { knownModels, modelName, modelsFolder } from "../models/local-name.ts";
import { journalPath } from "./journal.ts";
import type { Place } from "./model-folder.ts";

/** The names of the models in the models folder, without looking into them. What cannot be read has none. */
export async function localModelNames({ cwd, environment }: Place): Promise<string[]> {
  const { REIN_MODELS, XDG_CACHE_HOME, HOME } = environment;
  const folder = modelsFolder({ REIN_MODELS, XDG_CACHE_HOME, HOME }, cwd);
  const names = folder === undefined ? undefined : await folderNames(folder);
  return names?.ok ? names.value.flatMap((file) => modelName(file) ?? []).toSorted() : [];
}

/** The models that `rein models pull` knows by a name of its own. */
export const pullableNames: readonly string[] = knownModels.map(({ name }) => name);

/** The names of this user's sessions, newest first. */
export async function sessionNames(environment: Environment): Promise<string[]> {
  const location = journalPath(environment);
  if (location === undefined) return [];
  const { readNames } = await import("../store/names.ts");
  return readNames(location);
}

/** The tools that rein brings. */
export { toolNames } from "../tools/index.ts";
