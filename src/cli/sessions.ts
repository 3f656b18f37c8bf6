import { readStore } from "../app.ts";
import type { DurableEvent, Stamped } from "../core/event.ts";
import { exitCode } from "../core/exit.ts";
import { nearest } from "../core/nearest.ts";
import type { Result } from "../core/result.ts";
import type { Reader } from "../core/store.ts";
import { clean } from "../render/clean.ts";
import { sessionJson, sessionsJson, sessionsText, sessionText } from "../render/sessions.ts";
import { usageError } from "./usage.ts";
import type { Handler } from "./command.ts";

export const listCommand: Handler = async (args, io) => {
  const sessions = await readStore(io.env, (store) => store.sessions());
  if (!sessions.ok) return usageError({ message: sessions.error.message }, io);
  const render = args.one("--output") === "json" ? sessionsJson : sessionsText;
  await io.stdout.write(render(sessions.value));
  return 0;
};

export const showCommand: Handler = async (args, io) => {
  const name = args.positionals[0] ?? "";
  const sha256 = args.one("--whole");
  const found = await readStore(io.env, async (store): Promise<Result<string>> => {
    const session = await store.session(name);
    if (session.ok && session.value !== undefined) {
      if (sha256 !== undefined) return whole(name, session.value, sha256, store);
      const render = args.one("--output") === "json" ? sessionJson : sessionText;
      return { ok: true, value: render(name, session.value) };
    }
    if (!session.ok) return session;
    const sessions = await store.sessions();
    if (!sessions.ok) return sessions;
    const guess = nearest(
      name,
      sessions.value.flatMap((one) => one.name ?? []),
    );
    const hint = guess === undefined ? "'rein sessions list' shows them" : `did you mean '${guess}'?`;
    return { ok: false, error: { code: "not_found", message: `There is no session or run '${name}': ${hint}` } };
  });
  if (!found.ok) {
    await io.stderr.write(clean(`error: ${found.error.message}\n`));
    return exitCode("usage");
  }
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
  if (found?.value !== undefined) return { ok: true, value: new TextDecoder().decode(found.value) };
  const message = `No result of '${name}' has the SHA-256 '${sha256}': 'rein sessions show' tells those of long results`;
  return { ok: false, error: { code: "not_found", message } };
}
