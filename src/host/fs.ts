import { dirname, resolve } from "node:path";
import type { FileDoor } from "../core/host.ts";
import { fail, ok, type Failure, type FailureCode, type Result } from "../core/result.ts";
import {
  closeFd,
  listFolder,
  makeFolder,
  openBeneath,
  openRoot,
  readAt,
  replaceFile,
  statFd,
} from "../native/files.ts";
import type { OpenFor } from "../native/files.ts";
import { openList, openSearch, runOpened, type Opened, type TreeRoot } from "../native/search.ts";
import type { Gate, Operation } from "./gate.ts";
import { absolutePath, canonicalPath, errorText, type Machine } from "./machine.ts";
import { removePath } from "./remove.ts";

/** The files of one run. */
export type FileRoot = { door(gate: Gate): Omit<FileDoor, "pass">; close(): void };

/** A path swapped for a symlink while we open it is resolved and judged anew, this many times. */
const tries = 8;

/** How long files may be worked on at a stretch: meanwhile no signal is heard and no timer ends the run. */
const stretchMs = 20;

/** Bytes to read of a file that does not say how large it is (those of /proc). */
const unknownSize = 65_536;

type Problem = (errno: string) => Result<never>;

/**
 * Every path is resolved through its symlinks, judged as what it leads to, and then opened from the root's descriptor by a call
 * that follows no symlink at all. What is judged is what is opened, and only the descriptor is acted on.
 */
export function openFileRoot(machine: Machine): FileRoot {
  let opened: Result<number> | undefined;

  let rested = performance.now();

  const root = (): Result<number> => (opened ??= open());

  /** Lets signals and timers have their turn, now and then. */
  const rest = async (): Promise<void> => {
    if (performance.now() - rested < stretchMs) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    rested = performance.now();
  };

  /** Resolves and judges; a path that cannot be resolved is judged as it is written, so that only those who may learn why. */
  const judged = async (operation: Operation, kind: "read" | "write", path: string): Promise<Result<string>> => {
    const invalid = path === "" ? "the path is empty" : path.includes("\0") ? "the path holds a NUL byte" : undefined;
    if (invalid !== undefined) return fail("invalid", `Cannot ${kind} '${path}': ${invalid}`);
    const absolute = absolutePath(path, machine.cwd, machine.home);
    const real = canonicalPath(absolute);
    const target = real.ok ? real.value : resolve(absolute);
    const passed = await operation.pass({ kind, target, shown: path });
    if (!passed.ok) return passed;
    return real.ok ? real : fail(real.error.code, `Cannot ${kind} '${path}': ${real.error.message}`);
  };

  /** Judges a path and lends what it leads to to `use`, by its descriptor. */
  const reach = async <T>(
    gate: Gate,
    path: string,
    how: OpenFor,
    use: (fd: number, real: string, problem: Problem, root: number) => Result<T>,
  ): Promise<Result<T>> => {
    const operation = gate.begin("read");
    const problem = problemOf("read", path);
    await rest();
    const from = root();
    if (!from.ok) return from;
    for (let attempt = 0; attempt < tries; attempt++) {
      const real = await judged(operation, "read", path);
      if (!real.ok) return real;
      const fd = openBeneath(from.value, beneath(real.value), how);
      if (!fd.ok && (fd.errno === "ELOOP" || fd.errno === "EXDEV")) continue;
      if (!fd.ok) return problem(fd.errno);
      try {
        return use(fd.value, real.value, problem, from.value);
      } finally {
        closeFd(fd.value);
      }
    }
    return fail("failed", `Cannot read '${path}': it changes while it is opened`);
  };

  /** A folder or file and its tree, as native code must see it. */
  const treeRoot = (gate: Gate, fd: number, files: number, real: string): TreeRoot => ({
    fd,
    files,
    path: real,
    closed: gate.closedBelow("read", real),
    above: above(gate, real),
  });

  return {
    door: (gate) => ({
      stat: (path) =>
        reach(gate, path, "path", (fd, _, problem) => {
          const stat = statFd(fd);
          if (!stat.ok) return problem(stat.errno);
          const { kind, size, modifiedMs, version, changedMs } = stat.value;
          return ok({ kind, size, modifiedMs, version, changedMs });
        }),

      read: (path, { offset, limit }) =>
        reach(gate, path, "read", (fd, _, problem) => {
          const stat = statFd(fd);
          if (!stat.ok) return problem(stat.errno);
          if (stat.value.kind === "folder") return problem("EISDIR");
          if (stat.value.kind !== "file") return fail("unsupported", `Cannot read '${path}': it is not a regular file`);
          const { size, version } = stat.value;
          const bytes = readAt(fd, offset, Math.min(limit, size === 0 ? unknownSize : Math.max(size - offset, 0)));
          if (!bytes.ok) return problem(bytes.errno);
          return ok({ bytes: bytes.value, size: Math.max(size, bytes.value.length), version });
        }),

      list: (path) =>
        reach(gate, path, "folder", (fd, real, problem) => {
          const entries = listFolder(fd);
          if (!entries.ok) return problem(entries.errno);
          const inside = real === "/" ? "" : real;
          return ok(entries.value.filter((entry) => gate.look("read", `${inside}/${entry.name}`) !== "no"));
        }),

      tree: async (path, query, signal, found) => {
        const opened = await reach(gate, path, "folder", (fd, real, _, files) =>
          usable(`list '${path}'`, path, openList(treeRoot(gate, fd, files, real), query)),
        );
        return opened.ok ? finished(`list '${path}'`, path, await runOpened(opened.value, signal, found)) : opened;
      },

      search: async (path, query, signal, found) => {
        const open = (how: OpenFor) =>
          reach(gate, path, how, (fd, real, problem, files) => {
            const stat = statFd(fd);
            if (!stat.ok) return problem(stat.errno);
            if (stat.value.kind !== "folder" && stat.value.kind !== "file") return problem("EINVAL");
            return usable(`search for '${query.pattern}'`, path, openSearch(treeRoot(gate, fd, files, real), query));
          });
        const folder = await open("folder");
        const opened = !folder.ok && folder.error.code === "not_a_folder" ? await open("read") : folder;
        return opened.ok ? finished(`search '${path}'`, path, await runOpened(opened.value, signal, found)) : opened;
      },

      write: async (path, bytes, { ifVersion } = {}) => {
        const operation = gate.begin("write");
        const problem = problemOf("write", path);
        await rest();
        const from = root();
        if (!from.ok) return from;
        for (let attempt = 0; attempt < tries; attempt++) {
          const real = await judged(operation, "write", path);
          if (!real.ok) return real;
          if (path.endsWith("/") || real.value === "/") return problem("EISDIR");
          const parent = await openParent(operation, from.value, real.value, path);
          if (!parent.ok && parent.error === "changed") continue;
          if (!parent.ok)
            return typeof parent.error === "string" ? problem(parent.error) : { ok: false, error: parent.error };
          try {
            const name = real.value.slice(real.value.lastIndexOf("/") + 1);
            const replaced = replaceFile(
              parent.value,
              name,
              bytes,
              ifVersion === undefined ? {} : { version: ifVersion },
            );
            if (replaced.ok) return replaced;
            if (replaced.errno !== "ELOOP") return problem(replaced.errno);
          } finally {
            closeFd(parent.value);
          }
        }
        return fail("failed", `Cannot write '${path}': it changes while it is opened`);
      },

      remove: async (path, { recursive }, signal) => {
        await rest();
        const from = root();
        return from.ok ? removePath(gate, machine, from.value, path, recursive, signal) : from;
      },

      may: async (kind, path) => {
        const real = canonicalPath(absolutePath(path, machine.cwd, machine.home));
        return real.ok && gate.look(kind, real.value) === "yes";
      },
    }),

    close: () => {
      if (opened?.ok === true) closeFd(opened.value);
      opened = undefined;
    },
  };
}

/** Opens the root, once. */
function open(): Result<number> {
  try {
    const root = openRoot("/");
    return root.ok ? ok(root.value) : fail("failed", `Cannot open '/': ${errorText(root.errno)}`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return fail("unsupported", `Cannot load the native library: ${why}`);
  }
}

/**
 * Opens the folder of a file that is to be written, and makes what is missing of it: each part judged by itself, and beneath the one
 * that was opened before it. The error is a refusal, an errno's name, or "changed" when a part became a symlink meanwhile.
 */
async function openParent(
  operation: Operation,
  root: number,
  file: string,
  shown: string,
): Promise<Result<number, Failure | string>> {
  const names = file.split("/").slice(1, -1);
  let depth = names.length;
  let folder = openBeneath(root, names.join("/") || ".", "folder");
  while (!folder.ok && folder.errno === "ENOENT" && depth > 0) {
    depth -= 1;
    folder = openBeneath(root, names.slice(0, depth).join("/") || ".", "folder");
  }
  for (const [index, name] of names.entries()) {
    if (!folder.ok || index < depth) continue;
    const above = folder.value;
    try {
      const target = `/${names.slice(0, index + 1).join("/")}`;
      const passed = await operation.pass({ kind: "write", target, shown });
      if (!passed.ok) return passed;
      const made = makeFolder(above, name);
      // Somebody else may have made it meanwhile.
      folder = made.ok || made.errno === "EEXIST" ? openBeneath(above, name, "folder") : made;
    } finally {
      closeFd(above);
    }
  }
  if (folder.ok) return folder;
  return { ok: false, error: folder.errno === "ELOOP" ? "changed" : folder.errno };
}

/** The folders above a path whose ignore files may be read, the nearest first. */
function above(gate: Gate, real: string): TreeRoot["above"] {
  const folders: TreeRoot["above"] = [];
  for (let path = real; path !== "/";) {
    path = dirname(path);
    const inside = path === "/" ? "" : path;
    const gitignore = gate.look("read", `${inside}/.gitignore`) === "yes";
    const exclude = gate.look("read", `${inside}/.git/info/exclude`) === "yes";
    if (!gitignore && !exclude) break;
    folders.push({ path: inside, gitignore, exclude });
  }
  return folders;
}

/** What native code says of a query, as a failure. `action`: "list 'src'". */
function usable<T>(action: string, path: string, opened: Opened<T>): Result<T> {
  if (opened.ok) return opened;
  const { part, message } = opened.error;
  if (part === "errno") return problemOf("read", path)(message);
  return fail("invalid", `Cannot ${action}: ${message}`);
}

/** A run's end as a result; undefined when it was cancelled. */
function finished<T>(action: string, path: string, run: Opened<T> | undefined): Result<T> {
  return run === undefined ? fail("cancelled", `Cannot ${action}: cancelled`) : usable(action, path, run);
}

/** A canonical path as `openBeneath` wants it from the root. */
function beneath(real: string): string {
  return real.slice(1) || ".";
}

function problemOf(action: "read" | "write", path: string): Problem {
  return (errno) => fail(codes[errno] ?? "failed", `Cannot ${action} '${path}': ${texts[errno] ?? errorText(errno)}`);
}

const codes: Record<string, FailureCode> = {
  ENOENT: "not_found",
  ENOTDIR: "not_a_folder",
  EISDIR: "not_a_file",
  EINVAL: "unsupported",
  ENXIO: "unsupported",
  EEXIST: "exists",
  ESTALE: "changed",
  EFBIG: "too_large",
  ENAMETOOLONG: "invalid",
  ENOSYS: "unsupported",
};

const texts: Record<string, string> = {
  EINVAL: "it is not a regular file",
  ENXIO: "it is not a regular file", // a socket
  ESTALE: "it has changed since it was read",
  ENOSYS: "this kernel has no openat2 (Linux 5.6 is needed)",
};
