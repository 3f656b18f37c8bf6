/** Processes that a spec case started, found in /proc. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export type Process = { pid: number; command: string };

/** The living processes of a session, and those that work in a folder. None where there is no /proc. */
export function processesOf(session: number, folder: string): Process[] {
  const found: Process[] = [];
  for (const entry of entries()) {
    const pid = Number(entry);
    // Fields after the name in parentheses: state, parent, group, session.
    const [state, , , ofSession] = (read(`/proc/${pid}/stat`).split(") ").at(-1) ?? "").split(" ");
    if (state === undefined || state === "" || state === "Z" || state === "X") continue;
    const cwd = link(`/proc/${pid}/cwd`);
    if (Number(ofSession) === session || cwd === folder || cwd.startsWith(`${folder}/`)) {
      found.push({ pid, command: read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim() });
    }
  }
  return found;
}

export function killAll(processes: Process[]): void {
  for (const { pid } of processes) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It is gone already.
    }
  }
}

function entries(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** A process may end between two looks at it: then there is nothing to read. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
