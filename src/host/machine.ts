import { accessSync, constants, lstatSync, readlinkSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { fail, ok, type Result } from "../core/result.ts";
import { isInside, type Resolve } from "../permit/rule.ts";

/** Variables as a process gets them. */
export type Environment = Record<string, string | undefined>;

/** Where a run happens: its folders and its programs. */
export type Machine = {
  /** The working folder, absolute and without symlinks. */
  cwd: string;
  /** Undefined where the environment names no absolute path. */
  home: string | undefined;
  /** The folders of PATH that count: absolute, and not inside of the working folder (unless that is `/`). */
  path: string[];
  /** How rules become paths and programs. */
  resolve: Resolve;
};

/** Reads the machine for one run. Fails when the working folder is gone. */
export function readMachine(options: {
  cwd: string;
  /** What `agent:` paths are relative to. */
  agentFolder: string;
  environment: Environment;
}): Result<Machine> {
  const cwd = canonicalPath(options.cwd);
  if (!cwd.ok || !exists(cwd.value))
    return fail("not_found", `Cannot use the working folder '${options.cwd}': it is gone`);
  // A relative one would make `~/` mean whatever folder rein was started in, or all folders.
  const home = isAbsolute(options.environment["HOME"] ?? "") ? options.environment["HOME"] : undefined;
  const path = (options.environment["PATH"] ?? "").split(":").flatMap((folder) => {
    const real = isAbsolute(folder) ? canonicalPath(folder) : undefined;
    return real?.ok === true && (cwd.value === "/" || !isInside(cwd.value, real.value)) ? [real.value] : [];
  });
  const rulePath = (rule: string): string => {
    const agent = rule.startsWith("agent:");
    const absolute = absolutePath(agent ? rule.slice(6) : rule, agent ? options.agentFolder : cwd.value, home);
    const real = canonicalPath(absolute);
    // What has no real path now (a loop, a folder that may not be entered) can't be opened either: any spelling will do.
    return real.ok ? real.value : absolute;
  };
  const unique = [...new Set(path)];
  return ok({
    cwd: cwd.value,
    home,
    path: unique,
    resolve: { path: rulePath, program: (name) => findProgram(name, unique) },
  });
}

/** A path made absolute as text: `~/` is home, everything else is relative to `folder`. */
export function absolutePath(path: string, folder: string, home: string | undefined): string {
  if (path === "~" || path.startsWith("~/")) return home === undefined ? join(folder, path) : `${home}${path.slice(1)}`;
  return isAbsolute(path) ? path : `${folder}/${path}`;
}

/**
 * The path without symlinks that an absolute path leads to. What does not exist yet is kept as it is written. Fails for loops, for
 * folders that may not be entered, and for `..` after something that does not exist.
 */
export function canonicalPath(path: string): Result<string> {
  let done = "/";
  let missing = false;
  let links = 0;
  const todo = path.split("/").toReversed();
  for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (missing) return fail("not_found", "no such file or folder");
      done = dirname(done);
      continue;
    }
    const next = join(done, part);
    const target: Link | undefined = missing ? undefined : linkTarget(next);
    if (target === undefined || target.kind === "none") {
      done = next;
      missing ||= target !== undefined && !target.exists;
    } else if (target.kind === "error") {
      return fail("failed", target.message);
    } else {
      links += 1;
      if (links > 40) return fail("failed", "too many symlinks");
      if (isAbsolute(target.to)) done = "/";
      todo.push(...target.to.split("/").toReversed());
    }
  }
  return ok(done);
}

type Link = { kind: "link"; to: string } | { kind: "none"; exists: boolean } | { kind: "error"; message: string };

function linkTarget(path: string): Link {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink() !== true) return { kind: "none", exists: stat !== undefined };
    return { kind: "link", to: readlinkSync(path) };
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOTDIR" || code === "ENOENT") return { kind: "none", exists: false };
    // It was a link a moment ago.
    return code === "EINVAL" ? { kind: "none", exists: true } : { kind: "error", message: errorText(code) };
  }
}

/** A program's absolute path: its folder without symlinks, its own name as it is (it may be a link to one that has many names). */
function findProgram(name: string, path: string[]): string | undefined {
  if (name === "" || name.includes("\0")) return undefined;
  if (isAbsolute(name)) {
    const folder = canonicalPath(dirname(name));
    const found = folder.ok ? join(folder.value, name.slice(name.lastIndexOf("/") + 1)) : undefined;
    return found !== undefined && isProgram(found) ? found : undefined;
  }
  if (name.includes("/")) return undefined;
  return path.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** The errno's name of what the system threw, "" when there is none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** What an errno means, for the end of a message. */
export function errorText(code: string): string {
  return errnoTexts[code] ?? (code === "" ? "it failed" : `it failed with ${code}`);
}

const errnoTexts: Record<string, string> = {
  EACCES: "the system does not permit it",
  EPERM: "the system does not permit it",
  EROFS: "the file system is read-only",
  ENOENT: "no such file or folder",
  ENOTDIR: "a part of its path is not a folder",
  EISDIR: "it is a folder",
  ENOSPC: "no space is left on the device",
  EDQUOT: "the disk quota is used up",
  EFBIG: "it would be too large for the file system",
  ELOOP: "too many symlinks",
  ENAMETOOLONG: "its name is too long",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open",
  EIO: "the device failed",
  ETXTBSY: "it is a program that runs",
  E2BIG: "its arguments are too long",
  ENOMEM: "no memory is left",
  ENOEXEC: "it is not a program that this machine can run",
};
