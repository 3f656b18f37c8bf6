import { permissionKinds, permissionWords, type PermissionKind } from "../core/permission.ts";
import type { Flag } from "./flags.ts";

export const helpFlag: Flag = { name: "--help", short: "-h", help: "Show this help" };
export const versionFlag: Flag = {
  name: "--version",
  short: "-V",
  help: "Show the version and what it was built from",
};

export const outputFlag = (...choices: string[]): Flag => ({
  name: "--output",
  value: { name: "FORMAT", choices },
  help: "The format on stdout (default: text)",
});

export const setFlag: Flag = {
  name: "--set",
  value: { name: "NAME=VALUE" },
  many: true,
  help: "Set an input; NAME=@FILE reads the value from a file",
};

/** What an agent's inputs are given by. */
export const inputFlags: readonly Flag[] = [
  setFlag,
  { name: "--input", value: { name: "FILE" }, help: "Read inputs from a JSON file" },
];

export const fileFlag: Flag = {
  name: "--attach",
  short: "-f",
  value: { name: "FILE" },
  many: true,
  help: "Show the model a file with the prompt: a text, an image or a PDF; '-' is stdin",
};

export const modelFlag = (instead: string, more: string): Flag => ({
  name: "--model",
  short: "-m",
  value: { name: "MODEL" },
  help: `Use this model instead of ${instead}: provider/model, a provider${more}`,
});

/** Where the answer goes, and how it gets there. */
const formatFlags: readonly Flag[] = [
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
];

const loudnessFlags: readonly Flag[] = [
  { name: "--quiet", short: "-q", help: "Nothing on stderr but errors" },
  { name: "--verbose", short: "-v", help: "Also show decisions, reasoning and the output of tools on stderr" },
];

/** What becomes of the answer, and of what is told on the way to it. */
export const tellingFlags: readonly Flag[] = [...formatFlags, ...loudnessFlags];

/** The same for a run that begins. */
export const answerFlags: readonly Flag[] = [
  { name: "--session", value: { name: "NAME" }, help: "Continue this conversation, or begin it" },
  { name: "--no-session", help: "Continue no conversation, which is so without '--session' too" },
  {
    name: "--wait",
    value: { name: "TIME", optional: true },
    help: "Wait while another run has the session, at most so long ('10s'); else that is an error",
  },
  { name: "--ephemeral", help: "Keep nothing of this run: it is not in the journal, and cannot be resumed" },
  ...formatFlags,
  { name: "--dry-run", help: "Show what would be sent, offered, allowed and limited, and stop" },
  ...loudnessFlags,
];

export const mcpConfigFlag: Flag = {
  name: "--mcp-config",
  value: { name: "FILE" },
  many: true,
  help: "Add the MCP servers of a file as other programs have it, an .mcp.json, to those of the agent file",
};

export const permissionFlags: readonly Flag[] = [
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
