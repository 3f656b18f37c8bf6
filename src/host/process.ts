import { chmodSync, closeSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Child, ChildOptions, ProcessEnd, ProcessOptions } from "../core/host.ts";
import type { ModuleRole } from "../core/module-protocol.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { concealSecrets } from "../native/conceal.ts";
import { openJail } from "../native/jail.ts";
import type { Policy } from "../permit/policy.ts";
import { childEnvironment } from "./child-env.ts";
import type { Gate } from "./gate.ts";
import { startJailed } from "./child.ts";
import { writeInputs } from "./inputs.ts";
import { absolutePath, canonicalPath, errorCode, errorText, type Environment, type Machine } from "./machine.ts";

/** Starts the children of one run, each through the jail. */
export type Launcher = {
  start(gate: Gate, argv: string[], options: ChildOptions): Promise<Result<Child>>;
  run(gate: Gate, argv: string[], options: ProcessOptions): Promise<Result<ProcessEnd>>;
  /** Whether it would start without a question. */
  may(gate: Gate, program: string): boolean;
  /** Starts our own executable with a module, which no gate judges. */
  startModule(role: ModuleRole, module: string, options: Omit<ChildOptions, "cwd" | "input">): Promise<Result<Child>>;
  /** Waits for children that still run, which somebody must have aborted. Then removes their temporary folder. */
  close(): Promise<void>;
};

type LauncherOptions = {
  machine: Machine;
  policy: Policy;
  environment: Environment;
  secretNames: readonly string[];
  inputs: ReadonlyMap<string, string>;
};

export function openLauncher(options: LauncherOptions): Launcher {
  const { machine, policy, environment, secretNames, inputs } = options;
  const running = new Set<Promise<unknown>>();
  let executable: number | undefined;
  let temporary: string | undefined;
  let inputVariables: Record<string, string> | undefined;

  /** Starts what was judged: the program's path, then its argv. `name` is what messages call it. */
  const launch = (command: string[], name: string, child: ChildOptions & { cwd: string }): Result<Child> => {
    const problem = problemFor(name);
    try {
      // Children may look at the processes around them.
      if (executable === undefined) concealSecrets(secretNames);
      executable ??= openJail();
      // The system's umask cannot open it to others: mkdtemp makes it 0700.
      temporary ??= mkdtempSync(join(environment["TMPDIR"] || "/tmp", "rein-"));
      inputVariables ??= writeInputs(temporary, inputs);
    } catch (error) {
      return problem("failed", `its temporary folder or launcher cannot be made (${errorText(errorCode(error))})`);
    }
    const extra = { ...inputVariables, ...child.env };
    const only = child.variables === undefined ? {} : { only: child.variables };
    const base = { environment, policy, path: machine.path, temporary, secretNames };
    const { env, keep } = childEnvironment({ ...base, extra, ...only });
    const jailed = startJailed(executable, command, { ...child, env, keep });
    if (!jailed.ok && folderCodes.has(jailed.error)) {
      return problem("not_found", `its folder '${child.cwd}': ${errorText(jailed.error)}`);
    }
    if (!jailed.ok) return problem("failed", errorText(jailed.error));
    const ended = jailed.value.ended.then((end) =>
      end.ok ? end : problem(end.error === "cancelled" ? "cancelled" : "failed", end.error),
    );
    running.add(ended);
    const forget = () => void running.delete(ended);
    ended.then(forget, forget);
    return ok({ ...jailed.value, ended });
  };

  const start = async (gate: Gate, argv: string[], child: ChildOptions): Promise<Result<Child>> => {
    const [name = ""] = argv;
    const problem = problemFor(name);
    if (name === "") return problem("invalid", "the command is empty");
    if (argv.some((arg) => arg.includes("\0"))) return problem("invalid", "an argument holds a NUL byte");

    const program = resolvedAtStart(policy, name) ?? machine.resolve.program(name);
    const operation = gate.begin("run");
    const passed = await operation.pass({ kind: "run", target: program ?? name, shown: name });
    if (!passed.ok) return passed;
    if (program === undefined) return problem("not_found", "there is no such program on the PATH");

    let cwd = machine.cwd;
    if (child.cwd !== undefined) {
      if (child.cwd.includes("\0")) return problem("invalid", "its folder's path holds a NUL byte");
      const real = canonicalPath(absolutePath(child.cwd, machine.cwd, machine.home));
      if (!real.ok) return problem("not_found", `its folder '${child.cwd}': ${real.error.message}`);
      cwd = real.value;
      const readable = await gate.begin("run in").pass({ kind: "read", target: cwd, shown: child.cwd });
      if (!readable.ok) return readable;
    }
    if (child.signal.aborted) return problem("cancelled", "cancelled");

    return launch([program, ...argv], name, { ...child, cwd });
  };

  return {
    start,
    may: (gate, name) => {
      const program = resolvedAtStart(policy, name) ?? machine.resolve.program(name);
      return program !== undefined && gate.look("run", program) === "yes";
    },
    startModule: async (role, module, child) => {
      const [program = "", ...words] = ownCommand;
      const command = [program, program, ...words, role, module];
      return launch(command, module, { ...child, cwd: machine.cwd, input: true });
    },
    run: async (gate, argv, { stdin, ...child }) => {
      const started = await start(gate, argv, { ...child, input: stdin !== undefined });
      if (!started.ok) return started;
      const { write, closeInput, ended } = started.value;
      // A child that does not read all of it is none the worse for it.
      if (stdin !== undefined) void write(stdin).then(closeInput);
      return ended;
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

/** How we are started: under Bun itself, as tests are, by our source. */
const ownCommand = import.meta.dir.startsWith("/$bunfs/")
  ? [process.execPath]
  : [process.execPath, join(import.meta.dir, "../main.ts")];

function problemFor(name: string) {
  return (code: "invalid" | "not_found" | "cancelled" | "failed", text: string) =>
    fail(code, `Cannot run '${name}': ${text}`);
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

/** The jail itself is there and may be run: these are said of the folder that it was to start in. */
const folderCodes = new Set(["ENOENT", "ENOTDIR", "EACCES"]);
