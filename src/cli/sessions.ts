import { readStore } from "../app.ts";
import { exitCode } from "../core/exit.ts";
import { nearest } from "../core/nearest.ts";
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
  const found = await readStore(io.env, async (store) => {
    const session = await store.session(name);
    if (!session.ok || session.value !== undefined) return session;
    const sessions = await store.sessions();
    if (!sessions.ok) return sessions;
    const guess = nearest(
      name,
      sessions.value.map((one) => one.name),
    );
    const hint = guess === undefined ? "'rein sessions list' shows them" : `did you mean '${guess}'?`;
    return { ok: false, error: { code: "not_found", message: `There is no session or run '${name}': ${hint}` } };
  });
  if (!found.ok || found.value === undefined) {
    const message = found.ok ? `There is no session or run '${name}'` : found.error.message;
    await io.stderr.write(`error: ${message}\n`);
    return exitCode("usage");
  }
  const render = args.one("--output") === "json" ? sessionJson : sessionText;
  await io.stdout.write(render(name, found.value));
  return 0;
};
