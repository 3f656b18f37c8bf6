import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { exitCode } from "../core/exit.ts";
import type { McpPin } from "../core/mcp.ts";
import { pinOf } from "../core/mcp-pin.ts";
import type { Plan } from "../core/plan.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import { ok, type Result } from "../core/result.ts";
import { lockName, lockText, lockWith, readLock, type Lock } from "../file/lock.ts";
import type { McpLook } from "../app/mcp-look.ts";
import { pinDifference } from "../app/mcp-pins.ts";
import { clean, cleanLine } from "../render/clean.ts";
import { writeNamed } from "./files.ts";
import type { Handler } from "./command.ts";
import { ended, serversPlan, tellLeftOut, withServers } from "./mcp-common.ts";
import { lockIn } from "./mcp-files.ts";
import { usageError } from "./usage.ts";
import type { Io } from "./io.ts";

/** Writes the tools of an agent file's servers into the lock file beside it; or compares them with it. */
export const pinCommand: Handler = async (args, io) => {
  const [file = ""] = args.positionals;
  if (file === "-") {
    const message = "An agent file on stdin has no folder for a lock file";
    return usageError({ message }, io, { name: "mcp pin" });
  }
  const plan = await serversPlan(file, args, io, { lock: false });
  if (!plan.ok) return ended(plan, io);
  const path = join(dirname(file), lockName);
  const lock = lockOf(path, plan.value.folder);
  if (!lock.ok) return ended(lock, io);
  const done = await withServers(plan.value, undefined, args, io, async (look) => {
    const pins = pinsOf(path, plan.value, look);
    if (!pins.ok) return pins;
    await tellLeftOut(look, io);
    const before = lock.value.get(basename(file));
    if (args.has("--check")) return compare(before, pins.value, look, io);
    const gone = [...lock.value.keys()].filter((name) => !existsSync(join(plan.value.folder, name)));
    const written = writeNamed(path, lockText(lockWith(lock.value, basename(file), pins.value, gone)));
    if (!written.ok) return { ok: false, error: { outcome: "usage", ...written.error } };
    await io.stdout.write([...pins.value].map(([name, pin]) => pinned(name, pin, before?.get(name))).join(""));
    await io.stdout.write(gone.map((name) => `${cleanLine(name)}: no longer there, its pins are removed\n`).join(""));
    return ok(0);
  });
  return ended(done, io);
};

function lockOf(path: string, folder: string): Result<Lock, Problem> {
  const read = lockIn(folder);
  if (!read.ok) return { ok: false, error: { outcome: "usage", ...read.error } };
  if (read.value === undefined) return ok(new Map());
  const lock = readLock(path, read.value);
  return lock.ok ? lock : problemOf("usage", `${path}: ${lock.error.message}`, lock.error.hint);
}

/** What all servers have now; one that is not there cannot be pinned. */
function pinsOf(path: string, { mcp }: Plan, look: McpLook): Result<Map<string, McpPin>, Problem> {
  const pins = new Map<string, McpPin>();
  for (const { name, state, error = "it is not ready", instructions } of look.status()) {
    if (state !== "ready") return problemOf("missing", `Cannot start the MCP server '${name}': ${error}`);
    const tools = look.tools(name).map(({ facts }) => facts);
    const read = mcp.some((one) => one.name === name && one.instructions === true);
    pins.set(name, pinOf(path, tools, read ? instructions : undefined));
  }
  return ok(pins);
}

function pinned(name: string, { hash, listed }: McpPin, before: McpPin | undefined): string {
  const how = before === undefined ? "pinned" : before.hash === hash ? "unchanged" : "changed";
  return `${cleanLine(name)}: ${listed.length} ${listed.length === 1 ? "tool" : "tools"}, ${how} (${hash.slice(0, 12)})\n`;
}

/** Tells on stdout what is other than it was pinned. */
async function compare(
  before: ReadonlyMap<string, McpPin> | undefined,
  now: ReadonlyMap<string, McpPin>,
  { mask }: McpLook,
  io: Io,
): Promise<Result<number, Problem>> {
  let same = true;
  for (const [name, pin] of now) {
    const old = before?.get(name);
    if (old?.hash === pin.hash) continue;
    same = false;
    const other = old && `${cleanLine(name)} is other than it was pinned:\n${clean(await pinDifference(old, pin))}\n`;
    await io.stdout.write(mask(other ?? `${cleanLine(name)}: not pinned\n`));
  }
  for (const name of before?.keys() ?? []) {
    if (now.has(name)) continue;
    same = false;
    await io.stdout.write(`${cleanLine(name)}: pinned, and not in the file\n`);
  }
  return ok(same ? 0 : exitCode("missing"));
}
