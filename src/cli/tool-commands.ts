import { outputFlag, modelFlag, mcpConfigFlag, permissionFlags } from "./command-flags.ts";
import type { Command } from "./command.ts";

/** Commands on tools and MCP servers, and what editors know of them. */
export const toolCommands: readonly Command[] = [
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
];
