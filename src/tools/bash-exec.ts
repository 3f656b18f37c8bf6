import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { flag, number, pathSchema, text } from "./arguments.ts";
import { openBackground, type Background } from "./background.ts";
import { bytes } from "./bound.ts";
import { builtIn, schemaOf, type BuiltIn, type FromSchema } from "./built-in.ts";
import { CommandOutput, endWords } from "./command-output.ts";

const usualTimeout = 120;

/** How long a poll waits for something to tell, in seconds. */
const usualWait = 5;

/** A command that writes more is ended, unless it runs in the background. */
const mostOutput = 64_000_000;

const schema = schemaOf({
  type: "object",
  properties: {
    command: { type: "string", minLength: 1, description: "The command, for example: git log -3 --oneline" },
    cwd: pathSchema("The folder to run it in. Default: the working folder"),
    timeout: {
      type: "integer",
      minimum: 1,
      maximum: 3600,
      description:
        `Seconds after which the command is ended. Default: ${usualTimeout}, none in the background. ` +
        `With poll: seconds to wait for new output. Default: ${usualWait}`,
    },
    background: { type: "boolean", description: "Do not wait for the command; answer with its id" },
    poll: { type: "string", minLength: 1, description: "An id: shows its new output and whether it still runs" },
    kill: { type: "string", minLength: 1, description: "An id: ends that command" },
  },
  additionalProperties: false,
});

type Input = FromSchema<typeof schema>;

/** `bash_exec` of one run, which its background commands end with. */
export function bashExec(): Tool {
  const background = openBackground();
  return builtIn({ ...definition, run: (input, context) => run(input, context, background) });
}

const definition: Omit<BuiltIn<typeof schema>, "run"> = {
  name: "bash_exec",
  description:
    "Runs a command with bash. Returns what it wrote to stdout and stderr, in the order it came, and then its exit code. " +
    "There is no terminal and stdin is empty. All processes that the command started are ended when it ends. " +
    "For servers and other commands that go on, set background: the call returns an id at once. " +
    "Call again with poll or kill and that id, instead of command.",
  input: schema,
  examples: [
    { request: "Run git status", input: { command: "git status" } },
    { request: "Run make test in the folder server", input: { command: "make test", cwd: "server" } },
    { request: "Start the server", input: { command: "npm start", background: true } },
    { request: "See what the server printed", input: { poll: "bg1" } },
  ],
  needs: [{ kind: "run", target: "bash" }],
  // What a shell does cannot be known from its command.
  effects: (input) => (text(input, "poll") === "" ? "external" : "read"),
};

async function run(input: Input, context: ToolContext, background: Background): Promise<ToolOutcome> {
  const command = text(input, "command");
  const poll = text(input, "poll");
  const kill = text(input, "kill");
  if ([command, poll, kill].filter((given) => given !== "").length !== 1) {
    return {
      content: "Give one of these: a command to run, or the id of a background command as poll or kill",
      error: true,
    };
  }
  if (poll !== "") return background.poll(poll, number(input, "timeout", usualWait) * 1000, context);
  if (kill !== "") return background.kill(kill);

  const cwd = text(input, "cwd");
  // One pipe for both streams: of two, nobody could say what was written first. On the command's own line, so that the line
  // numbers in bash's messages stay right.
  const argv = ["bash", "-c", `exec 2>&1; ${command}`];
  // The working folder itself needs no grant, one that is named is judged as read.
  const where = cwd === "" ? {} : { cwd };
  if (!flag(input, "background")) {
    return wait(argv, { ...where, timeoutMs: number(input, "timeout", usualTimeout) * 1000 }, context);
  }
  const timeout = number(input, "timeout", 0);
  return background.start(argv, { ...where, ...(timeout === 0 ? {} : { timeoutMs: timeout * 1000 }) }, context);
}

async function wait(
  argv: string[],
  options: { cwd?: string; timeoutMs: number },
  { host, signal, clock, output: show }: ToolContext,
): Promise<ToolOutcome> {
  const output = new CommandOutput();
  const flood = new AbortController();
  const started = clock.now();
  const ended = await host.process.run(argv, {
    ...options,
    signal: AbortSignal.any([signal, flood.signal]),
    onOutput(stream, piece) {
      if (output.size + piece.length > mostOutput) flood.abort();
      if (!flood.signal.aborted) show(output.add(stream, piece));
    },
  });
  output.end();
  const { text: content, ...whole } = output.take();
  if (flood.signal.aborted) {
    const why = `[ended: it wrote more than ${bytes(mostOutput)}; make it write less]`;
    return { content: content + why, error: true, ...whole };
  }
  if (!ended.ok) return { content: content + ended.error.message, error: true, ...whole };
  const words = endWords(ended.value, ended.value.timeout ? options.timeoutMs : clock.now() - started);
  const last = `[${output.size === 0 ? "no output, " : ""}${words}]`;
  return { content: content + last, error: ended.value.code !== 0, ...whole };
}
