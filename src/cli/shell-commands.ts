import type { Command } from "./command.ts";

/** Commands about rein itself. */
export const shellCommands: readonly Command[] = [
  {
    name: "completions",
    summary: "Print the script that completes rein's words in a shell",
    positionals: "SHELL",
    count: { min: 1, max: 1 },
    flags: [],
    examples: [
      { command: "source <(rein completions bash)", does: "in ~/.bashrc; zsh: the same in ~/.zshrc, after compinit" },
      { command: "rein completions fish > ~/.config/fish/completions/rein.fish", does: "for fish" },
    ],
    load: async () => (await import("./completions.ts")).completionsCommand,
  },
  {
    name: "man",
    summary: "Print the manual page",
    positionals: "",
    count: { min: 0, max: 0 },
    flags: [],
    examples: [{ command: "rein man | man -l -", does: "to read it; make install puts it where man finds it" }],
    load: async () => (await import("./man.ts")).manCommand,
  },
  {
    name: "complete",
    summary: "Print what can stand where the cursor is",
    positionals: "SHELL WORD…",
    count: { min: 2, max: Infinity },
    hidden: true,
    flags: [],
    examples: [],
    load: async () => (await import("./complete.ts")).completeCommand,
  },
  {
    name: "help",
    summary: "Explain a command, a topic or an agent file",
    positionals: "[TOPIC]",
    count: { min: 0, max: 2 },
    flags: [],
    examples: [
      { command: "rein help run", does: "a command" },
      { command: "rein help exit-codes", does: "a topic" },
      { command: "rein help run review.yaml", does: "what an agent takes and requests" },
    ],
    load: async () => (await import("./help.ts")).helpCommand,
  },
  {
    name: "version",
    summary: "Show the version and what it was built from",
    positionals: "",
    count: { min: 0, max: 0 },
    flags: [{ name: "--licences", help: "Print the licences of all that is in this executable" }],
    examples: [
      { command: "rein version", does: "the same as rein --version" },
      { command: "rein version --licences", does: "with the notices of their authors" },
    ],
    load: async () => (await import("./version.ts")).versionCommand,
  },
];
