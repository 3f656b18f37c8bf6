import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ok, type Result } from "../core/result.ts";
import { lockName, maxLockBytes } from "../file/lock.ts";
import { maxFileBytes, type Source } from "../file/source.ts";
import { readBeside, readNamed } from "./files.ts";
import type { Arguments, UsageProblem } from "./flags.ts";
import type { Io } from "./io.ts";

/** The files that `--mcp-config` names, read. They count as if the agent file named them. */
export function mcpConfigs(args: Arguments, cwd: string): Result<Source[], UsageProblem> {
  const sources: Source[] = [];
  for (const file of args.all("--mcp-config")) {
    if (file === true) continue;
    const path = resolve(cwd, file);
    const read = readNamed(path, maxFileBytes);
    if (!read.ok) return { ok: false, error: { ...read.error, message: read.error.message.replace(path, file) } };
    sources.push({ file, folder: dirname(path), bytes: read.value });
  }
  return ok(sources);
}

/** The absolute paths of those files. */
export function configPaths(args: Arguments, cwd: string): string[] {
  return args.all("--mcp-config").flatMap((file) => (file === true ? [] : resolve(cwd, file)));
}

/** What who is about to start servers gives: such files, and variables, which are missed there and then. */
export function serversGiven(
  args: Arguments,
  { cwd, env }: Pick<Io, "cwd" | "env">,
): Result<{ mcp: Source[]; variable: (name: string) => string | undefined }, UsageProblem> {
  const configs = mcpConfigs(args, cwd);
  return configs.ok ? ok({ mcp: configs.value, variable: (name) => env[name] }) : configs;
}

/** The lock file of a folder; undefined where it has none. */
export function lockIn(folder: string): Result<Uint8Array | undefined, UsageProblem> {
  const path = join(folder, lockName);
  return existsSync(path) ? readBeside(path, maxLockBytes) : ok(undefined);
}
