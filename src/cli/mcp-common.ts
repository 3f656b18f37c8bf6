import { known } from "../app/known.ts";
import { leftOutTexts } from "../app/mcp-faults.ts";
import { lookAtServers, type McpLook } from "../app/mcp-look.ts";
import { exitCode } from "../core/exit.ts";
import type { Plan } from "../core/plan.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import { ok, type Result } from "../core/result.ts";
import { clean, cleanLine } from "../render/clean.ts";
import { diagnosticsText } from "../render/diagnostics.ts";
import { errorText } from "../render/error.ts";
import { paint } from "../render/format.ts";
import { agentBytes, checkAgentBytes, shownFile } from "./agent-file.ts";
import type { Arguments } from "./flags.ts";
import { grantsFrom } from "./grants.ts";
import type { Io } from "./io.ts";
import { serversGiven } from "./mcp-files.ts";
import { interruptOnSignals } from "./signals.ts";

/** What stands for an agent file where only `--mcp-config` names servers. */
const noAgent = new TextEncoder().encode("name: mcp\nprompt: …\n");

/**
 * The agent file whose servers a command is about, checked; without one the servers of `--mcp-config` alone. `lock`: whether what is
 * pinned counts.
 */
export async function serversPlan(
  file: string | undefined,
  args: Arguments,
  io: Io,
  { lock }: { lock: boolean } = { lock: true },
): Promise<Result<Plan, Problem>> {
  const given = serversGiven(args, io);
  if (!given.ok) return { ok: false, error: { outcome: "usage", ...given.error } };
  if (file === undefined && given.value.mcp.length === 0) {
    return problemOf("usage", "No file was given whose servers are meant", "name an agent file, or --mcp-config FILE");
  }
  const read = file === undefined ? ok(noAgent) : await agentBytes(file, io);
  if (!read.ok) return { ok: false, error: { outcome: "usage", ...read.error } };
  const around = lock ? given.value : { ...given.value, lock: () => ok(undefined) };
  const checked = checkAgentBytes(file ?? "-", read.value, io.cwd, known, around);
  const diagnostics = checked.ok ? checked.warnings : checked.diagnostics;
  await io.stderr.write(diagnosticsText(diagnostics, { color: io.stderr.color }));
  if (checked.ok) return ok(checked.value);
  return problemOf("usage", file === undefined ? "There are errors" : `The agent file '${shownFile(file)}' has errors`);
}

/** Starts the servers of a plan, does something with them, and ends them; Ctrl-C ends it. */
export async function withServers(
  plan: Plan,
  server: string | undefined,
  args: Arguments,
  io: Io,
  act: (look: McpLook, signal: AbortSignal) => Promise<Result<number, Problem>>,
): Promise<Result<number, Problem>> {
  const interrupts = new AbortController();
  const leaveSignals = interruptOnSignals(interrupts);
  const look = await lookAtServers({
    plan,
    ...(server === undefined ? {} : { server }),
    grants: grantsFrom(args),
    cwd: io.cwd,
    environment: io.env,
    signal: interrupts.signal,
    ...(io.canAsk ? { tell: async (text: string) => void (await io.stderr.write(`${clean(text)}\n`)) } : {}),
  });
  try {
    return look.ok ? await act(look.value, interrupts.signal) : look;
  } finally {
    if (look.ok) await look.value.close();
    leaveSignals();
  }
}

/** Tells on stderr of the tools that servers list and that cannot be used. */
export async function tellLeftOut(look: McpLook, io: Io): Promise<void> {
  const texts = look.status().flatMap(({ name, left_out: leftOut = [] }) => leftOutTexts(name, leftOut));
  await io.stderr.write(
    texts.map((text) => `${paint("warning:", "yellow", io.stderr.color)} ${cleanLine(text)}\n`).join(""),
  );
}

/** A command's exit code; what went wrong is told on stderr. */
export async function ended(done: Result<number, Problem>, io: Io): Promise<number> {
  if (done.ok) return done.value;
  const { outcome, message, hint } = done.error;
  const error = hint === undefined ? { message } : { message, hint };
  await io.stderr.write(errorText({ error, denied: [] }, io.stderr.color));
  return exitCode(outcome);
}
