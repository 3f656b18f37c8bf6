import type { Child, ChildOptions, FolderEntry, Host, ProcessEnd, ProcessOptions } from "../../src/core/host.ts";
import { fail, ok } from "../../src/core/result.ts";
import type { Failure, Result } from "../../src/core/result.ts";

/** Files by their path from the working folder. Text is UTF-8. */
export type MemoryFiles = Record<string, string | Uint8Array>;

export type MemoryHostOptions = {
  files?: MemoryFiles;
  /** Paths (with what is below them) that may not be read or written. */
  denied?: { read?: string[]; write?: string[] };
  /** Stands in for every child that is started. */
  start?(argv: string[], options: ChildOptions): Promise<Result<Child>>;
  /** Stands in for every child that is run. */
  run?(argv: string[], options: ProcessOptions): Promise<Result<ProcessEnd>>;
};

export type MemoryHost = Host & {
  /** What was asked of the doors and refused: "read secret.txt". */
  refused: string[];
  text(path: string): string | undefined;
  bytes(path: string): Uint8Array | undefined;
  /** Changes a file behind everybody's back. */
  put(path: string, content: string | Uint8Array): void;
};

/** A host whose files are in memory, in the working folder /work, for tests of logic that needs no disk. */
export function memoryHost(options: MemoryHostOptions = {}): MemoryHost {
  const cwd = "/work";
  const files = new Map<string, Uint8Array>();
  /** Counts the writes, to make versions of. */
  let written = 0;
  const versions = new Map<string, number>();
  const refused: string[] = [];
  for (const [path, content] of Object.entries(options.files ?? {})) files.set(absolute(path), encoded(content));

  function absolute(path: string): string {
    const steps: string[] = [];
    for (const step of (path.startsWith("/") ? path : `${cwd}/${path}`).split("/")) {
      if (step === "..") steps.pop();
      else if (step !== "" && step !== ".") steps.push(step);
    }
    return `/${steps.join("/")}`;
  }

  function isDenied(kind: "read" | "write", path: string): boolean {
    const target = absolute(path);
    const rules = (options.denied?.[kind] ?? []).map(absolute);
    return rules.some((rule) => target === rule || target.startsWith(`${rule}/`));
  }

  function denial(kind: "read" | "write", path: string): { ok: false; error: Failure } | undefined {
    if (!isDenied(kind, path)) return undefined;
    refused.push(`${kind} ${path}`);
    const message = `Cannot ${kind} '${path}': not granted`;
    return {
      ok: false,
      error: { code: "denied", message, denial: { kind, target: absolute(path), reason: "not granted" } },
    };
  }

  function put(target: string, bytes: Uint8Array): void {
    files.set(target, bytes);
    versions.set(target, ++written);
  }

  function version(path: string): string {
    return `${absolute(path)}:${versions.get(absolute(path)) ?? 0}`;
  }

  function isFolder(target: string): boolean {
    const prefix = target === "/" ? "/" : `${target}/`;
    return target === cwd || [...files.keys()].some((file) => file.startsWith(prefix));
  }

  return {
    cwd,
    refused,
    text: (path) => {
      const bytes = files.get(absolute(path));
      return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
    },
    bytes: (path) => files.get(absolute(path)),
    put: (path, content) => put(absolute(path), encoded(content)),
    fs: {
      async stat(path) {
        const denied = denial("read", path);
        if (denied !== undefined) return denied;
        const bytes = files.get(absolute(path));
        const facts = { modifiedMs: 0, changedMs: 0, version: version(path) };
        if (bytes !== undefined) return ok({ kind: "file", size: bytes.length, ...facts });
        if (isFolder(absolute(path))) return ok({ kind: "folder", size: 0, ...facts });
        return fail("not_found", `Cannot read '${path}': no such file or folder`);
      },
      async read(path, { offset, limit }) {
        const denied = denial("read", path);
        if (denied !== undefined) return denied;
        const bytes = files.get(absolute(path));
        if (bytes !== undefined) {
          return ok({ bytes: bytes.subarray(offset, offset + limit), size: bytes.length, version: version(path) });
        }
        if (isFolder(absolute(path))) return fail("not_a_file", `Cannot read '${path}': it is a folder`);
        return fail("not_found", `Cannot read '${path}': no such file or folder`);
      },
      async write(path, bytes, { ifVersion } = {}) {
        const denied = denial("write", path);
        if (denied !== undefined) return denied;
        const now = files.has(absolute(path)) ? version(path) : "absent";
        if (ifVersion !== undefined && ifVersion !== now) {
          return fail("changed", `Cannot write '${path}': it has changed since it was read`);
        }
        const created = !files.has(absolute(path));
        put(absolute(path), bytes);
        return ok({ created });
      },
      // As trees: what is deleted needs a disk.
      remove: async (path) => fail("unsupported", `Cannot delete '${path}': these files are in memory`),
      async list(path) {
        const denied = denial("read", path);
        if (denied !== undefined) return denied;
        const target = absolute(path);
        if (files.has(target)) return fail("not_a_folder", `Cannot read '${path}': a part of its path is not a folder`);
        if (!isFolder(target)) return fail("not_found", `Cannot read '${path}': no such file or folder`);
        const prefix = target === "/" ? "/" : `${target}/`;
        const entries = new Map<string, FolderEntry>();
        for (const [file, bytes] of files) {
          if (!file.startsWith(prefix)) continue;
          const [name = "", ...below] = file.slice(prefix.length).split("/");
          if (isDenied("read", prefix + name)) continue;
          const kind = below.length === 0 ? "file" : "folder";
          entries.set(name, { name, kind, size: kind === "file" ? bytes.length : 0, modifiedMs: 0 });
        }
        return ok([...entries.values()].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))));
      },
      // What walks through trees needs a disk: such tests use a real host.
      tree: async (path) => fail("unsupported", `Cannot list '${path}': these files are in memory`),
      search: async (path) => fail("unsupported", `Cannot search '${path}': these files are in memory`),
      may: async (kind, path) => !isDenied(kind, path),
      pass: async (kind, path) => denial(kind, path) ?? ok(absolute(path)),
    },
    process: {
      start: async (argv, child) =>
        (await options.start?.(argv, child)) ?? fail("not_found", `Cannot run '${argv[0]}': no such program`),
      run: async (argv, process) =>
        (await options.run?.(argv, process)) ?? fail("not_found", `Cannot run '${argv[0]}': no such program`),
      may: async () => options.run !== undefined,
    },
    net: {
      fetch: () => Promise.reject(new Error("no network in memory")),
      pass: async (name) => fail("not_found", `Cannot reach '${name}': no network in memory`),
      socket: async () => Promise.reject(new Error("no network in memory")),
      listen: async () => fail("unsupported", "Cannot listen: no network in memory"),
    },
    env: { get: async () => ok(undefined), look: () => "no" },
    secrets: { value: async (name) => fail("not_found", `There is no secret '${name}'`) },
    oauth: {
      read: async () => ok(undefined),
      change: async (name) => fail("unsupported", `Cannot keep '${name}': no keychain in memory`),
      server: (url) => ({
        read: async () => ok(undefined),
        change: async () => fail("unsupported", `Cannot keep '${url.host}': no keychain in memory`),
      }),
    },
  };
}

function encoded(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}
