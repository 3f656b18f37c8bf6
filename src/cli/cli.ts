import { exitCode } from "../core/exit.ts";
import { nearest } from "../core/nearest.ts";
import { commands, helpFlag, versionFlag } from "./commands.ts";
import { parseFlags, type UsageProblem } from "./flags.ts";
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
  if (first === "--version" || first === "-V") return (await import("./version.ts")).printVersion(streams.stdout);
  if (first === "--help" || first === "-h") return help([], streams);

  const command = commands.find(({ name }) => name === first || name === `${first} ${second}`);
  if (command === undefined) return usageError(unknownCommand(first, second), streams);
  const words = command.name.split(" ").length;
  const parsed = parseFlags(argv.slice(words), [...command.flags, helpFlag, versionFlag]);
  if (!parsed.ok) return usageError(parsed.error, streams, command);
  const args = parsed.value;
  if (args.has("--version")) return (await import("./version.ts")).printVersion(streams.stdout);
  if (args.has("--help")) return help([command.name], streams);
  const { min, max } = command.count;
  if (args.positionals.length < min)
    return usageError({ message: `Missing argument: ${command.positionals}` }, streams, command);
  const extra = args.positionals[max];
  if (extra !== undefined) return usageError({ message: `Unexpected argument '${extra}'` }, streams, command);
  const [handler, { openIo }] = await Promise.all([command.load(), import("./io.ts")]);
  return handler(args, await openIo(env, streams));
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
  const guess = nearest(first, [...new Set(commands.map(({ name }) => name.split(" ")[0] ?? name))]);
  return guess === undefined
    ? { message: `Unknown command '${first}'` }
    : { message: `Unknown command '${first}'`, hint: `did you mean '${guess}'?` };
}
