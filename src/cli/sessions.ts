import { readStore } from "../app.ts";
import { resolveName } from "../app/sessions.ts";
import type { DurableEvent, Stamped } from "../core/event.ts";
import { exitCode } from "../core/exit.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Reader, SessionSummary } from "../core/store.ts";
import { clean } from "../render/clean.ts";
import { sessionJson, sessionsJson, sessionsText, sessionText } from "../render/sessions.ts";
import type { Handler } from "./command.ts";
import type { UsageProblem } from "./flags.ts";
import type { Io } from "./io.ts";
import { usageError } from "./usage.ts";

/** Tells why something was not done; nothing was wrong with how it was typed. */
export async function refused({ message, hint }: UsageProblem, io: Io): Promise<number> {
  await io.stderr.write(clean(`error: ${message}\n${hint === undefined ? "" : `hint: ${hint}\n`}`));
  return exitCode("usage");
}

/** So many runs without a session are listed. */
const newestRuns = 20;

export const listCommand: Handler = async (args, io) => {
  const most = args.has("--all") ? 1_000_000 : newestRuns;
  const found = await readStore(io.env, async (store): Promise<Result<[SessionSummary[], SessionSummary[]]>> => {
    const sessions = await store.sessions();
    if (!sessions.ok) return sessions;
    const runs = await store.runs(most + 1);
    return runs.ok ? ok([sessions.value, runs.value]) : runs;
  });
  if (!found.ok) return usageError({ message: found.error.message }, io);
  const [sessions, runs] = found.value;
  const all = [...sessions, ...runs.slice(0, most)].toSorted((a, b) => b.updated - a.updated);
  const render = args.one("--output") === "json" ? sessionsJson : sessionsText;
  await io.stdout.write(render(all));
  if (runs.length > most) await io.stderr.write("hint: there are older runs: '--all' lists them\n");
  return 0;
};

export const showCommand: Handler = async (args, io) => {
  const sha256 = args.one("--whole");
  const found = await readStore(io.env, async (store): Promise<Result<string>> => {
    const meant = await resolveName(store, args.positionals[0] ?? "");
    if (!meant.ok) return meant;
    const { name } = meant.value;
    const session = await store.session(name);
    if (!session.ok) return session;
    const events = session.value ?? [];
    if (sha256 !== undefined) return whole(name, events, sha256, store);
    const render = args.one("--output") === "json" ? sessionJson : sessionText;
    return ok(render(name, events));
  });
  if (!found.ok) return refused(found.error, io);
  // A file gets it as it is.
  await io.stdout.write(sha256 !== undefined && io.stdout.terminal ? clean(found.value) : found.value);
  return 0;
};

/** The whole of a result that a session or run was shown parts of. */
async function whole(
  name: string,
  events: Stamped<DurableEvent>[],
  sha256: string,
  store: Reader,
): Promise<Result<string>> {
  const known = events.some((event) => event.type === "call_end" && event.whole?.sha256 === sha256);
  const found = known ? await store.attachment(sha256) : undefined;
  if (found?.ok === false) return found;
  if (found?.value !== undefined) return ok(new TextDecoder().decode(found.value));
  const message = `No result of '${name}' has the SHA-256 '${sha256}': 'rein sessions show' tells those of long results`;
  return fail("not_found", message);
}
