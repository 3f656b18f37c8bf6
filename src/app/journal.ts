import { isDurable, type DurableEvent, type Emit, type Nested, type Observe, type Stamped } from "../core/event.ts";
import type { Clock } from "../core/host.ts";
import {
  attachmentsOf,
  attachmentSize,
  mostAttached,
  type Attachment,
  type AttachmentFacts,
  type KeptText,
} from "../core/message.ts";
import type { RecallDoor } from "../core/recall.ts";
import type { Result } from "../core/result.ts";
import { storeVariable, type Journal, type NewRun, type Store } from "../core/store.ts";
import { systemClock } from "../host/clock.ts";
import type { Environment } from "../host/machine.ts";
import { Conversation } from "../loop/conversation.ts";
import { conversation } from "../loop/history.ts";

/** Where this user's runs are journaled, a file or a database; undefined where the environment names no place for state. */
export function journalPath(environment: Environment): string | undefined {
  const named = environment[storeVariable];
  if (named !== undefined && named !== "") return named;
  const { XDG_STATE_HOME: state, HOME: home } = environment;
  // The XDG specification: a path that is not absolute is to be ignored.
  if (state?.startsWith("/")) return `${state}/rein/rein.db`;
  return home?.startsWith("/") ? `${home}/.local/state/rein/rein.db` : undefined;
}

/** What of the journal's place is secret by itself. */
export function storeSecrets(environment: Environment): string[] {
  const url = URL.parse(environment[storeVariable] ?? "");
  const given = [url?.password, url?.searchParams.get("password"), url?.searchParams.get("sslpassword")];
  return given.flatMap((secret) => (secret ? [secret, decoded(secret)] : []));
}

/** As a database is told it. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A lone % stands for itself.
  }
}

/** A run's journal, and the conversation that its session had before. */
export type OpenJournal = {
  journal: Journal;
  history: Conversation;
  warning?: string;
  /** What an agent of the run can read of it; `agent` is the id of a sub-agent. */
  recall(agent: string | null): RecallDoor;
  close(): Promise<void>;
};

/** How a run is to be journaled. `ephemeral`: nowhere but in memory. `wait`: until that signal, while another run has the session. */
export type Journaling = { session?: string | undefined; ephemeral?: boolean; wait?: AbortSignal };

/** How long runs without a session are kept, in ms, and how many bytes of them. */
export const keptRuns = { age: 30 * 86_400_000, bytes: 1e9 };

/** How often it is looked whether a session is free. */
const lookMs = 200;

/**
 * Opens the journal of a new run. Where it cannot be written the run is journaled in memory, with a warning; but a session that
 * was asked for must be kept, so then it is a failure.
 */
export async function openJournal(
  place: string | undefined,
  newRun: NewRun,
  { session, ephemeral, wait }: Journaling,
): Promise<Result<OpenJournal>> {
  const { openStore, memoryStore } = await import("../store/open.ts");
  if (ephemeral) return begin(memoryStore(), newRun);
  if (session !== undefined) {
    if (place === undefined)
      return { ok: false, error: { code: "failed", message: `Cannot keep the session '${session}': ${noPlace}` } };
    const store = await openStore(place);
    return store.ok ? begin(store.value, { ...newRun, session }, wait) : store;
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

/** Takes a run or a session, where it has to be waited for once it is free. */
export async function whenFree<T>(take: () => Promise<Result<T>>, wait: AbortSignal | undefined): Promise<Result<T>> {
  for (;;) {
    const taken = await take();
    if (taken.ok || taken.error.code !== "exists" || wait === undefined || wait.aborted) return taken;
    await systemClock.sleep(lookMs, wait);
  }
}

/** Begins a run in a store that was opened for it, and is closed with it. */
async function begin(store: Store, newRun: NewRun, wait?: AbortSignal): Promise<Result<OpenJournal>> {
  const journal = await whenFree(() => store.begin(newRun), wait);
  // Read after the session is ours: nobody else can add to it now.
  const earlier = journal.ok && newRun.session !== undefined ? await store.session(newRun.session) : undefined;
  const failed = journal.ok ? (earlier?.ok === false ? earlier : undefined) : journal;
  if (!journal.ok || failed !== undefined) {
    await store.close();
    return failed ?? { ok: false, error: { code: "failed", message: "Cannot begin a run" } };
  }
  const history = earlier?.ok ? await historyOf(earlier.value ?? [], store) : new Conversation();
  const { value: opened } = journal;
  const close = async () => {
    await opened.close();
    await leaveStore(store, newRun.time);
  };
  return { ok: true, value: { journal: opened, history, recall: recallFrom(store, opened), close } };
}

/** Closes a store that was written to, and once a day removes what nobody needs any more. */
export async function leaveStore(store: Store, now: number): Promise<void> {
  // What cannot be pruned is pruned another day.
  await store.prune({ now, ...keptRuns, daily: true });
  await store.close();
}

/** What an agent can read of a run's journal. */
export function recallFrom(store: Store, journal: Journal): OpenJournal["recall"] {
  return (agent) => ({
    find: (query, most) => journal.recall(query, agent, most),
    whole: async (sha256) => {
      const bytes = await store.attachment(sha256);
      return bytes.ok ? { ok: true, value: bytes.value && new TextDecoder().decode(bytes.value) } : bytes;
    },
  });
}

/** The conversation that a session had, with the bytes of its attachments. */
export async function historyOf(events: ReadonlyArray<DurableEvent & Nested>, store: Store): Promise<Conversation> {
  // Of those that no request has any more the bytes are not read.
  const named = conversation(events, (sha256) => sha256).messages.flatMap(attachmentsOf);
  const data = new Map<string, string | undefined>();
  for (const { data: sha256 } of named) {
    const found = data.has(sha256) ? undefined : await store.attachment(sha256);
    if (found?.ok) data.set(sha256, found.value && Buffer.from(found.value).toString("base64"));
  }
  return conversation(events, (sha256) => (data.has(sha256) ? data.get(sha256) : ""));
}

/** Whether more attachments than a conversation can have would be in it. */
export function isTooMuch(history: Conversation, attachments: readonly Attachment[]): boolean {
  if (attachments.length === 0) return false;
  const all = [...history.messages.flatMap(attachmentsOf), ...attachments];
  return all.reduce((sum, one) => sum + attachmentSize(one), 0) > mostAttached;
}

/** The journal cannot be written any more, and what would come now must be in it. */
export class JournalLost extends Error {}

/**
 * Keeps attachments and texts in the journal and says what events tell of them. One that cannot be written loses no run but a
 * session's.
 */
export function makeKeep(journal: Journal, mustKeep: boolean) {
  async function write(bytes: Uint8Array): Promise<KeptText & { ok: boolean }> {
    const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    const kept = await journal.keep(sha256, bytes);
    if (!kept.ok && mustKeep) throw new JournalLost(kept.error.message);
    return { size: bytes.length, sha256, ok: kept.ok };
  }
  return {
    /** Undefined where they could not be kept. */
    keepBytes: async (bytes: Uint8Array): Promise<KeptText | undefined> => {
      const { ok, ...kept } = await write(bytes);
      return ok ? kept : undefined;
    },
    keep: async (attachments: readonly Attachment[]): Promise<AttachmentFacts[]> => {
      const facts: AttachmentFacts[] = [];
      for (const { mediaType: media_type, name, data } of attachments) {
        const { size, sha256 } = await write(Buffer.from(data, "base64"));
        facts.push({ media_type, ...(name === undefined ? {} : { name }), size, sha256 });
      }
      return facts;
    },
    keepText: async (text: string): Promise<KeptText | undefined> => {
      const { ok, ...kept } = await write(Buffer.from(text));
      return ok ? kept : undefined;
    },
  };
}

/**
 * Numbers and dates each event; a durable one is journaled before anyone is told of it. A journal that cannot be written any more
 * is a warning, and the run goes on without it until it is about to change something: whoever resumed it would change that again. Where
 * a session must be kept nothing goes on. JournalLost is thrown then, which ends the run. `next` is the number of the next event.
 */
export function makeEmit(journal: Journal, clock: Clock, observe: Observe, mustKeep: boolean, next = 0): Emit {
  let seq = next;
  let lost: string | undefined;
  return async (event, durability) => {
    const stamped: Stamped = { seq: seq++, time: clock.now(), ...event };
    const known = lost !== undefined;
    const written = isDurable(stamped) && !known ? await journal.append(stamped, durability ?? "normal") : undefined;
    if (written?.ok === false) lost = written.error.message;
    const changes = event.type === "call_start" && durability === "flush";
    if (lost !== undefined && (mustKeep || changes)) throw new JournalLost(lost);
    await observe(stamped);
    if (lost !== undefined && !known)
      await observe({
        seq: seq++,
        time: clock.now(),
        type: "warning",
        message: `${lost}; the rest of this run is not journaled`,
      });
  };
}
