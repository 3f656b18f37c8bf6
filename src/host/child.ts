import { closeSync, readSync } from "node:fs";
import { constants } from "node:os";
import type { Child, ChildOptions, ProcessEnd } from "../core/host.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { errorCode, errorText } from "./machine.ts";

/** How long a jail that was told to end may take: its own patience with the tree, and some. */
const jailPatienceMs = 7_000;

type Started = Omit<Child, "ended"> & { ended: Promise<Result<ProcessEnd, string>> };

/** What the jail is to start, with nothing left to judge: `command` is the program's path, then its argv. */
type Jailed = Omit<ChildOptions, "cwd" | "env"> & { cwd: string; env: Record<string, string>; keep: string[] };

/** Starts a command through the jail, which `executable` is a descriptor of. The error is an errno's name. */
export function startJailed(executable: number, command: string[], options: Jailed): Result<Started, string> {
  const flags = [...(options.input === true ? ["--stdin"] : []), ...options.keep.flatMap((name) => ["--keep", name])];
  try {
    // The child's own: ours it may not look into.
    const jail = Bun.spawn([`/proc/self/fd/${executable}`, ...flags, "--", ...command], {
      cwd: options.cwd,
      env: options.env,
      // The last is ours to close; the jail reports there, and sees by its end that we are gone.
      stdio: [options.input === true ? "pipe" : "ignore", "pipe", "pipe", "socket-fd"],
    });
    return ok(follow(jail, options));
  } catch (error) {
    return { ok: false, error: errorCode(error) };
  }
}

type Jail = Bun.Subprocess<"pipe" | "ignore", "pipe", "pipe">;

function hasEnded(jail: Jail): boolean {
  return jail.exitCode !== null || jail.signalCode !== null;
}

function follow(jail: Jail, options: Jailed): Started {
  const stopping = Promise.withResolvers<void>();
  let timeout = false;
  let last: ReturnType<typeof setTimeout> | undefined;
  const kill: Child["kill"] = (signal = "SIGTERM") => {
    if (hasEnded(jail)) return;
    stopping.resolve();
    // It is the jail that is told: SIGKILL would end it alone.
    jail.kill(signal === "SIGKILL" ? "SIGQUIT" : "SIGTERM");
    last ??= setTimeout(() => jail.kill("SIGKILL"), jailPatienceMs);
  };
  const expire = () => {
    timeout = true;
    kill();
  };
  const abort = () => kill();
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(expire, options.timeoutMs);
  options.signal.addEventListener("abort", abort);
  if (options.signal.aborted) abort();

  const finish = async (): Promise<Result<ProcessEnd, string>> => {
    const [, , , socket] = jail.stdio;
    try {
      await Promise.all([
        pump(jail.stdout, (bytes) => options.onOutput("stdout", bytes), stopping.promise),
        pump(jail.stderr, (bytes) => options.onOutput("stderr", bytes), stopping.promise),
        jail.exited,
      ]);
      if (options.signal.aborted) return { ok: false, error: "cancelled" };
      return readEnd(typeof socket === "number" ? readReport(socket) : "", jail, timeout);
    } finally {
      options.signal.removeEventListener("abort", abort);
      clearTimeout(timer);
      // Where whoever takes its output threw.
      if (!hasEnded(jail)) kill("SIGKILL");
      await jail.exited;
      clearTimeout(last);
      if (typeof socket === "number") closeSync(socket);
    }
  };
  return { ...input(jail), kill, ended: finish() };
}

/** Reads a stream to its end, as fast as its pieces are taken; what nobody takes after the child was told to end is dropped. */
async function pump(
  stream: ReadableStream<Uint8Array>,
  take: (bytes: Uint8Array) => void | Promise<void>,
  stop: Promise<void>,
): Promise<void> {
  const reader = stream.getReader();
  let taking: Promise<void> | undefined;
  for (;;) {
    // A pipe that breaks has ended.
    const part = await reader.read().catch(() => undefined);
    if (part === undefined || part.done) return taking && Promise.race([taking, stop]);
    if (taking !== undefined) continue;
    const taken = take(part.value);
    if (taken === undefined) continue;
    const mine = taken.finally(() => (taking = undefined));
    taking = mine;
    await Promise.race([mine, stop]);
  }
}

function input(jail: Jail): Pick<Child, "write" | "closeInput"> {
  const sink = jail.stdin;
  const deaf = fail("failed", "Cannot write to a program that reads no more");
  let open = sink !== undefined;
  return {
    write: async (bytes) => {
      if (sink === undefined || !open || hasEnded(jail)) return deaf;
      const handOver = async () => {
        await sink.write(bytes);
        await sink.flush();
        return true;
      };
      try {
        return (await Promise.race([handOver(), jail.exited.then(() => false)])) ? ok(undefined) : deaf;
      } catch {
        open = false;
        return deaf;
      }
    },
    closeInput: () => {
      if (sink === undefined || !open) return;
      open = false;
      // What cannot be handed over any more is not missed.
      void Promise.resolve(sink.end()).catch(() => undefined);
    },
  };
}

/** What the jail wrote before it ended. Empty when it was killed. */
function readReport(socket: number): string {
  const bytes = new Uint8Array(64);
  try {
    return new TextDecoder().decode(bytes.subarray(0, readSync(socket, bytes)));
  } catch {
    return "";
  }
}

function readEnd(report: string, jail: Jail, timeout: boolean): Result<ProcessEnd, string> {
  const [how, value = "", left] = report.split(" ");
  if (left !== undefined) return { ok: false, error: "some of its processes could not be ended" };
  if (how === "error") return { ok: false, error: errorText(value) };
  if (how === "exit") return ok({ code: Number(value), signal: null, timeout });
  if (how === "signal") return ok({ code: null, signal: signalName(Number(value)), timeout });
  // The jail itself was killed: by the child, or because it did not end in time.
  return ok({ code: null, signal: String(jail.signalCode ?? "SIGKILL"), timeout });
}

function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
}
