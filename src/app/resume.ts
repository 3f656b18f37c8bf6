import type { DurableEvent, Launch, Nested, Stamped } from "../core/event.ts";
import type { OutcomeName } from "../core/exit.ts";
import { attachmentsOf, type Attachment } from "../core/message.ts";
import { nearest } from "../core/nearest.ts";
import type { InputValues } from "../core/plan.ts";
import { interrupted, problemOf, type Problem } from "../core/problem.ts";
import type { Result } from "../core/result.ts";
import type { Reader, ResumedRun, Store } from "../core/store.ts";
import type { Environment } from "../host/machine.ts";
import { Conversation } from "../loop/conversation.ts";
import { conversation } from "../loop/history.ts";
import { pastAgents, type PastRun } from "../loop/past.ts";
import { resolveName } from "./sessions.ts";
import { historyOf, journalPath, recallFrom, whenFree, type OpenJournal } from "./journal.ts";

/** A run that goes on: what it was begun with, and what it has done. Its journal is closed in any case. */
export type Resumed = {
  id: string;
  launch: Launch;
  /** The SHA-256 of its agent file, and of the further files that it is made of, when it ran last. */
  hash: string;
  files: Record<string, string>;
  /** What it is called. */
  agent: string;
  session: string | undefined;
  input: InputValues;
  instructions: string;
  prompt: string;
  attachments: Attachment[];
  past: PastRun;
  /** The number of its next event. */
  seq: number;
  journal: OpenJournal;
};

/** The end of a run that has nothing left to do. */
export type RunEnd = Stamped<Extract<DurableEvent, { type: "run_end" }>>;

type Events = ReadonlyArray<Stamped<DurableEvent>>;

/** Ends that a run came to by itself, and would come to again. */
const final: ReadonlySet<OutcomeName> = new Set(["done", "denied", "unfit"]);

/** Takes a run to go on with it. `wait`: while another process has it, until that signal. */
export async function takeRun(
  environment: Environment,
  name: string,
  wait: AbortSignal | undefined,
): Promise<Result<Resumed | RunEnd, Problem>> {
  const { openStore, findStore } = await import("../store/open.ts");
  const place = journalPath(environment);
  // It is only read where that is enough.
  const reader = await findStore(place);
  if (!reader.ok) return problemOf("usage", reader.error.message);
  const looked = await look(reader.value, name);
  await reader.value.close();
  if (!looked.ok) return looked;
  if (typeof looked.value !== "string") return { ok: true, value: looked.value };
  if (place === undefined) return unknown([], name);
  const opened = await openStore(place);
  if (!opened.ok) return problemOf("usage", opened.error.message);
  const store = opened.value;
  const taken = await takeFrom(store, looked.value, wait);
  if (!taken.ok || "type" in taken.value) await store.close();
  return taken;
}

/** The id of the run that a name means, or its end. */
async function look(store: Reader, name: string): Promise<Result<string | RunEnd, Problem>> {
  const found = await (name === "last" ? newest(store) : store.findRun(name));
  if (!found.ok) return problemOf("usage", found.error.message);
  if (found.value === undefined) {
    const meant = await resolveName(store, name);
    if (!meant.ok && meant.error.code === "invalid") return problemOf("usage", meant.error.message);
    const sessions = await store.sessions();
    return unknown(sessions.ok ? sessions.value.flatMap((one) => one.name ?? []) : [], name);
  }
  const events = await store.session(found.value);
  if (!events.ok) return problemOf("usage", events.error.message);
  return { ok: true, value: endOf(events.value ?? []) ?? found.value };
}

async function newest(store: Reader): Promise<Result<string | undefined>> {
  const last = await store.last();
  return last.ok ? { ok: true, value: last.value?.run } : last;
}

async function takeFrom(
  store: Store,
  id: string,
  wait: AbortSignal | undefined,
): Promise<Result<Resumed | RunEnd, Problem>> {
  const run = await whenFree(() => store.resume(id), wait);
  // Where the time to wait is over it has no name.
  if (typeof wait?.reason === "string") return interrupted(wait, "Ended while it waited for the run");
  if (!run.ok) {
    const hint = run.error.code === "exists" ? "'--wait' waits until it has ended" : undefined;
    return problemOf("usage", run.error.message, hint);
  }
  const endedNow = endOf(run.value.events);
  const resumed = endedNow === undefined ? await resume(id, run.value, store) : { ok: true as const, value: endedNow };
  if (!resumed.ok || "type" in resumed.value) await run.value.journal.close();
  return resumed;
}

function unknown(sessions: readonly string[], name: string): Result<never, Problem> {
  if (name === "last") return problemOf("usage", "There is no run yet");
  const guess = nearest(name, ["last", ...sessions]);
  return problemOf("usage", `There is no run '${name}'`, guess === undefined ? undefined : `did you mean '${guess}'?`);
}

/** The end of a run that needs nothing more. */
function endOf(events: Events): RunEnd | undefined {
  const last = events.at(-1);
  if (last?.type !== "run_end" || last.agent_id !== undefined) return undefined;
  return final.has(last.result.outcome) ? last : undefined;
}

async function resume(id: string, run: ResumedRun, store: Store): Promise<Result<Resumed, Problem>> {
  const cannot = (why: string, hint?: string) => problemOf("usage", `Cannot resume run '${id}': ${why}`, hint);
  const { events, journal } = run;
  const start = events.find((event) => event.type === "run_start");
  const asked = events.find((event) => event.type === "user" && event.agent_id === undefined);
  if (start?.type !== "run_start" || asked?.type !== "user")
    return cannot("it was ended before it asked anything", "run it anew");
  const { launch, input = {}, instructions } = start;
  if (launch === undefined) return cannot("the journal does not have how it was begun");
  if (launch.file === undefined && launch.text === undefined)
    return cannot(
      "its agent file came on stdin and holds a secret, so that the journal does not have it",
      "run it anew",
    );
  const session = run.session ?? undefined;
  const earlier = session === undefined ? { ok: true as const, value: [] } : await store.session(session);
  if (!earlier.ok) return cannot(earlier.error.message);
  const all = earlier.value ?? [];
  const own = all.findIndex((event) => event.type === "run_start" && event.run_id === id);
  const before = all.slice(0, Math.max(own, 0));
  const data = await bytesOf([...before, ...events], store);
  const [prompt] = conversation([asked], data).messages;
  if (prompt?.role !== "user") return cannot("it was asked nothing");
  const again = events.findLast((event) => event.type === "run_resume" && event.agent_id === undefined);
  const { hash, files = {} } = again?.type === "run_resume" ? again : start;
  return {
    ok: true,
    value: {
      id,
      launch,
      hash,
      files,
      agent: start.agent,
      session,
      input,
      instructions,
      prompt: prompt.text,
      attachments: prompt.attachments ?? [],
      past: { events, data },
      seq: (events.at(-1)?.seq ?? 0) + 1,
      journal: {
        journal,
        history: before.length === 0 ? new Conversation() : await historyOf(before, store),
        recall: recallFrom(store, journal),
        async close() {
          await journal.close();
          await store.close();
        },
      },
    },
  };
}

/** What the journal keeps of attachments that requests may still have. */
async function bytesOf(events: ReadonlyArray<DurableEvent & Nested>, store: Store): Promise<PastRun["data"]> {
  const data = new Map<string, string | undefined>();
  for (const sha256 of namedIn(events)) {
    const found = data.has(sha256) ? undefined : await store.attachment(sha256);
    if (found?.ok) data.set(sha256, found.value && Buffer.from(found.value).toString("base64"));
  }
  return (sha256) => (data.has(sha256) ? data.get(sha256) : "");
}

function namedIn(events: ReadonlyArray<DurableEvent & Nested>): string[] {
  const own = conversation(events, (sha256) => sha256).messages.flatMap(attachmentsOf);
  const going = pastAgents(events).filter(({ result }) => result === undefined);
  return [...own.map(({ data }) => data), ...going.flatMap((agent) => namedIn(agent.events))];
}
