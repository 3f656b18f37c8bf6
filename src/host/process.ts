import { chmodSync, closeSync, mkdtempSync, readdirSync, readlinkSync, readSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import type { ProcessEnd, ProcessOptions } from "../core/host.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { openJail } from "../native/jail.ts";
import type { Policy } from "../permit/policy.ts";
import { childEnvironment } from "./child-env.ts";
import type { Gate } from "./gate.ts";
import { writeInputs } from "./inputs.ts";
import { absolutePath, canonicalPath, errorCode, errorText, type Environment, type Machine } from "./machine.ts";

/** Starts the children of one run, each through the jail. */
export type Launcher = {
  run(gate: Gate, argv: string[], options: ProcessOptions): Promise<Result<ProcessEnd>>;
  /** Removes the children's temporary folder. All of them must have ended. */
  close(): Promise<void>;
};

type LauncherOptions = {
  machine: Machine;
  policy: Policy;
  environment: Environment;
  secretNames: readonly string[];
  inputs: ReadonlyMap<string, string>;
};

/** How long a jail that was told to end may take: its own patience with the tree, and some. */
const jailPatienceMs = 7_000;

/** How long output may still come after the whole tree has ended. */
const lastOutputMs = 1_000;

export function openLauncher(options: LauncherOptions): Launcher {
  const { machine, policy, environment, secretNames, inputs } = options;
  const running = new Set<Promise<unknown>>();
  let executable: number | undefined;
  let temporary: string | undefined;
  let inputVariables: Record<string, string> | undefined;

  const run = async (gate: Gate, argv: string[], child: ProcessOptions): Promise<Result<ProcessEnd>> => {
    const [name = ""] = argv;
    const problem = (code: "invalid" | "not_found" | "cancelled" | "failed", text: string) =>
      fail(code, `Cannot run '${name}': ${text}`);
    if (name === "") return problem("invalid", "the command is empty");
    if (argv.some((arg) => arg.includes("\0"))) return problem("invalid", "an argument holds a NUL byte");

    const program = resolvedAtStart(policy, name) ?? machine.resolve.program(name);
    const operation = gate.begin("run");
    const passed = await operation.pass({ kind: "run", target: program ?? name, shown: name });
    if (!passed.ok) return passed;
    if (program === undefined) return problem("not_found", "there is no such program on the PATH");

    let cwd = machine.cwd;
    if (child.cwd !== undefined) {
      const real = canonicalPath(absolutePath(child.cwd, machine.cwd, machine.home));
      if (!real.ok) return problem("not_found", `its folder '${child.cwd}': ${real.error.message}`);
      cwd = real.value;
      const readable = await gate.begin("run in").pass({ kind: "read", target: cwd, shown: child.cwd });
      if (!readable.ok) return readable;
    }
    if (child.signal.aborted) return problem("cancelled", "cancelled");

    try {
      executable ??= openJail();
      // The system's umask cannot open it to others: mkdtemp makes it 0700.
      temporary ??= mkdtempSync(join(environment["TMPDIR"] || "/tmp", "rein-"));
      inputVariables ??= writeInputs(temporary, inputs);
    } catch (error) {
      return problem("failed", `its temporary folder or launcher cannot be made (${errorText(errorCode(error))})`);
    }
    const extra = { ...inputVariables, ...child.env };
    const { env, keep } = childEnvironment({ environment, policy, path: machine.path, temporary, secretNames, extra });
    const started = start(executable, [program, ...argv], { cwd, env, keep, stdin: child.stdin });
    if (!started.ok && folderCodes.has(started.error)) {
      return problem("not_found", `its folder '${child.cwd ?? cwd}': ${errorText(started.error)}`);
    }
    if (!started.ok) return problem("failed", errorText(started.error));
    const end = await follow(started.value, child);
    if (!end.ok) return problem(end.error === "cancelled" ? "cancelled" : "failed", end.error);
    return end;
  };

  return {
    run: async (gate, argv, child) => {
      const call = run(gate, argv, child);
      running.add(call);
      try {
        return await call;
      } finally {
        running.delete(call);
      }
    },
    close: async () => {
      await Promise.allSettled(running);
      if (executable !== undefined) closeSync(executable);
      executable = undefined;
      if (temporary !== undefined) removeTree(temporary);
      temporary = undefined;
    },
  };
}

/** Removes what children left, folders that they locked too. What cannot be removed stays: no outcome depends on it. */
function removeTree(path: string): void {
  const remove = () => rmSync(path, { recursive: true, force: true });
  try {
    remove();
  } catch {
    try {
      unlock(path);
      remove();
    } catch {
      return; // A mount, or somebody else's file.
    }
  }
}

/** Makes a folder and those in it ours to change again. Links are not followed. */
function unlock(folder: string): void {
  chmodSync(folder, 0o700);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) unlock(join(folder, entry.name));
  }
}

/** A name that the file requests means what it meant at the start, whatever was put on the PATH since. */
function resolvedAtStart(policy: Policy, name: string): string | undefined {
  const rule = policy.ceiling.find((one) => one.kind === "run" && one.text === name);
  return rule?.scope.type === "program" && rule.scope.program.startsWith("/") ? rule.scope.program : undefined;
}

type Child = Bun.Subprocess<"ignore" | Uint8Array, "pipe", "pipe">;

/** Starts the jail; the error is an errno's name. */
function start(
  executable: number,
  command: string[],
  options: { cwd: string; env: Record<string, string>; keep: string[]; stdin: Uint8Array | undefined },
): Result<Child, string> {
  const flags = [
    ...(options.stdin === undefined ? [] : ["--stdin"]),
    ...options.keep.flatMap((name) => ["--keep", name]),
  ];
  try {
    const child: Child = Bun.spawn(
      [`/proc/${readlinkSync("/proc/self")}/fd/${executable}`, ...flags, "--", ...command],
      {
        cwd: options.cwd,
        env: options.env,
        // The last is ours to close; the jail reports there, and sees by its end that we are gone.
        stdio: [options.stdin ?? "ignore", "pipe", "pipe", "socket-fd"],
      },
    );
    return { ok: true, value: child };
  } catch (error) {
    return { ok: false, error: errorCode(error) };
  }
}

/** The jail itself is there and may be run: these are said of the folder that it was to start in. */
const folderCodes = new Set(["ENOENT", "ENOTDIR", "EACCES"]);

/** Passes on a child's output until its whole tree has ended, by itself or because its time is up or the signal came. */
async function follow(child: Child, options: ProcessOptions): Promise<Result<ProcessEnd, string>> {
  const [, , , socket] = child.stdio;
  const streams = [
    pump(child.stdout, (bytes) => options.onOutput("stdout", bytes)),
    pump(child.stderr, (bytes) => options.onOutput("stderr", bytes)),
  ];
  let timeout = false;
  let last: ReturnType<typeof setTimeout> | undefined;
  const stop = () => {
    child.kill("SIGTERM");
    last ??= setTimeout(() => child.kill("SIGKILL"), jailPatienceMs);
  };
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timeout = true;
          stop();
        }, options.timeoutMs);
  options.signal.addEventListener("abort", stop);
  if (options.signal.aborted) stop();
  try {
    await child.exited;
    const cut = setTimeout(() => streams.forEach((stream) => stream.cancel()), lastOutputMs);
    await Promise.all(streams.map((stream) => stream.done));
    clearTimeout(cut);
    if (options.signal.aborted) return { ok: false, error: "cancelled" };
    const end = typeof socket === "number" ? readReport(socket) : "";
    return parseReport(end, child, timeout);
  } finally {
    options.signal.removeEventListener("abort", stop);
    clearTimeout(timer);
    clearTimeout(last);
    if (typeof socket === "number") closeSync(socket);
  }
}

function pump(stream: ReadableStream<Uint8Array>, onBytes: (bytes: Uint8Array) => void) {
  const reader = stream.getReader();
  const read = async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) onBytes(part.value);
  };
  // A pipe that breaks has ended.
  const done = read().catch(() => undefined);
  const cancel = () => void reader.cancel().catch(() => undefined);
  return { done, cancel };
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

function parseReport(report: string, child: Child, timeout: boolean): Result<ProcessEnd, string> {
  const [how, value = "", left] = report.split(" ");
  if (left !== undefined) return { ok: false, error: "some of its processes could not be ended" };
  if (how === "error") return { ok: false, error: errorText(value) };
  if (how === "exit") return ok({ code: Number(value), signal: null, timeout });
  if (how === "signal") return ok({ code: null, signal: signalName(Number(value)), timeout });
  // The jail itself was killed: by the child, or because it did not end in time.
  return ok({ code: null, signal: String(child.signalCode ?? "SIGKILL"), timeout });
}

function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
}
