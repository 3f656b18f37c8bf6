import { clock, pullModel } from "../app/pull.ts";
import { modelsJson, pulledText } from "../render/models.ts";
import { pullProgress } from "../render/pull.ts";
import { usageError } from "./usage.ts";
import type { Handler } from "./command.ts";
import { isDumb, type Io } from "./io.ts";
import { failed, placeOf } from "./models.ts";
import { interruptOnSignals } from "./signals.ts";

export const pullCommand: Handler = async (args, io) => {
  const sha256 = args.one("--sha256")?.toLowerCase();
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
    return usageError({ message: "'--sha256' needs the 64 hexadecimal digits of a SHA-256" }, io);
  }
  const interrupts = new AbortController();
  const leaveSignals = interruptOnSignals(interrupts);
  const progress = pullProgress({
    stderr: io.stderr,
    mode: progressMode(io),
    color: io.stderr.color,
    clock,
    // A terminal that does not know its size says 0.
    columns: () => process.stderr.columns || 80,
  });
  const pulled = await pullModel({
    place: placeOf(io),
    source: args.positionals[0] ?? "",
    name: args.one("--name"),
    sha256,
    interrupts: interrupts.signal,
    watch: progress,
  });
  await progress.end();
  leaveSignals();
  if (!pulled.ok) return failed(pulled.error, io);
  await io.stdout.write(args.one("--output") === "json" ? modelsJson(pulled.value) : pulledText(pulled.value));
  return 0;
};

function progressMode({ env, stderr }: Io): "live" | "plain" | "none" {
  if (env["CI"]) return "plain";
  if (!stderr.terminal) return "none";
  return isDumb(env) ? "plain" : "live";
}
