import { readFileSync } from "node:fs";
import { freemem, totalmem } from "node:os";

/** The memory that this process may use, in bytes: the machine's, or what a container leaves of it. */
export function usableMemory(): number {
  return Math.min(totalmem(), ...groups().flatMap((group) => numberIn(`${group}/${limitOf(group)}`) ?? []));
}

/** The memory that this process can still get, in bytes: what the machine has free, or what its control groups leave of it. */
export function freeMemory(): number {
  const kilobytes = /^MemAvailable:\s*(\d+) kB$/m.exec(textOf("/proc/meminfo"))?.[1];
  const machine = kilobytes === undefined ? freemem() : Number(kilobytes) * 1024;
  return Math.min(machine, ...groups().map(leftIn));
}

/** The control groups that this process is in, the innermost first: each has a limit of its own. In a container the path may be the host's. */
function groups(): string[] {
  const own = /^0::(\/.*)$/m.exec(textOf("/proc/self/cgroup"))?.[1] ?? "/";
  const folders = [root];
  for (const part of own.split("/")) if (part !== "") folders.unshift(`${folders[0]}/${part}`);
  return [...folders, `${root}/memory`];
}

const root = "/sys/fs/cgroup";

/** Of the first version of control groups there is only the root, by which containers are limited. */
function limitOf(group: string): string {
  return group === `${root}/memory` ? "memory.limit_in_bytes" : "memory.max";
}

function leftIn(group: string): number {
  const most = numberIn(`${group}/${limitOf(group)}`);
  const used = numberIn(`${group}/memory.${group === `${root}/memory` ? "usage_in_bytes" : "current"}`);
  if (most === undefined || used === undefined) return Infinity;
  // Pages of files count as used, and are given up when something needs them.
  const files = /^(?:total_)?inactive_file (\d+)$/m.exec(textOf(`${group}/memory.stat`))?.[1] ?? 0;
  return Math.max(0, most - Math.max(0, used - Number(files)));
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
