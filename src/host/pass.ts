import { resolve } from "node:path";
import type { Result } from "../core/result.ts";
import { fail } from "../core/result.ts";
import type { Gate } from "./gate.ts";
import { absolutePath, canonicalPath, type Machine } from "./machine.ts";

/** Judges what a child is about to do to a path, since the kernel does not hold it to the rules. Says the path that it leads to. */
export async function passPath(
  gate: Gate,
  machine: Machine,
  kind: "read" | "write",
  path: string,
): Promise<Result<string>> {
  if (path === "" || path.includes("\0")) return fail("invalid", `Cannot ${kind} '${path}': it is no path`);
  const absolute = absolutePath(path, machine.cwd, machine.home);
  const real = canonicalPath(absolute);
  const target = real.ok ? real.value : resolve(absolute);
  const passed = await gate.begin(kind).pass({ kind, target, shown: path });
  if (!passed.ok) return passed;
  return real.ok ? real : fail(real.error.code, `Cannot ${kind} '${path}': ${real.error.message}`);
}
