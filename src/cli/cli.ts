import { exitCode } from "../core/exit.ts";
import { nearest } from "../core/nearest.ts";
import type { Command } from "./command.ts";
import { helpFlag, versionFlag } from "./command-flags.ts";
import { commands } from "./commands.ts";
import { parseBesideFile, parseFlags, type Arguments, type UsageProblem } from "./flags.ts";
import type { Streams } from "./output.ts";
import { usageError } from "./usage.ts";

/** Finds the command that `argv` names, runs it and says its exit code. */
export async function dispatch(
  argv: readonly string[],
  env: Record<string, string | undefined>,
  streams: Streams,
): Promise<number> {
  const [first, second] = argv;
  if (first === undefined) {
    const { overview } = await import("./help.ts");
    await streams.stderr.write(overview());
    return exitCode("usage");
  }
  if (first === "--help" || first === "-h") return help([], streams);

  const command = commands.find(({ name }) => name === first || name === `${first} ${second}`);
  if (command === undefined && (second === "--help" || second === "-h")) {
    const text = (await import("./help.ts")).groupHelp(first);
    if (text !== undefined) {
      await streams.stdout.write(text);
      return 0;
    }
  }
  if (command === undefined) return usageError(unknownCommand(first, second), streams);
  const words = command.name.split(" ").length;
  const parse = command.inputs ? parseBesideFile : parseFlags;
  const parsed = parse(argv.slice(words), [...command.flags, helpFlag, versionFlag]);
  if (!parsed.ok) return usageError(parsed.error, streams, command);
  const args = parsed.value;
  if (args.has("--version")) return (await import("./version.ts")).printVersion(streams.stdout);
  if (args.has("--help")) {
    const file = command.inputs ? args.positionals.slice(0, 1) : [];
    return help([command.name, ...file], streams);
  }
  const wrong = args.complete === undefined ? countProblem(args, command) : undefined;
  if (wrong !== undefined) return usageError(wrong, streams, command);
  const [handler, { openIo }] = await Promise.all([command.load(), import("./io.ts")]);
  return handler(counted(args, command), await openIo(env, streams));
}

/** Too few or too many positional arguments. */
function countProblem({ positionals }: Arguments, command: Command): UsageProblem | undefined {
  const { min, max } = command.count;
  if (positionals.length < min) return { message: `Missing argument: ${command.positionals}` };
  const extra = positionals[max];
  return extra === undefined ? undefined : { message: `Unexpected argument '${extra}'` };
}

/** Which words are positional arguments is known only with all flags: then they are counted. */
function counted(args: Arguments, command: Command): Arguments {
  const { complete } = args;
  if (complete === undefined) return args;
  return {
    ...args,
    complete(own) {
      const whole = complete(own);
      const wrong = whole.ok ? countProblem(whole.value, command) : undefined;
      return wrong === undefined ? whole : { ok: false, error: wrong };
    },
  };
}

async function help(positionals: string[], streams: Streams): Promise<number> {
  const { printHelp } = await import("./help.ts");
  return printHelp(positionals, streams);
}

function unknownCommand(first: string, second: string | undefined): UsageProblem {
  const group = commands
    .filter(({ name }) => name.startsWith(`${first} `))
    .map(({ name }) => name.slice(first.length + 1));
  if (group.length > 0) {
    const guess = second === undefined ? undefined : nearest(second, group);
    const message = second === undefined ? `'rein ${first}' needs a word more` : `Unknown command '${first} ${second}'`;
    return {
      message,
      hint: guess === undefined ? `expected ${group.join(" or ")}` : `did you mean '${first} ${guess}'?`,
    };
  }
  if (first.startsWith("-")) {
    return { message: `Unknown flag '${first}'`, hint: "flags of a command stand after its name" };
  }
  if (/\.ya?ml$/.test(first))
    return { message: `Unknown command '${first}'`, hint: `did you mean 'rein run ${first}'?` };
  const guess = nearest(first, [
    ...new Set(commands.filter(({ hidden }) => !hidden).map(({ name }) => name.split(" ")[0] ?? name)),
  ]);
  return guess === undefined
    ? { message: `Unknown command '${first}'` }
    : { message: `Unknown command '${first}'`, hint: `did you mean '${guess}'?` };
}
