import { basename, join, relative } from "node:path";
import type { Result } from "../core/result.ts";
import { lockName } from "./lock.ts";
import type { Source } from "./source.ts";
import type { ReadFolder } from "./tools-folder.ts";

/** The files that an agent file names, by absolute paths. */
export type AgentFiles = {
  /** The bytes of a file; the error says why there are none. */
  read(path: string): Result<Uint8Array, { message: string; hint?: string }>;
  /** A folder's path without symlinks; undefined where there is none. */
  folder(path: string): string | undefined;
  /** Reads the tools folder of an agent file, which is named as its user would. */
  tools(file: string): ReadFolder;
  /** The bytes of a folder's lock file; undefined where it has none. */
  lock?: (folder: string) => Result<Uint8Array | undefined, { message: string }>;
  /** A variable of the caller's; absent where files are only looked at, on whatever machine. */
  variable?: (name: string) => string | undefined;
  /** Files of MCP servers that the caller adds to those of the agent file. */
  mcp?: readonly Source[];
};

/** Where nothing can be read but the agent file itself. */
export const noFiles: AgentFiles = {
  read: (path) => ({ ok: false, error: { message: `Cannot read '${path}': it is not read here` } }),
  folder: (path) => path,
  tools: () => () => ({ ok: false, error: { code: "unsupported", message: "it is not read here" } }),
};

/** The same files, and the SHA-256 of each that was read, by its path relative to a folder. */
export function hashing(files: AgentFiles, folder: string): { watched: AgentFiles; hashes: Map<string, string> } {
  const hashes = new Map<string, string>();
  const add = (path: string, content: Uint8Array | string) => {
    const hash = new Bun.CryptoHasher("sha256").update(content).digest("hex");
    hashes.set(relative(folder, path), hash);
  };
  const addSource = (source: Source) => add(join(source.folder, basename(source.file)), source.bytes);
  const { lock, mcp = [] } = files;
  mcp.forEach(addSource);
  const watched: AgentFiles = {
    ...files,
    read(path) {
      const read = files.read(path);
      if (read.ok) add(path, read.value);
      return read;
    },
    tools: (file) => (named) => {
      const read = files.tools(file)(named);
      if (read.ok) read.value.files.forEach(addSource);
      if (read.ok) for (const { path, text } of read.value.modules) add(path, text);
      return read;
    },
  };
  if (lock !== undefined)
    watched.lock = (of) => {
      const read = lock(of);
      if (read.ok && read.value !== undefined) add(join(of, lockName), read.value);
      return read;
    };
  return { watched, hashes };
}
