import { agentCommands } from "./agent-commands.ts";
import type { Command } from "./command.ts";
import { journalCommands } from "./journal-commands.ts";
import { modelCommands } from "./model-commands.ts";
import { shellCommands } from "./shell-commands.ts";
import { toolCommands } from "./tool-commands.ts";

/** All commands, in the order of the overview. */
export const commands: readonly Command[] = [
  ...agentCommands,
  ...toolCommands,
  ...journalCommands,
  ...modelCommands,
  ...shellCommands,
];
