import { measureModel } from "../app/model-speed.ts";
import { modelsJson, speedText } from "../render/models.ts";
import { readScript, readText } from "./agent-file.ts";
import type { Handler } from "./command.ts";
import { failed, placeOf } from "./models.ts";
import { interruptOnSignals } from "./signals.ts";

export const benchCommand: Handler = async (args, io) => {
  const interrupts = new AbortController();
  const leaveSignals = interruptOnSignals(interrupts);
  const files = { script: readScript, text: readText };
  const speed = await measureModel(placeOf(io), args.positionals[0] ?? "", files, interrupts.signal);
  leaveSignals();
  if (!speed.ok) return failed(speed.error, io);
  await io.stdout.write(args.one("--output") === "json" ? modelsJson(speed.value) : speedText(speed.value));
  return 0;
};
