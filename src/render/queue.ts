import { isDurable, type Event, type Stamped } from "../core/event.ts";
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
 * joined, and tools' live output beyond the bound is dropped: a warning in its place says how much, and of output that is dropped
 * again and again, before what comes after it. Nothing else is lost.
 * Renderers of one queue wait for each other: those that share a terminal belong in one, all others each get their own.
 */
export function queue(renderers: Renderer[], bound: number = defaultBound): Queue {
  let waiting: Stamped[] = [];
  /** Output that waits, and how much was dropped since `gap` was queued. */
  let held = 0;
  let dropped = 0;
  let gap: Stamped | undefined;
  /** Where output was dropped last, the first place apart; a flood leaves hundreds of them a second. */
  let more: { at: Stamped; characters: number; places: number } | undefined;
  let told = false;
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
  function take(event: Stamped): Stamped[] {
    if (event.type === "output") {
      held -= event.text.length;
      return [event];
    }
    if (event !== gap) return isDurable(event) ? [...rest(), event] : [event];
    const characters = dropped;
    dropped = 0;
    gap = undefined;
    if (told) {
      more = { at: event, characters: characters + (more?.characters ?? 0), places: 1 + (more?.places ?? 0) };
      return [];
    }
    told = true;
    return [noteOf(event, `Dropped ${characters} characters of tool output: the reader is slow`)];
  }

  /** What else was dropped, now that the flood is over. */
  function rest(): Stamped[] {
    const missing = more;
    told = false;
    more = undefined;
    if (missing === undefined) return [];
    const { at, characters, places } = missing;
    const where = places === 1 ? "another place" : `${places} other places`;
    return [noteOf(at, `Dropped ${characters} more characters of tool output, in ${where}`)];
  }

  async function show(events: Stamped[]): Promise<void> {
    for (const event of events) for (const renderer of renderers) await renderer.event(event);
  }

  async function drain(): Promise<void> {
    try {
      while (waiting.length > 0) {
        const batch = waiting;
        waiting = [];
        for (const event of batch) await show(take(event));
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
      await show(rest());
      for (const renderer of renderers) await renderer.end(result);
    },
  };
}

function noteOf({ seq, time }: Stamped, message: string): Stamped {
  return { seq, time, type: "warning", message };
}

/** Two neighbours as one, when they are pieces of one text. The events themselves belong to other queues too. */
function join(a: Stamped, b: Stamped<Event>): Stamped | undefined {
  if (a.agent_id !== b.agent_id) return undefined;
  if (a.type === "text" && b.type === "text" && a.turn === b.turn) return { ...a, text: a.text + b.text };
  if (a.type === "reasoning" && b.type === "reasoning" && a.turn === b.turn) return { ...a, text: a.text + b.text };
  if (a.type === "output" && b.type === "output" && a.call === b.call) return { ...a, text: a.text + b.text };
  return undefined;
}
