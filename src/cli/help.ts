import { exitCode } from "../core/exit.ts";
import { nearest } from "../core/nearest.ts";
import type { Command, Handler } from "./command.ts";
import { helpFlag } from "./command-flags.ts";
import { commands } from "./commands.ts";
import { shown, type Flag } from "./flags.ts";
import type { Streams } from "./output.ts";
import { topics } from "./topics.ts";

export const helpCommand: Handler = (args, io) => printHelp(args.positionals, io);

/** Prints the overview, a command's help, a topic's text, or what an agent takes; what is unknown is a usage error. */
export async function printHelp(words: string[], { stdout, stderr }: Streams): Promise<number> {
  const [first, file] = words;
  const runs = commands.find((one) => one.inputs && one.name === first);
  // What comes on stdin is not read for help.
  if (runs !== undefined && file !== undefined && file !== "-") {
    const { printAgentHelp } = await import("./agent-help.ts");
    return printAgentHelp(runs.name, file, { stdout, stderr });
  }
  const name = runs === undefined ? words.join(" ") : runs.name;
  const text = name === "" ? overview() : await helpText(name);
  if (text !== undefined) {
    await stdout.write(text);
    return 0;
  }
  const { cleanLine } = await import("../render/clean.ts");
  const names = [...listed, ...topics].flatMap((one) => [one.name, one.name.replace(/ .*/, "")]);
  const guess = nearest(name, [...new Set(names)]);
  await stderr.write(
    `error: There is no help for '${cleanLine(name)}'\nhint: ${guess === undefined ? "see 'rein help'" : `did you mean '${guess}'?`}\n`,
  );
  return exitCode("usage");
}

/** The commands that are for people. */
const listed = commands.filter(({ hidden }) => !hidden);

/** What `rein help` prints. */
export function overview(): string {
  return [
    "rein runs agent files: one YAML file that declares a model, instructions, tools and what they may touch",
    "",
    "Usage: rein COMMAND [ARGUMENT…] [FLAG…]",
    "",
    "Commands:",
    ...columns(listed.map(({ name, positionals, summary }) => [`${name} ${positionals}`.trimEnd(), summary])),
    "",
    "Topics (rein help TOPIC):",
    ...columns(topics.map(({ name, summary }) => [name, summary])),
    "",
    "Examples:",
    ...exampleLines(listed.flatMap(({ examples }) => examples.slice(0, 1)).slice(0, 3)),
    "",
  ].join("\n");
}

async function helpText(name: string): Promise<string | undefined> {
  const topic = topics.find((one) => one.name === name);
  if (topic !== undefined) return `${(await topic.text()).trimEnd()}\n`;
  const command = commands.find((one) => one.name === name);
  if (command !== undefined) return commandHelp(command);
  return groupHelp(name);
}

/** The help of the commands that begin with a word, such as `models`; undefined where there are none. */
export function groupHelp(word: string): string | undefined {
  const group = commands.filter(({ name }) => name.startsWith(`${word} `));
  return group.length === 0 ? undefined : group.map(commandHelp).join("\n");
}

function commandHelp({ name, summary, positionals, flags, examples }: Command): string {
  return [
    summary,
    "",
    `Usage: rein ${name}${positionals === "" ? "" : ` ${positionals}`} [FLAG…]`,
    "",
    "Flags:",
    ...columns([...flags, helpFlag].map((flag) => [aligned(flag), flag.help])),
    "",
    "Examples:",
    ...exampleLines(examples),
    "",
  ].join("\n");
}

/** Long names stand below each other also where there is no short one. */
function aligned(flag: Flag): string {
  return flag.short === undefined ? `    ${shown(flag)}` : shown(flag);
}

const widestFirstColumn = 34;

/** Rows of two columns; a long first one has the second below it. */
export function columns(rows: Array<[string, string]>): string[] {
  const width = Math.min(widestFirstColumn, Math.max(...rows.map(([first]) => first.length)));
  return rows.map(([first, second]) =>
    first.length > width ? `  ${first}\n  ${" ".repeat(width)}  ${second}` : `  ${first.padEnd(width)}  ${second}`,
  );
}

function exampleLines(examples: Command["examples"]): string[] {
  return examples.flatMap(({ command, does }) => [`  # ${does}`, `  ${command}`]);
}
