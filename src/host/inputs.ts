import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Longer values are in their file only: the kernel takes at most 128 KiB for one variable. */
const longestVariable = 64 * 1024;

/**
 * Gives a run's inputs to its children as data: a file for each in the folder that REIN_INPUTS names, and REIN_INPUT_<NAME> where
 * the value can be a variable. Says these variables.
 */
export function writeInputs(temporary: string, inputs: ReadonlyMap<string, string>): Record<string, string> {
  if (inputs.size === 0) return {};
  const folder = join(temporary, "inputs");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const env: Record<string, string> = { REIN_INPUTS: folder };
  for (const [name, value] of inputs) {
    writeFileSync(join(folder, name), value, { mode: 0o600 });
    const fits = Buffer.byteLength(value) <= longestVariable && !value.includes("\0");
    if (fits) env[`REIN_INPUT_${name.toUpperCase().replaceAll("-", "_")}`] = value;
  }
  return env;
}
