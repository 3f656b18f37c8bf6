import type { PermissionKind } from "../core/permission.ts";
import type { Result } from "../core/result.ts";
import type { Talk, TalkFile } from "../core/talk.ts";
import type { Look } from "./turn-view.ts";

/** What a person sees and types on, as commands know it. */
export type Desk = Look & {
  /** Prints whole lines, which are harmless by now. */
  print(text: string): Promise<void>;
  /** The line that is typed after a question; undefined where it was ended without one. */
  question(text: string, signal: AbortSignal): Promise<string | undefined>;
  /** Puts a text where the next one is typed. */
  propose(text: string): void;
  /** Empties the screen; what scrolled away stays. */
  wipe(): Promise<void>;
};

/** What chat needs of the outside. */
export type Outside = {
  talk: Talk;
  now(): number;
  /** A file by the name that a person typed. The error says why it cannot be had. */
  attach(path: string): Promise<Result<TalkFile, string>>;
  /** Whether there is such a file. */
  exists(path: string): boolean;
  /** Writes a file that is not there yet. */
  save(path: string, text: string): Result<void, string>;
  /** Names that begin as typed. */
  files(typed: string): string[];
  models(typed: string): Promise<string[]>;
  sessions(): Promise<string[]>;
  /** What was allowed for as long as this chat goes on. */
  answered: ReadonlyArray<{ kind: PermissionKind; target: string }>;
  /** The notes of the agent's memory; undefined where it has none. */
  memory: (() => Result<string, string>) | undefined;
  /** The commands of the agent file. `fill` makes a prompt of what stands behind one. */
  commands: readonly OwnCommand[];
};

export type OwnCommand = {
  name: string;
  description: string;
  /** What can stand behind it. */
  words: string;
  fill(words: string): Result<string, string>;
};
