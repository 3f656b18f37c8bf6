import {
  outputFlag,
  fileFlag,
  inputFlags,
  modelFlag,
  answerFlags,
  mcpConfigFlag,
  permissionFlags,
  setFlag,
  tellingFlags,
} from "./command-flags.ts";
import type { Command } from "./command.ts";

/** Commands on agents and their texts. */
export const agentCommands: readonly Command[] = [
  {
    name: "run",
    summary: "Run an agent file",
    positionals: "FILE [PROMPT]",
    count: { min: 1, max: 2 },
    inputs: true,
    flags: [
      setFlag,
      {
        name: "--input",
        value: { name: "FILE" },
        help: "Read inputs from a JSON file; each input is a flag too, behind FILE ('rein help run FILE')",
      },
      fileFlag,
      modelFlag("the file's", ", or a name under its 'models'"),
      mcpConfigFlag,
      ...permissionFlags,
      ...answerFlags,
    ],
    examples: [
      { command: "rein run review.yaml -P < diff", does: "run with all that the file requests, input from stdin" },
      {
        command: "rein run agent.yaml 'Why does the build fail?' --allow-read=src",
        does: "add a prompt, grant one folder",
      },
      {
        command: "rein run agent.yaml --set issue=@issue.txt --output json",
        does: "input from a file, result as JSON",
      },
      { command: "rein run agent.yaml --dry-run", does: "look before anything is sent" },
    ],
    load: async () => (await import("./run.ts")).runCommand,
  },
  {
    name: "chat",
    summary: "Talk with an agent, or with a model, on a terminal",
    positionals: "[FILE]",
    count: { min: 0, max: 1 },
    flags: [
      ...inputFlags,
      {
        name: "--session",
        value: { name: "NAME" },
        help: "Continue this conversation, or begin it (default: a new one)",
      },
      modelFlag("the file's", ", or a name under its 'models'"),
      { name: "--ephemeral", help: "Keep nothing of this chat: no journal, no history" },
      mcpConfigFlag,
      ...permissionFlags,
      { name: "--quiet", short: "-q", help: "No warnings about the agent file" },
    ],
    examples: [
      { command: "rein chat", does: "with the model of the one service whose key is set, or REIN_MODEL's" },
      { command: "rein chat agent.yaml --allow-read", does: "with an agent; what is not granted is asked for" },
      { command: "rein chat agent.yaml --session notes", does: "go on where it was left" },
    ],
    load: async () => (await import("./chat.ts")).chatCommand,
  },
  {
    name: "acp",
    summary: "Talk with an editor, in the Agent Client Protocol on stdin and stdout",
    positionals: "[FILE]",
    count: { min: 0, max: 1 },
    flags: [
      ...inputFlags,
      modelFlag("the file's", ", or a name under its 'models'"),
      mcpConfigFlag,
      ...permissionFlags,
      { name: "--quiet", short: "-q", help: "Nothing on stderr but errors" },
    ],
    examples: [
      {
        command: "rein acp agent.yaml",
        does: "the command for an editor's settings; what is not granted is asked there",
      },
      { command: "rein acp agent.yaml --allow-read --allow-write=src", does: "with fewer questions" },
    ],
    load: async () => (await import("./acp.ts")).acpCommand,
  },
  {
    name: "resume",
    summary: "Go on with a run that was ended before it was done",
    positionals: "RUN|last",
    count: { min: 1, max: 1 },
    flags: [
      { name: "--changed", help: "Go on though the agent file has changed since" },
      {
        name: "--wait",
        value: { name: "TIME", optional: true },
        help: "Wait while another process has the run, at most so long ('10s'); else that is an error",
      },
      ...permissionFlags,
      ...tellingFlags,
    ],
    examples: [
      {
        command: "rein resume last -P",
        does: "after a crash, an interrupt or a failure: what was done is not done again",
      },
      { command: "rein resume review -P", does: "the newest run of a session" },
      { command: "rein resume last -P --changed", does: "with another agent file, one with a higher limit in it" },
    ],
    load: async () => (await import("./resume.ts")).resumeCommand,
  },
  {
    name: "check",
    summary: "Check agent files without running anything",
    positionals: "FILE…",
    count: { min: 1, max: Infinity },
    flags: [
      {
        name: "--load",
        help: "Load the modules of tools folders too, which runs their code, and check what they export",
      },
      mcpConfigFlag,
      outputFlag("text", "json", "sarif"),
    ],
    examples: [
      { command: "rein check agents/*.yaml", does: "report every error of every file" },
      { command: "rein check review.yaml --output sarif > check.sarif", does: "for a code scanning service" },
    ],
    load: async () => (await import("./check.ts")).checkCommand,
  },
  {
    name: "-e",
    summary: "Ask a model without an agent file",
    positionals: "PROMPT",
    count: { min: 1, max: 1 },
    flags: [fileFlag, modelFlag("REIN_MODEL's", ""), ...answerFlags],
    examples: [
      { command: "rein -e 'What does umask 027 do?'", does: "a question" },
      { command: "git diff | rein -e 'Write a commit message' -f -", does: "about what a pipe brings" },
      { command: "rein -e 'What is wrong here?' -f screenshot.png -m openai", does: "about a picture" },
      { command: "rein -e - < prompt.txt", does: "the whole prompt from stdin" },
    ],
    load: async () => (await import("./one-shot.ts")).oneShotCommand,
  },
  {
    name: "init",
    summary: "Make an agent file out of a template",
    positionals: "[FILE|FOLDER]",
    count: { min: 0, max: 1 },
    flags: [
      {
        name: "--template",
        value: { name: "NAME", choices: ["minimal", "filter", "review", "files", "local"] },
        help: "What it begins as (default: minimal)",
      },
    ],
    examples: [
      { command: "rein init", does: "agent.yaml, which answers questions" },
      { command: "rein init fix.yaml --template filter", does: "text in, text out, for a pipe" },
      { command: "rein init review.yaml --template review", does: "for CI: fails when a finding in a diff is severe" },
      { command: "rein init --template files", does: "works on files and runs commands" },
      { command: "rein init sort.yaml --template local", does: "a small model on this machine, without a key" },
    ],
    load: async () => (await import("./init.ts")).initCommand,
  },
  {
    name: "fmt",
    summary: "Format agent files: keys in their order, comments kept",
    positionals: "FILE…",
    count: { min: 1, max: Infinity },
    flags: [
      {
        name: "--check",
        help: "Write nothing: list the files that are not formatted, and end with exit code 5 if there are",
      },
    ],
    examples: [
      { command: "rein fmt agents/*.yaml", does: "each file in its place" },
      { command: "rein fmt --check agents/*.yaml", does: "in CI" },
      { command: "rein fmt - < agent.yaml", does: "from an editor: stdin to stdout" },
    ],
    load: async () => (await import("./fmt.ts")).fmtCommand,
  },
  {
    name: "route",
    summary: "Say which model a prompt would go to and why, or what routes have decided so far",
    positionals: "[FILE] [PROMPT]",
    count: { min: 0, max: 2 },
    flags: [
      ...inputFlags,
      { name: "--stats", help: "Tell share, cost, time and failed checks of each side of the routes so far" },
      {
        name: "--since",
        value: { name: "WHEN" },
        help: "With --stats: only decisions since then: '12h', '7d', '2w' or '2026-11-01'",
      },
      outputFlag("text", "json"),
    ],
    examples: [
      { command: "rein route agent.yaml 'Rename a variable'", does: "no model is asked; '-' is stdin" },
      { command: "rein route --stats --since 7d", does: "with a better threshold, where one side gets nearly all" },
    ],
    load: async () => (await import("./route.ts")).routeCommand,
  },
  {
    name: "tokens",
    summary: "Count the tokens of files, or of stdin",
    positionals: "[FILE…]",
    count: { min: 0, max: Infinity },
    flags: [
      {
        name: "--encoding",
        value: { name: "NAME", choices: ["o200k", "cl100k"] },
        help: "How the text is cut: as OpenAI's models do since GPT-4o, or before (default: o200k)",
      },
      outputFlag("text", "json"),
    ],
    examples: [
      { command: "git diff | rein tokens", does: "the number" },
      {
        command: "rein tokens src/*.ts --output json",
        does: "each file, and all together; exact for OpenAI's models, near for others",
      },
    ],
    load: async () => (await import("./tokens.ts")).tokensCommand,
  },
  {
    name: "doctor",
    summary: "Look at the services whose keys are set, and at the models of a file",
    positionals: "[FILE]",
    count: { min: 0, max: 1 },
    flags: [
      { name: "--offline", help: "Send nothing: only show which keys and addresses were found" },
      outputFlag("text", "json"),
      ...permissionFlags.filter(({ name }) => /^--(permit|(allow|deny)-(net|env))$/.test(name)),
    ],
    examples: [
      { command: "rein doctor", does: "ask each service for one token and for a call of a tool" },
      { command: "rein doctor review.yaml -P --output json", does: "the models of a file too, for a script" },
      { command: "rein doctor --offline", does: "which variables are set; nothing is sent" },
    ],
    load: async () => (await import("./doctor.ts")).doctorCommand,
  },
];
