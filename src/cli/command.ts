import type { Arguments, Flag } from "./flags.ts";
import type { Io } from "./io.ts";

/** Runs one command and says its exit code. */
export type Handler = (args: Arguments, io: Io) => Promise<number>;

/** One command, as dispatch, help and completions read it. `name` may be two words. */
export type Command = {
  name: string;
  summary: string;
  /** Positional arguments as shown in help: `FILE [PROMPT]`. */
  positionals: string;
  /** How many positional arguments there may be. */
  count: { min: number; max: number };
  flags: readonly Flag[];
  /** For programs, not people: not in help. */
  hidden?: true;
  /** The first positional argument is an agent file, whose inputs are flags too. */
  inputs?: true;
  examples: readonly { command: string; does: string }[];
  load(): Promise<Handler>;
};
