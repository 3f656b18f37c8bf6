import type { Result } from "../core/result.ts";
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
