import type { Event, Stamped } from "../core/event.ts";
import type { Renderer } from "../core/render.ts";
import type { RunResult } from "../core/result-document.ts";

/** Stands between a run and those who show it. */
export type Queue = {
  /** Takes an event and never waits for a reader. */
  push(event: Stamped): void;
  /** Shows what still waits, then the result. */
  end(result: RunResult): Promise<void>;
};

/** How much of tools' live output may wait for a reader, in UTF-16 units. */
const defaultBound = 262_144;

/**
 * Hands events to renderers, in order and one at a time, as fast as these take them. While a reader is slow, text of one turn is
 * joined, and tools' live output beyond the bound is dropped: a warning in its place says how much. Nothing else is lost.
 * Renderers of one queue wait for each other: those that share a terminal belong in one, all others each get their own.
 */
export function queue(renderers: Renderer[], bound: number = defaultBound): Queue {
  let waiting: Stamped[] = [];
  /** Output that waits, and how much was dropped since `gap` was queued. */
  let held = 0;
  let dropped = 0;
  let gap: Stamped | undefined;
  let draining: Promise<void> | undefined;
  let failure: { error: unknown } | undefined;

  function add(event: Stamped): void {
    if (event.type === "output") {
      if (gap !== undefined || held + event.text.length > bound) {
        dropped += event.text.length;
        if (gap === undefined) waiting.push((gap = { seq: event.seq, time: event.time, type: "warning", message: "" }));
        return;
      }
      held += event.text.length;
    }
    const last = waiting.at(-1);
    const joined = last && join(last, event);
    if (joined) waiting[waiting.length - 1] = joined;
    else waiting.push(event);
  }

  /** What is shown for a queued event, now that its turn has come. */
  function take(event: Stamped): Stamped {
    if (event.type === "output") held -= event.text.length;
    if (event !== gap) return event;
    const message = `Dropped ${dropped} characters of tool output: the reader is slow`;
    dropped = 0;
    gap = undefined;
    return { seq: event.seq, time: event.time, type: "warning", message };
  }

  async function drain(): Promise<void> {
    try {
      while (waiting.length > 0) {
        const batch = waiting;
        waiting = [];
        for (const event of batch) {
          const shown = take(event);
          for (const renderer of renderers) await renderer.event(shown);
        }
      }
    } catch (error) {
      failure ??= { error };
      waiting = [];
    }
    draining = undefined;
  }

  return {
    push(event) {
      if (failure !== undefined) return;
      add(event);
      draining ??= Promise.resolve().then(drain);
    },
    async end(result) {
      await draining;
      if (failure !== undefined) throw failure.error;
      for (const renderer of renderers) await renderer.end(result);
    },
  };
}

/** Two neighbours as one, when they are pieces of one text. The events themselves belong to other queues too. */
function join(a: Stamped, b: Stamped<Event>): Stamped | undefined {
  if (a.agent_id !== b.agent_id) return undefined;
  if (a.type === "text" && b.type === "text" && a.turn === b.turn) return { ...a, text: a.text + b.text };
  if (a.type === "reasoning" && b.type === "reasoning" && a.turn === b.turn) return { ...a, text: a.text + b.text };
  if (a.type === "output" && b.type === "output" && a.call === b.call) return { ...a, text: a.text + b.text };
  return undefined;
}
