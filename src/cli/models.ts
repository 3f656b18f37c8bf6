import { listModels, removeModels, showModel, type Place } from "../app/model-folder.ts";
import { exitCode } from "../core/exit.ts";
import type { Problem } from "../core/problem.ts";
import { errorText } from "../render/error.ts";
import { modelsJson, modelsText, modelText, removedText } from "../render/models.ts";
import type { Handler } from "./command.ts";
import type { Io } from "./io.ts";

export const listCommand: Handler = async (args, io) => {
  const models = await listModels(placeOf(io));
  if (!models.ok) return failed(models.error, io);
  if (args.one("--output") === "json") await io.stdout.write(modelsJson(models.value));
  else if (models.value.length > 0) await io.stdout.write(modelsText(models.value, io.stdout.color));
  else await io.stdout.write("There are no models yet: 'rein models pull smollm2' gets a small one\n");
  return 0;
};

export const infoCommand: Handler = async (args, io) => {
  const model = await showModel(placeOf(io), args.positionals[0] ?? "");
  if (!model.ok) return failed(model.error, io);
  const json = args.one("--output") === "json";
  await io.stdout.write(json ? modelsJson(model.value) : modelText(model.value));
  return 0;
};

export const removeCommand: Handler = async (args, io) => {
  const removed = await removeModels(placeOf(io), args.positionals);
  if (!removed.ok) return failed(removed.error, io);
  const json = args.one("--output") === "json";
  await io.stdout.write(json ? modelsJson(removed.value) : removedText(removed.value));
  return 0;
};

export function placeOf({ cwd, env }: Io): Place {
  return { cwd, environment: env };
}

/** Tells of a problem, and says its exit code. */
export async function failed({ outcome, message, hint }: Problem, { stderr }: Io): Promise<number> {
  const error = hint === undefined ? { message } : { message, hint };
  await stderr.write(errorText({ error, denied: [] }, stderr.color));
  return exitCode(outcome);
}
