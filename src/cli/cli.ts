import { exitCode } from "../core/exit.ts";
import { nearest } from "../core/nearest.ts";
import { commands, helpFlag, versionFlag, type Command } from "./commands.ts";
import { parseFlags, type UsageProblem } from "./flags.ts";
import type { Io } from "./io.ts";

/** Finds the command that `argv` names, runs it and says its exit code. */
export async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const [first, second] = argv;
  if (first === undefined) {
    const { overview } = await import("./help.ts");
    await io.stderr.write(overview());
    return exitCode("usage");
  }
  if (first === "--version" || first === "-V") return (await import("./version.ts")).printVersion(io);
  if (first === "--help" || first === "-h") return help([], io);

  const command = commands.find(({ name }) => name === first || name === `${first} ${second}`);
  if (command === undefined) return usageError(unknownCommand(first, second), io);
  const words = command.name.split(" ").length;
  const parsed = parseFlags(argv.slice(words), [...command.flags, helpFlag, versionFlag]);
  if (!parsed.ok) return usageError(parsed.error, io, command);
  const args = parsed.value;
  if (args.has("--version")) return (await import("./version.ts")).printVersion(io);
  if (args.has("--help")) return help([command.name], io);
  const { min, max } = command.count;
  if (args.positionals.length < min)
    return usageError({ message: `Missing argument: ${command.positionals}` }, io, command);
  const extra = args.positionals[max];
  if (extra !== undefined) return usageError({ message: `Unexpected argument '${extra}'` }, io, command);
  const handler = await command.load();
  return handler(args, io);
}

async function help(positionals: string[], io: Io): Promise<number> {
  const { printHelp } = await import("./help.ts");
  return printHelp(positionals, io);
}

/** Reports a mistake in what was typed, with the place to read on. */
export async function usageError(problem: UsageProblem, io: Io, command?: Command): Promise<number> {
  const see = command === undefined ? "rein help" : `rein help ${command.name}`;
  const hint = problem.hint === undefined ? "" : `hint: ${problem.hint}\n`;
  await io.stderr.write(`error: ${problem.message}\n${hint}see: ${see}\n`);
  return exitCode("usage");
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
