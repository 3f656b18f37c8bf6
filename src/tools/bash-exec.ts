import type { ProcessEnd } from "../core/host.ts";
import type { JsonObject } from "../core/json.ts";
import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { number, pathSchema, text } from "./arguments.ts";
import { bytes, grouped, HeadAndTail } from "./bound.ts";

const usualTimeout = 120;

/** A command that writes more is ended. */
const mostOutput = 64_000_000;

export const bashExec: Tool = {
  name: "bash_exec",
  description:
    "Runs a command with bash. Returns what it wrote to stdout and stderr, in the order it came, and then its exit code. " +
    "There is no terminal and stdin is empty. All processes that the command started are ended when it ends.",
  input: {
    type: "object",
    properties: {
      command: { type: "string", minLength: 1, description: "The command, for example: git log -3 --oneline" },
      cwd: pathSchema("The folder to run it in. Default: the working folder"),
      timeout: {
        type: "integer",
        minimum: 1,
        maximum: 3600,
        description: `Seconds after which it is ended. Default: ${usualTimeout}`,
      },
    },
    required: ["command"],
    additionalProperties: false,
  },
  examples: [
    { request: "Run git status", input: { command: "git status" } },
    { request: "Run make test in the folder server", input: { command: "make test", cwd: "server" } },
  ],
  needs: [{ kind: "run", target: "bash" }],
  // What a shell does cannot be known from its command.
  effects: () => "external",
  run,
};

async function run(input: JsonObject, { host, signal, output }: ToolContext): Promise<ToolOutcome> {
  const timeout = number(input, "timeout", usualTimeout);
  const cwd = text(input, "cwd");
  const kept = new HeadAndTail();
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const flood = new AbortController();
  let size = 0;
  // One pipe for both streams: of two, nobody could say what was written first. On the command's own line, so that the line
  // numbers in bash's messages stay right.
  const ended = await host.process.run(["bash", "-c", `exec 2>&1; ${text(input, "command")}`], {
    // The working folder itself needs no grant, one that is named is judged as read.
    ...(cwd === "" ? {} : { cwd }),
    timeoutMs: timeout * 1000,
    signal: AbortSignal.any([signal, flood.signal]),
    onOutput(stream, piece) {
      size += piece.length;
      if (size > mostOutput) flood.abort();
      if (flood.signal.aborted) return;
      const part = decoders[stream].decode(piece, { stream: true });
      kept.add(part);
      output(part);
    },
  });
  kept.add(decoders.stdout.decode() + decoders.stderr.decode());
  const { head, tail, left } = kept.parts();
  let content = cleaned(head);
  if (left > 0) {
    content += `\n[${grouped(left)} characters left out here: to see them, write the output to a file and read parts of it]\n`;
  }
  content += cleaned(tail);
  if (content !== "" && !content.endsWith("\n")) content += "\n";
  if (flood.signal.aborted) {
    return { content: `${content}[ended: it wrote more than ${bytes(mostOutput)}; make it write less]`, error: true };
  }
  if (!ended.ok) return { content: content + ended.error.message, error: true };
  const { value } = ended;
  return {
    content: `${content}[${size === 0 ? "no output, " : ""}${endWords(value, timeout)}]`,
    error: value.code !== 0,
  };
}

function endWords(end: ProcessEnd, timeout: number): string {
  if (end.timeout) return `ended after ${timeout} s: it took too long; set a longer timeout or make it do less`;
  if (end.signal !== null) return `ended by ${end.signal}`;
  return `exit code ${end.code}`;
}

/**
 * Output as a terminal would have shown it at the end: no colours, of a line that was drawn anew only its last state, and U+FFFD
 * for other control characters.
 */
function cleaned(output: string): string {
  return Bun.stripANSI(output)
    .split("\n")
    .map((line) => {
      let end = line.length;
      while (line[end - 1] === "\r") end--;
      return line.slice(line.lastIndexOf("\r", end - 1) + 1, end);
    })
    .join("\n")
    .replace(/[^\P{Cc}\t\n]/gu, "\ufffd");
}
