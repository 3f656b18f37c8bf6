import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "bun:test";

/** The weights that scripts/model gets. */
export const weights = join(import.meta.dir, "../../.cache/models/SmolLM2-135M-Instruct.Q4_1.gguf");

/**
 * A test that needs the weights. Its name begins with "local model: ", by which tests/allowed-skips.txt knows it. The model is as
 * fast as the machine is idle.
 */
export function withWeights(name: string, run: () => Promise<void>, timeout = 180_000): void {
  test.skipIf(!existsSync(weights))(name, run, timeout);
}
