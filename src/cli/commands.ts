import { permissionKinds, permissionWords, type PermissionKind } from "../core/permission.ts";
import type { Command } from "./command.ts";
import type { Flag } from "./flags.ts";

export const helpFlag: Flag = { name: "--help", short: "-h", help: "Show this help" };
export const versionFlag: Flag = {
  name: "--version",
  short: "-V",
  help: "Show the version and what it was built from",
};

const outputFlag = (...choices: string[]): Flag => ({
  name: "--output",
  value: { name: "FORMAT", choices },
  help: "The format on stdout (default: text)",
});

const fileFlag: Flag = {
  name: "--attach",
  short: "-f",
  value: { name: "FILE" },
  many: true,
  help: "Show the model a file with the prompt: a text, an image or a PDF; '-' is stdin",
};

const modelFlag = (instead: string, more: string): Flag => ({
  name: "--model",
  short: "-m",
  value: { name: "MODEL" },
  help: `Use this model instead of ${instead}: provider/model, a provider${more}`,
});

/** What becomes of the answer, and of what is told on the way to it. */
const answerFlags: readonly Flag[] = [
  { name: "--session", value: { name: "NAME" }, help: "Continue this conversation, or begin it" },
  outputFlag("text", "json", "jsonl"),
  {
    name: "--output-file",
    short: "-o",
    value: { name: "FILE" },
    help: "Write the answer to a file instead of stdout",
  },
  { name: "--stream", help: "Write the text as it comes, also into a pipe" },
  {
    name: "--progress",
    value: { name: "HOW", choices: ["auto", "plain", "none"] },
    help: "Progress on stderr (default: auto: live on a terminal, plain in CI)",
  },
  { name: "--dry-run", help: "Show what would be sent, offered, allowed and limited, and stop" },
  { name: "--quiet", short: "-q", help: "Nothing on stderr but errors" },
  { name: "--verbose", short: "-v", help: "Also show decisions, reasoning and the output of tools on stderr" },
];

const mcpConfigFlag: Flag = {
  name: "--mcp-config",
  value: { name: "FILE" },
  many: true,
  help: "Add the MCP servers of a file as other programs have it, an .mcp.json, to those of the agent file",
};

const permissionFlags: readonly Flag[] = [
  { name: "--permit", short: "-P", help: "Grant all that the file requests" },
  ...permissionKinds.flatMap(permissionFlag),
];

function permissionFlag(kind: PermissionKind): Flag[] {
  const { rules: name, act: what } = permissionWords[kind];
  return [
    {
      name: `--allow-${kind}`,
      value: { name, optional: true },
      many: true,
      help: `Grant ${what}, comma-separated; without a value all that the file requests`,
    },
    {
      name: `--deny-${kind}`,
      value: { name, optional: true },
      many: true,
      help: `Refuse ${what}, whatever else is granted; without a value all`,
    },
  ];
}

export const commands: readonly Command[] = [
  {
    name: "run",
    summary: "Run an agent file",
    positionals: "FILE [PROMPT]",
    count: { min: 1, max: 2 },
    inputs: true,
    flags: [
      {
        name: "--set",
        value: { name: "NAME=VALUE" },
        many: true,
        help: "Set an input; NAME=@FILE reads the value from a file",
      },
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
      {
        name: "--set",
        value: { name: "NAME=VALUE" },
        many: true,
        help: "Set an input; NAME=@FILE reads the value from a file",
      },
      { name: "--input", value: { name: "FILE" }, help: "Read inputs from a JSON file" },
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
  {
    name: "tools call",
    summary: "Call one tool by hand",
    positionals: "NAME [FILE]",
    count: { min: 1, max: 2 },
    flags: [
      { name: "--input", value: { name: "JSON" }, help: "Its arguments, as a JSON object or @FILE (default: {})" },
      ...permissionFlags,
      { name: "--verbose", short: "-v", help: "Also show on stderr what it prints while it runs" },
    ],
    examples: [
      {
        command: `rein tools call file_list --input '{"path": "src"}' --allow-read=src`,
        does: "a tool that rein brings",
      },
      { command: `rein tools call greet agent.yaml -P --input '{"name": "Ada"}'`, does: "a tool of an agent file" },
    ],
    load: async () => (await import("./tools.ts")).callCommand,
  },
  {
    name: "tools",
    summary: "List the tools of an agent file, or those that rein brings",
    positionals: "[FILE]",
    count: { min: 0, max: 1 },
    flags: [
      { name: "--load", help: "Load the modules of its tools folder too, which runs their code" },
      mcpConfigFlag,
      outputFlag("text", "json"),
    ],
    examples: [
      { command: "rein tools", does: "what every agent file can name" },
      { command: "rein tools agent.yaml --output json", does: "with the schemas, for a script" },
    ],
    load: async () => (await import("./tools.ts")).toolsCommand,
  },
  {
    name: "mcp list",
    summary: "Start the MCP servers of an agent file, and tell how each is",
    positionals: "[FILE]",
    count: { min: 0, max: 1 },
    flags: [mcpConfigFlag, ...permissionFlags, outputFlag("text", "json")],
    examples: [
      { command: "rein mcp list agent.yaml -P", does: "state, transport, time to ready, tools, last error" },
      { command: "rein mcp list --mcp-config .mcp.json -P", does: "without an agent file" },
    ],
    load: async () => (await import("./mcp.ts")).listCommand,
  },
  {
    name: "mcp tools",
    summary: "List the tools of the MCP servers of an agent file",
    positionals: "[FILE]",
    count: { min: 0, max: 1 },
    flags: [
      { name: "--server", value: { name: "NAME" }, help: "Only of this server, and start no other" },
      mcpConfigFlag,
      ...permissionFlags,
      outputFlag("text", "json"),
    ],
    examples: [{ command: "rein mcp tools agent.yaml -P --output json", does: "with the schemas, for a script" }],
    load: async () => (await import("./mcp.ts")).toolsCommand,
  },
  {
    name: "mcp call",
    summary: "Call one tool of an MCP server by hand",
    positionals: "SERVER/TOOL [FILE]",
    count: { min: 1, max: 2 },
    flags: [
      { name: "--input", value: { name: "JSON" }, help: "Its arguments, as a JSON object or @FILE (default: {})" },
      mcpConfigFlag,
      ...permissionFlags,
      outputFlag("text", "json"),
      { name: "--verbose", short: "-v", help: "Also show its progress on stderr" },
    ],
    examples: [
      {
        command: `rein mcp call files/read_text_file agent.yaml -P --input '{"path": "notes.txt"}'`,
        does: "its answer on stdout",
      },
    ],
    load: async () => (await import("./mcp.ts")).callCommand,
  },
  {
    name: "mcp login",
    summary: "Sign in to a remote MCP server, in a browser",
    positionals: "NAME [FILE]",
    count: { min: 1, max: 2 },
    flags: [mcpConfigFlag, ...permissionFlags],
    examples: [
      {
        command: "rein mcp login tracker agent.yaml -P",
        does: "then runs of that file, also unattended ones, have its token",
      },
    ],
    load: async () => (await import("./mcp-login.ts")).loginCommand,
  },
  {
    name: "mcp pin",
    summary: "Write what the MCP servers of an agent file offer into rein.lock, beside it",
    positionals: "FILE",
    count: { min: 1, max: 1 },
    flags: [
      {
        name: "--check",
        help: "Write nothing: show what is other than pinned, and end with exit code 6 if anything is",
      },
      mcpConfigFlag,
      ...permissionFlags,
    ],
    examples: [
      { command: "rein mcp pin agent.yaml -P", does: "from then on a run stops where a server offers something else" },
      { command: "rein mcp pin --check agent.yaml -P", does: "in CI" },
    ],
    load: async () => (await import("./mcp-pin.ts")).pinCommand,
  },
  {
    name: "mcp serve",
    summary: "Serve agent files as tools, to an MCP client",
    positionals: "FILE…",
    count: { min: 1, max: 64 },
    flags: [
      modelFlag("the files'", ", or a name under the file's models"),
      ...permissionFlags,
      {
        name: "--http",
        value: { name: "HOST:PORT", optional: true },
        help: "Over HTTP instead of stdin and stdout, at a loopback address (default: 127.0.0.1, and a free port)",
      },
      {
        name: "--tools",
        help: "Serve the tools of one file instead, those of its MCP servers included, without its model",
      },
      { name: "--no-token", help: "Over HTTP, ask for no token: every program of this machine may call the agents" },
      { name: "--quiet", short: "-q", help: "Nothing on stderr but errors" },
    ],
    examples: [
      { command: "rein mcp serve review.yaml -P", does: "the line for a client's list of servers" },
      { command: "rein mcp serve review.yaml notes.yaml -P --http=127.0.0.1:8765", does: "two tools, over HTTP" },
      { command: "rein mcp serve --tools agent.yaml -P", does: "what the file picks of its servers, gated and pinned" },
    ],
    load: async () => (await import("./mcp-serve.ts")).serveCommand,
  },
  {
    name: "types",
    summary: "Print the types of 'rein/tool', for editors",
    positionals: "",
    count: { min: 0, max: 0 },
    flags: [],
    examples: [{ command: "rein types > rein.d.ts", does: "beside the tools folder" }],
    load: async () => (await import("./types.ts")).typesCommand,
  },
  {
    name: "schema",
    summary: "Print the JSON Schema of agent files, for editors",
    positionals: "",
    count: { min: 0, max: 0 },
    flags: [],
    examples: [{ command: "rein schema > agent.schema.json", does: "then name it in a yaml-language-server comment" }],
    load: async () => (await import("./schema.ts")).schemaCommand,
  },
  {
    name: "sessions list",
    summary: "List the sessions, newest first",
    positionals: "",
    count: { min: 0, max: 0 },
    flags: [outputFlag("text", "json")],
    examples: [{ command: "rein sessions list --output json", does: "for a script" }],
    load: async () => (await import("./sessions.ts")).listCommand,
  },
  {
    name: "sessions show",
    summary: "Show the turns, calls and usage of a session or a run",
    positionals: "NAME",
    count: { min: 1, max: 1 },
    flags: [
      outputFlag("text", "json"),
      { name: "--whole", value: { name: "SHA256" }, help: "Print a result that was too long for the model, whole" },
    ],
    examples: [{ command: "rein sessions show review", does: "the whole conversation" }],
    load: async () => (await import("./sessions.ts")).showCommand,
  },
  {
    name: "cost",
    summary: "Show what model calls cost, or would have cost elsewhere",
    positionals: "",
    count: { min: 0, max: 0 },
    flags: [
      {
        name: "--by",
        value: { name: "WHAT", choices: ["model", "agent", "day", "session"] },
        help: "Put calls together by this (default: model); days are of UTC",
      },
      { name: "--since", value: { name: "WHEN" }, help: "Only calls since then: '12h', '7d', '2w' or '2026-11-01'" },
      {
        name: "--compare",
        value: { name: "cloud=MODEL,local=MODEL" },
        help: "Price the same calls as all made by one model, all by the other, and as they were, by month",
      },
      { name: "--watts", value: { name: "WATTS" }, help: "With --compare: what this machine draws while it answers" },
      { name: "--per-kwh", value: { name: "DOLLARS" }, help: "With --compare: the price of a kilowatt-hour" },
      {
        name: "--hardware",
        value: { name: "DOLLARS" },
        help: "With --compare: the price of the machine, and in how many months it is paid for",
      },
      outputFlag("text", "json", "csv"),
    ],
    examples: [
      { command: "rein cost", does: "by model, all that the journal has" },
      { command: "rein cost --by day --since 7d --output csv", does: "the last week, for a spreadsheet" },
      {
        command: "rein cost --compare cloud=anthropic/claude-sonnet-5-5,local=local/smollm2 --watts 350 --per-kwh 0.30",
        does: "what it would have been elsewhere",
      },
    ],
    load: async () => (await import("./cost.ts")).costCommand,
  },
  {
    name: "models list",
    summary: "List the models in the models folder",
    positionals: "",
    count: { min: 0, max: 0 },
    flags: [outputFlag("text", "json")],
    examples: [{ command: "rein models list", does: "what can be named as local/NAME" }],
    load: async () => (await import("./models.ts")).listCommand,
  },
  {
    name: "models pull",
    summary: "Get a model of Hugging Face, or of a URL, into the models folder",
    positionals: "MODEL",
    count: { min: 1, max: 1 },
    flags: [
      { name: "--name", value: { name: "NAME" }, help: "Call it NAME there, to be used as local/NAME" },
      { name: "--sha256", value: { name: "DIGITS" }, help: "Take it only if this is its SHA-256" },
      outputFlag("text", "json"),
    ],
    examples: [
      { command: "rein models pull smollm2", does: "a small model that rein knows" },
      {
        command: "rein models pull bartowski/Qwen2.5-7B-Instruct-GGUF",
        does: "its best 4-bit file that fits the memory",
      },
      {
        command: "rein models pull bartowski/Qwen2.5-7B-Instruct-GGUF:Qwen2.5-7B-Instruct-Q8_0.gguf --name qwen",
        does: "one file of a repository, under a name of your own",
      },
      {
        command: "rein models pull https://example.com/model.gguf",
        does: "of a URL; again after an interruption: it goes on",
      },
    ],
    load: async () => (await import("./models-pull.ts")).pullCommand,
  },
  {
    name: "models rm",
    summary: "Remove models from the models folder, and what is there of interrupted downloads",
    positionals: "NAME…",
    count: { min: 1, max: Infinity },
    flags: [outputFlag("text", "json")],
    examples: [{ command: "rein models rm smollm2", does: "its file is deleted" }],
    load: async () => (await import("./models.ts")).removeCommand,
  },
  {
    name: "models info",
    summary: "Show what a GGUF file tells of itself, and the memory that it needs",
    positionals: "NAME|PATH",
    count: { min: 1, max: 1 },
    flags: [outputFlag("text", "json")],
    examples: [
      { command: "rein models info smollm2", does: "a model of the models folder" },
      { command: "rein models info ./model.gguf --output json", does: "any file, for a script" },
    ],
    load: async () => (await import("./models.ts")).infoCommand,
  },
  {
    name: "models bench",
    summary: "Measure a model: tokens per second, first token, memory",
    positionals: "MODEL",
    count: { min: 1, max: 1 },
    flags: [outputFlag("text", "json")],
    examples: [
      { command: "rein models bench local/smollm2", does: "on this machine" },
      {
        command: "rein models bench openai",
        does: "a service's: 4 requests of some 700 tokens, which cost what they cost",
      },
    ],
    load: async () => (await import("./models-bench.ts")).benchCommand,
  },
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
