import { attachmentsIn } from "../core/kept.ts";
import type { DurableEvent, Stamped } from "../core/event.ts";
import { nearest } from "../core/nearest.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { badSessionName } from "../core/session-name.ts";
import type { Named, Reader, Store, WholeRun } from "../core/store.ts";

type Event = Stamped<DurableEvent>;

/** What a file holds that a session, or a run in none, was exported to. `kept`: the bytes that its events name, by SHA-256. */
export type Exported = { name: string | null; events: Event[]; kept: Map<string, Uint8Array> };

/** Fewer characters of a run's id name none: they may be a word that was meant for something else. */
const shortestPrefix = 4;

/** So many names are told where several begin as was typed. */
const mostTold = 10;

/** What a word stands for: a session's name, a run's id, the start of one of these, or `last`. */
export async function resolveName(store: Reader, typed: string): Promise<Result<Named>> {
  if (typed === "last") {
    const last = await store.last();
    if (!last.ok) return last;
    if (last.value === undefined) return fail("not_found", "There is no session or run yet");
    const { run, session } = last.value;
    return ok(session === null ? { kind: "run", name: run } : { kind: "session", name: session });
  }
  const found = await store.match(typed, 1000);
  if (!found.ok) return found;
  const exact = found.value.find(({ name }) => name === typed);
  if (exact !== undefined) return ok(exact);
  const meant =
    typed === "" ? [] : found.value.filter((one) => one.kind === "session" || typed.length >= shortestPrefix);
  const [only, ...others] = meant;
  if (only !== undefined && others.length === 0) return ok(only);
  if (only !== undefined) {
    const told = meant.slice(0, mostTold).map(({ name }) => `'${name}'`);
    const more = meant.length > mostTold ? ` and ${meant.length - mostTold} more` : "";
    return fail("invalid", `'${typed}' is the beginning of several: ${told.join(", ")}${more}`);
  }
  const sessions = await store.sessions();
  if (!sessions.ok) return sessions;
  const guess = nearest(
    typed,
    sessions.value.flatMap(({ name }) => name ?? []),
  );
  const hint = guess === undefined ? "'rein sessions list' shows them" : `did you mean '${guess}'?`;
  return fail("not_found", `There is no session or run '${typed}': ${hint}`);
}

/** The events of each run. */
export function runsOf(events: readonly Event[]): Event[][] {
  const runs: Event[][] = [];
  for (const event of events) {
    if ((event.type === "run_start" && event.agent_id === undefined) || runs.length === 0) runs.push([]);
    runs.at(-1)?.push(event);
  }
  return runs;
}

function startOf(run: readonly Event[]) {
  for (const event of run) if (event.type === "run_start" && event.agent_id === undefined) return event;
  return undefined;
}

/** The events up to the end of a turn, counted over all runs, with what its calls came to; undefined where there are not so many. */
function upTo(events: readonly Event[], turn: number): Event[] | undefined {
  const own = (event: Event, type: DurableEvent["type"]) => event.type === type && event.agent_id === undefined;
  const ends = events.flatMap((event, index) => (own(event, "turn_end") ? [index] : []));
  const at = ends[turn - 1];
  if (at === undefined) return undefined;
  const next = events.findIndex((event, index) => index > at && (own(event, "turn_start") || own(event, "run_start")));
  const rest = events.slice(at + 1, next < 0 ? undefined : next);
  // Within a run the next question is not part of it; a run that ended there is whole.
  const whole = next < 0 || events[next]?.type === "run_start";
  const last = whole ? rest.length : rest.findLastIndex((event) => own(event, "call_end")) + 1;
  return events.slice(0, at + 1 + last);
}

/** Copies of runs, under ids of their own and in another session. */
function copied(runs: Event[][], session: string, id: () => string): WholeRun[] {
  const ids = new Map<string, string>();
  for (const run of runs)
    for (const event of run)
      if (event.type === "run_start" && event.agent_id === undefined) ids.set(event.run_id, id());
  return runs.flatMap((events): WholeRun[] => {
    const start = startOf(events);
    if (start === undefined) return [];
    const { agent, model, time } = start;
    const moved = events.map((event) => renamed(event, ids, session));
    return [{ id: ids.get(start.run_id) ?? id(), agent, model, started: time, events: moved, copy: true }];
  });
}

/** An event as the run with the other id would have it. A sub-agent's id is that of its run, and where it is in it. */
function renamed(event: Event, ids: ReadonlyMap<string, string>, session: string): Event {
  const other = (id: string) => {
    const dot = id.indexOf(".");
    const run = ids.get(dot < 0 ? id : id.slice(0, dot));
    return run === undefined ? id : run + (dot < 0 ? "" : id.slice(dot));
  };
  switch (event.type) {
    case "run_start":
      return { ...event, run_id: other(event.run_id), ...(event.agent_id === undefined ? { session } : {}) };
    case "run_resume":
      return { ...event, run_id: other(event.run_id) };
    case "run_end":
      return { ...event, result: { ...event.result, run_id: other(event.result.run_id) } };
    case "undo":
      return { ...event, runs: event.runs.map(other) };
    default:
      return event;
  }
}

/** What a copy has behind its name. A longer number, as in a date, is of the name itself. */
const copyNumber = /-[1-9]\d{0,2}$/;

/** A name that no session has: this one with the next number. */
async function freeName(store: Reader, name: string): Promise<Result<string>> {
  const base = name.replace(copyNumber, "");
  const taken = await store.match(`${base}-`, 100_000);
  if (!taken.ok) return taken;
  const numbers = taken.value.flatMap((one) =>
    one.kind === "session" && one.name.replace(copyNumber, "") === base ? Number(one.name.slice(base.length + 1)) : [],
  );
  const highest = numbers.reduce((most, number) => Math.max(most, number), 1);
  return ok(`${base}-${highest + 1}`);
}

/** Copies a session, or a run, into a new session, up to a turn where one is named. Says what it is called. */
export async function forkSession(
  store: Store,
  from: Named,
  { to, at, id }: { to?: string | undefined; at?: number | undefined; id: () => string },
): Promise<Result<string>> {
  const bad = to === undefined ? undefined : badSessionName(to);
  if (bad !== undefined) return fail("unsupported", bad);
  const read = await eventsOf(store, from);
  if (!read.ok) return read;
  const kept = at === undefined ? read.value : upTo(read.value, at);
  if (kept === undefined) {
    const turns = read.value.filter(({ type, agent_id }) => type === "turn_end" && agent_id === undefined).length;
    return fail(
      "not_found",
      `Cannot fork '${from.name}' at turn ${at}: it has ${turns === 1 ? "1 turn" : `${turns} turns`}`,
    );
  }
  const name = to === undefined ? await freeName(store, from.kind === "session" ? from.name : "fork") : ok(to);
  if (!name.ok) return name;
  const added = await store.add(name.value, copied(runsOf(kept), name.value, id), new Map());
  return added.ok ? name : added;
}

/** All there is of a session or a run. Bytes that are not kept any more are left out. */
export async function exportSession(store: Reader, what: Named): Promise<Result<Exported>> {
  const events = await eventsOf(store, what);
  if (!events.ok) return events;
  const kept = new Map<string, Uint8Array>();
  for (const sha256 of events.value.flatMap(attachmentsIn)) {
    const bytes = kept.has(sha256) ? undefined : await store.attachment(sha256);
    if (bytes?.ok === false) return bytes;
    if (bytes?.value !== undefined) kept.set(sha256, bytes.value);
  }
  return ok({ name: what.kind === "session" ? what.name : null, events: events.value, kept });
}

/** Adds what was exported, under its own name or another. Runs that are here already are added as copies. */
export async function importSession(
  store: Store,
  { name, events, kept }: Exported,
  { to, id }: { to?: string | undefined; id: () => string },
): Promise<Result<string>> {
  const session = to ?? name;
  const bad = session === null ? undefined : badSessionName(session);
  if (bad !== undefined) return fail("unsupported", bad);
  const runs = runsOf(events);
  const known: Event[][] = [];
  const fresh: WholeRun[] = [];
  for (const run of runs) {
    const start = startOf(run);
    if (start === undefined) return fail("invalid", "It does not begin with the start of a run");
    const found = await store.session(start.run_id);
    if (!found.ok) return found;
    if (found.value !== undefined) known.push(run);
    else {
      const { run_id, agent, model, time } = start;
      const moved = session === null ? run : run.map((event) => renamed(event, new Map(), session));
      fresh.push({ id: run_id, agent, model, started: time, events: moved, copy: false });
    }
  }
  if (known.length > 0 && session === null) return fail("exists", "This run is here already");
  // One run in two sessions would be neither's: then all are copies.
  const all = known.length > 0 && session !== null ? copied(runs, session, id) : fresh;
  const added = await store.add(session, all, kept);
  if (!added.ok) return added;
  return ok(session ?? fresh[0]?.id ?? "");
}

async function eventsOf(store: Reader, { name }: Named): Promise<Result<Event[]>> {
  const events = await store.session(name);
  if (!events.ok) return events;
  return events.value === undefined ? fail("not_found", `There is no session or run '${name}'`) : ok(events.value);
}
