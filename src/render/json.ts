import type { Renderer, Writer } from "../core/render.ts";
import { cleanJson } from "./clean.ts";

/** `--output json`: one document, the run's result, on failure too. */
export function jsonRenderer(stdout: Writer): Renderer {
  return {
    async event() {},
    async end(result) {
      await stdout.write(`${cleanJson(result, 2)}\n`);
    },
  };
}
