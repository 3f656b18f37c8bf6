import type { DurableEvent, Stamped } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { fail, type Result } from "../core/result.ts";
import type { Talk, UndoneFile } from "../core/talk.ts";
import { largestKept } from "./changes.ts";

export type FileChange = Extract<DurableEvent, { type: "file_change" }>;

/** One turn of a session, as its events tell it. */
export type Told = { run: string; prompt: string; changes: FileChange[] };

/** The turns that events tell of: runs in which somebody asked something. */
export function turnsOf(events: ReadonlyArray<Stamped<DurableEvent>>): Told[] {
  const turns: Told[] = [];
  let run = "";
  for (const event of events) {
    if (event.agent_id === undefined && event.type === "run_start") run = event.run_id;
    if (event.agent_id === undefined && event.type === "user" && event.reason === undefined)
      turns.push({ run, prompt: event.text, changes: [] });
    if (event.type === "file_change" && turns.at(-1)?.run === run) turns.at(-1)?.changes.push(event);
  }
  return turns;
}

/** What several changes of one file come to, the newest first. */
export function merged(changes: readonly FileChange[]): FileChange[] {
  const files = new Map<string, FileChange>();
  for (const change of changes) {
    const first = files.get(change.path);
    files.delete(change.path);
    const { before: _later, ...rest } = change;
    files.set(
      change.path,
      first === undefined ? change : { ...rest, ...(first.before === undefined ? {} : { before: first.before }) },
    );
  }
  return [...files.values()].toReversed().filter(({ before, after }) => before !== null || after !== null);
}

/** A larger file is not shown whole. */
const largestShown = 1_000_000;

/** Files as they were before changes of a conversation. `kept`: bytes that the journal has. */
export function earlierFiles(
  host: () => Host,
  kept: (sha256: string) => Promise<Uint8Array | undefined>,
  signal: AbortSignal,
) {
  /** What is there, as long as it is what the change has left; else why it cannot be taken back. */
  async function untouched({
    path,
    before,
    after,
  }: FileChange): Promise<Result<{ bytes?: Uint8Array; version?: string }>> {
    const not = (why: string) => fail("failed", `Cannot restore '${path}': ${why}`);
    if (before === undefined) return not("what was there is not kept");
    const now = await host().fs.read(path, { offset: 0, limit: largestKept + 1 });
    if (!now.ok && now.error.code !== "not_found") return not(now.error.message);
    if ((now.ok ? sha256(now.value.bytes) : null) !== after) return not("it was changed since");
    return { ok: true, value: now.ok ? { bytes: now.value.bytes, version: now.value.version } : {} };
  }

  return {
    /** What taking a change back would do. */
    async look(change: FileChange): Promise<UndoneFile> {
      const { path, before } = change;
      const now = await untouched(change);
      if (!now.ok) return { path, diff: "", can: false, why: now.error.message };
      const was = before ? await kept(before.sha256) : new Uint8Array();
      if (was === undefined) return { path, diff: "", can: false, why: lost(path).error.message };
      const { unifiedDiff } = await import("../native/diff.ts");
      const options = { oldName: path, newName: path, context: 3 };
      return { path, diff: await unifiedDiff(decoded(now.value.bytes), decoded(was), options), can: true };
    },
    /** Takes a change back. */
    async restore(change: FileChange): Promise<Result<unknown>> {
      const { path, before } = change;
      const now = await untouched(change);
      if (!now.ok) return now;
      const { fs } = host();
      if (!before) return fs.remove(path, { recursive: false }, signal);
      const was = await kept(before.sha256);
      const { version } = now.value;
      return was === undefined ? lost(path) : fs.write(path, was, version === undefined ? {} : { ifVersion: version });
    },
    /** What a change did, as long as nothing has changed it since; undefined where that is not known, or is no text. */
    async changed({ path, before, after }: FileChange): ReturnType<Talk["changed"]> {
      if (before === undefined) return undefined;
      const was = before === null ? null : await kept(before.sha256);
      const { fs } = host();
      // It only looks: nobody is asked for what is shown beside a call.
      const read =
        after === null || !(await fs.may("read", path))
          ? undefined
          : await fs.read(path, { offset: 0, limit: largestShown + 1 });
      const now =
        after === null ? null : read?.ok === true && sha256(read.value.bytes) === after ? read.value.bytes : undefined;
      if (was === undefined || now === undefined) return undefined;
      const texts = { before: was && textIn(was), after: now && textIn(now) };
      return texts.before === undefined || texts.after === undefined
        ? undefined
        : { before: texts.before, after: texts.after };
    },
  };
}

function lost(path: string) {
  return fail("not_found", `Cannot restore '${path}': what was there is not kept any more`);
}

function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

/** Undefined where it is no text, or too large to show. */
function textIn(bytes: Uint8Array): string | undefined {
  if (bytes.length > largestShown) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined; // Not UTF-8.
  }
}

function decoded(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes ?? new Uint8Array());
}
