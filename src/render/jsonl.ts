import { eventVersion } from "../core/event.ts";
import type { Renderer, Writer } from "../core/render.ts";
import { cleanJson } from "./clean.ts";

/**
 * `--output jsonl`: each event a line as it comes. The first line carries the format's version, whichever event it is; the
 * result is in the last, a `run_end`.
 */
export function jsonlRenderer(stdout: Writer): Renderer {
  let first = true;
  return {
    async event(event) {
      const line = first ? { version: eventVersion, ...event } : event;
      first = false;
      await stdout.write(`${cleanJson(line)}\n`);
    },
    async end() {},
  };
}
