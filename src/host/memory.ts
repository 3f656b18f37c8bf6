import { readFileSync } from "node:fs";
import { totalmem } from "node:os";

/** The memory that this process may use, in bytes: the machine's, or what a container leaves of it. */
export function usableMemory(): number {
  const limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
  return Math.min(totalmem(), ...limits.flatMap((path) => numberIn(path) ?? []));
}

/** The most memory that this process has had so far, in bytes; undefined where the system does not tell. */
export function peakMemory(): number | undefined {
  const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(textOf("/proc/self/status"))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

function numberIn(path: string): number | undefined {
  const text = textOf(path).trim();
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // Another system, or no limit.
  }
}
