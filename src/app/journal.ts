import { isDurable, type Emit, type Stamped } from "../core/event.ts";
import type { Clock } from "../core/host.ts";
import type { Message } from "../core/message.ts";
import type { Result } from "../core/result.ts";
import type { Journal, NewRun, Store } from "../core/store.ts";
import type { Environment } from "../host/machine.ts";
import { conversation } from "../loop/history.ts";

/** Where this user's runs are journaled; undefined where the environment names no place for state. */
export function journalPath(environment: Environment): string | undefined {
  const { XDG_STATE_HOME: state, HOME: home } = environment;
  // The XDG specification: a path that is not absolute is to be ignored.
  if (state?.startsWith("/")) return `${state}/rein/rein.db`;
  return home?.startsWith("/") ? `${home}/.local/state/rein/rein.db` : undefined;
}

/** A run's journal, and the conversation that its session had before. */
export type OpenJournal = { journal: Journal; history: Message[]; warning?: string; close(): Promise<void> };

/**
 * Opens the journal of a new run. Where it cannot be written the run is journaled in memory, with a warning; but a session that
 * was asked for must be kept, so then it is a failure.
 */
export async function openJournal(
  place: string | undefined,
  newRun: NewRun,
  session: string | undefined,
): Promise<Result<OpenJournal>> {
  const { openStore, memoryStore } = await import("../store/open.ts");
  if (session !== undefined) {
    if (place === undefined)
      return { ok: false, error: { code: "failed", message: `Cannot keep the session '${session}': ${noPlace}` } };
    const store = await openStore(place);
    return store.ok ? begin(store.value, { ...newRun, session }) : store;
  }
  const store = place === undefined ? undefined : await openStore(place);
  const begun = store?.ok ? await begin(store.value, newRun) : undefined;
  if (begun?.ok) return begun;
  const why = begun?.error.message ?? (store?.ok === false ? store.error.message : noPlace);
  const inMemory = await begin(memoryStore(), newRun);
  return inMemory.ok
    ? { ok: true, value: { ...inMemory.value, warning: `This run is not journaled: ${why}` } }
    : inMemory;
}

const noPlace = "neither XDG_STATE_HOME nor HOME is set";

async function begin(store: Store, newRun: NewRun): Promise<Result<OpenJournal>> {
  const journal = await store.begin(newRun);
  // Read after the session is ours: nobody else can add to it now.
  const earlier = journal.ok && newRun.session !== undefined ? await store.session(newRun.session) : undefined;
  const failed = journal.ok ? (earlier?.ok === false ? earlier : undefined) : journal;
  if (!journal.ok || failed !== undefined) {
    await store.close();
    return failed ?? { ok: false, error: { code: "failed", message: "Cannot begin a run" } };
  }
  const history = earlier?.ok ? conversation(earlier.value ?? []) : [];
  const close = async () => {
    await journal.value.close();
    await store.close();
  };
  return { ok: true, value: { journal: journal.value, history, close } };
}

/** The journal of a session that had to be kept cannot be written any more. */
export class JournalLost extends Error {}

/**
 * Numbers and dates each event; a durable one is journaled before anyone is told of it. A journal that cannot be written any more
 * is a warning, and the run goes on without it; but where a session must be kept JournalLost is thrown, which ends the run.
 */
export function makeEmit(journal: Journal, clock: Clock, observe: (event: Stamped) => void, mustKeep: boolean): Emit {
  let seq = 0;
  let broken = false;
  return async (event, durability) => {
    const stamped: Stamped = { seq: seq++, time: clock.now(), ...event };
    const written = isDurable(stamped) && !broken ? await journal.append(stamped, durability ?? "normal") : undefined;
    if (written?.ok === false && mustKeep) throw new JournalLost(written.error.message);
    observe(stamped);
    if (written?.ok === false) {
      broken = true;
      const message = `${written.error.message}; the rest of this run is not journaled`;
      observe({ seq: seq++, time: clock.now(), type: "warning", message });
    }
  };
}
