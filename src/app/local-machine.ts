import { ok } from "../core/result.ts";
import type { Environment } from "../host/machine.ts";
import { freeMemory, usableMemory } from "../host/memory.ts";
import { folderNames, withFile } from "../host/model-files.ts";
import type { LocalMachine } from "../models/local.ts";
import { modelsFolder, type LocalPlaces } from "../models/local-name.ts";
import { memoryIn } from "../models/memory-window.ts";

/** What local models are made from. `base`: what a path is relative to. */
export async function localDeps(
  environment: Environment,
  cwd: string,
  base: string,
): Promise<LocalPlaces & LocalMachine & { memory: number }> {
  const memory = memoryIn(environment["REIN_VRAM"]) ?? usableMemory();
  return { ...(await localPlaces(environment, cwd, base)), ...localMachine, memory };
}

/** Where the user's local models are, and what a path is relative to. */
export async function localPlaces(environment: Environment, cwd: string, base: string): Promise<LocalPlaces> {
  const { REIN_MODELS, XDG_CACHE_HOME, HOME } = environment;
  const folder = modelsFolder({ REIN_MODELS, XDG_CACHE_HOME, HOME }, cwd);
  const names = folder === undefined ? ok([]) : await folderNames(folder);
  return { folder, base, home: HOME, files: () => (names.ok ? names.value : []) };
}

/** What local models must know of this machine. */
export const localMachine: LocalMachine = {
  async look(path) {
    const { ggufFile } = await import("../models/gguf-facts.ts");
    const read = await withFile(path, (file) => ggufFile(file.read, file.size));
    return read.ok ? read.value : { ok: false, error: read.error.message };
  },
  freeMemory,
};
