import type { Stamped } from "./event.ts";
import type { RunResult } from "./result-document.ts";

/** Somewhere text goes. Resolves when it was taken; false when its reader is gone (then all further text is dropped). */
export type Writer = { write(text: string): Promise<boolean> };

/** Turns the events of a run into one output. It drives nothing: it writes, and never ends the process. */
export type Renderer = {
  /** Called in order, one at a time. */
  event(event: Stamped): Promise<void>;
  /** Called once, after the last event. */
  end(result: RunResult): Promise<void>;
};
