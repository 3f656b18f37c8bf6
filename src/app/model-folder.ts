import { isJsonObject } from "../core/json.ts";
import type { LocalModel, Origin, ShownModel } from "../core/local-model.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import { ok, type Result } from "../core/result.ts";
import type { Environment } from "../host/machine.ts";
import { folderNames, readNote, removeFile, withFile } from "../host/model-files.ts";
import { ggufFacts } from "../models/gguf-facts.ts";
import { windowMemory } from "../models/local-memory.ts";
import { isPath, localPath, modelName, modelsFolder, nearestModel, type LocalPlaces } from "../models/local-name.ts";

/** Whose models they are, and what paths are relative to. */
export type Place = { cwd: string; environment: Environment };

/** The models folder and what is in it. */
export async function openPlaces({ cwd, environment }: Place): Promise<Result<LocalPlaces, Problem>> {
  const { REIN_MODELS, XDG_CACHE_HOME, HOME } = environment;
  const folder = modelsFolder({ REIN_MODELS, XDG_CACHE_HOME, HOME }, cwd);
  const names = folder === undefined ? ok([]) : await folderNames(folder);
  if (!names.ok) return problemOf("usage", names.error.message);
  return ok({ folder, base: cwd, home: HOME?.startsWith("/") ? HOME : undefined, files: () => names.value });
}

/** The models of the folder by their names, downloads that were interrupted included. */
export async function listModels(place: Place): Promise<Result<LocalModel[], Problem>> {
  const places = await openPlaces(place);
  if (!places.ok) return places;
  const { folder } = places.value;
  const models: LocalModel[] = [];
  for (const file of places.value.files()) {
    const whole = file.replace(/\.part$/, "");
    const name = modelName(whole);
    if (name !== undefined) models.push(await look(`${folder}/${file}`, name, whole !== file));
  }
  return ok(models.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
}

/** One model, by what stands after `local/`, or by the path of its file. */
export async function showModel(place: Place, word: string): Promise<Result<ShownModel, Problem>> {
  const places = await openPlaces(place);
  if (!places.ok) return places;
  const id = idOf(word);
  const path = localPath(id, places.value);
  if (!path.ok) return path;
  const file = path.value.slice(path.value.lastIndexOf("/") + 1);
  const model = await look(path.value, isPath(id) ? id : (modelName(file) ?? id), false);
  if (model.facts === null) return problemOf("usage", `Cannot read '${word}': ${model.detail}`);
  return ok({ ...model, memory: windowMemory(model.facts) });
}

/** Removes models of the folder with what is noted of them, and parts of downloads. All of them are there, or none is removed. */
export async function removeModels(place: Place, words: readonly string[]): Promise<Result<LocalModel[], Problem>> {
  const listed = await listModels(place);
  if (!listed.ok) return listed;
  const found: LocalModel[] = [];
  for (const word of words) {
    const id = word.replace(/^local\//, "").replace(/\.gguf$/, "");
    const same = listed.value.filter(({ name, path }) => name === id || path.endsWith(`/${id}.gguf`));
    if (same.length === 0) {
      const guess = nearestModel(
        id,
        listed.value.map(({ name }) => `${name}.gguf`),
      );
      const here = listed.value.some(({ name }) => name === guess);
      const hint = here ? `did you mean '${guess}'?` : "'rein models list' shows what is there";
      return problemOf("usage", `Cannot remove '${word}': there is no such model in the models folder`, hint);
    }
    found.push(...same);
  }
  for (const { path } of found) {
    const removed = removeFile(path);
    if (!removed.ok) return problemOf("usage", removed.error.message);
    removeFile(notePath(path));
  }
  return ok(found);
}

/** What was noted when a file was pulled; undefined for one that came another way. */
export function originOf(path: string): Origin | undefined {
  const note = readNote(notePath(path));
  if (!isJsonObject(note)) return undefined;
  const { source, licence, sha256 } = note;
  if (typeof source !== "string" || typeof sha256 !== "string") return undefined;
  return { source, licence: typeof licence === "string" ? licence : null, sha256 };
}

/** Where it is noted what a file is: beside it. */
export function notePath(path: string): string {
  return `${path}.json`;
}

/** The file of a model that was named: a word that ends in `.gguf` is a path, as it is anywhere else. */
function idOf(word: string): string {
  if (word.startsWith("local/")) return word.slice("local/".length);
  return isPath(word) || !word.endsWith(".gguf") ? word : `./${word}`;
}

async function look(path: string, name: string, incomplete: boolean): Promise<LocalModel> {
  const read = await withFile(path, ({ size, read }) => ({
    size,
    facts: incomplete ? undefined : ggufFacts(read, size),
  }));
  const base = { name, path, size: 0, facts: null, origin: null };
  if (!read.ok) return { ...base, state: "broken", detail: read.error.message.replace(`Cannot read '${path}': `, "") };
  const { size, facts } = read.value;
  if (facts === undefined) {
    return { ...base, size, state: "incomplete", detail: "its download was interrupted: pull it again" };
  }
  if (!facts.ok) return { ...base, size, state: "broken", detail: facts.error };
  const { hasLocalModels, withoutLocalModels } = await import("../native/local.ts");
  const usable = hasLocalModels();
  return {
    ...base,
    size,
    state: usable ? "ready" : "unusable",
    detail: usable ? null : withoutLocalModels,
    facts: facts.value,
    origin: originOf(path) ?? null,
  };
}
