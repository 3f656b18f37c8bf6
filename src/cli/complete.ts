import { cleanLine } from "../render/clean.ts";
import type { Command, Handler } from "./command.ts";
import { helpFlag, versionFlag } from "./command-flags.ts";
import { commands } from "./commands.ts";
import { filesFrom, namedAgent, valuesOf, type Candidate, type Surroundings } from "./complete-values.ts";
import { flagOf, negation, splitFlag, type Flag } from "./flags.ts";
import { inputFlags } from "./input-flags.ts";
import { quoted, readPartial, splitLine } from "./shell-words.ts";

/**
 * What the scripts of `rein completions` ask on each TAB: `rein complete bash -- LINE BREAKS`, or the words so far with the last one
 * as it was typed. Prints a candidate a line, with a tab and a word on it where the shell shows that. Nothing is run, sent or
 * written, and what cannot be read has no candidates.
 */
export const completeCommand: Handler = async (args, io) => {
  const [shell = "", ...rest] = args.positionals;
  const around = { cwd: io.cwd, env: io.env };
  const bash = shell === "bash" ? splitLine(rest[0] ?? "", rest[1] ?? "") : undefined;
  const last = bash?.last ?? readPartial(rest.at(-1) ?? "");
  const words = [...(bash?.words.slice(1) ?? rest.slice(0, -1)), last.value];
  const found = bash?.redirected ? filesFrom(last.value, around) : await candidates(words, around);
  const lines = found
    // A name with a line end or an escape sequence in it cannot be shown.
    .filter(({ value }) => value.startsWith(last.value) && !/[\p{Cc}\p{Bidi_Control}]/u.test(value))
    .map(({ value, about = "" }) => {
      const text = shell === "fish" ? value : quoted(value, last);
      return shell === "bash" || about === "" ? `${text}\n` : `${text}\t${short(cleanLine(about))}\n`;
    });
  await io.stdout.write(lines.join(""));
  return 0;
};

/** What can stand in place of the last word. Most begin with it. */
export async function candidates(words: readonly string[], around: Surroundings): Promise<Candidate[]> {
  const [first = "", second = ""] = words;
  if (words.length < 2) return firstWords(first);
  const command =
    commands.find(({ name }) => words.length > 2 && name === `${first} ${second}`) ??
    commands.find(({ name }) => name === first);
  const group = words.length === 2 ? groupWords(first) : [];
  if (command === undefined) return group;
  return [...group, ...(await argumentsOf(command, words.slice(command.name.split(" ").length), around))];
}

function firstWords(typed: string): Candidate[] {
  const flags = [helpFlag, versionFlag].map(({ name, help }) => ({ value: name, about: help }));
  const shown = commands.filter(({ hidden }) => !hidden);
  const words = shown.flatMap(({ name, summary }, index) => {
    const [word = name, more] = name.split(" ");
    if (more === undefined) return [{ value: word, about: summary }];
    // A group's own command, where it has one, stands for the group.
    const begun =
      shown.findIndex((one) => one.name.startsWith(`${word} `)) === index && !shown.some((one) => one.name === word);
    return begun
      ? [
          {
            value: word,
            about: groupWords(word)
              .map(({ value }) => value)
              .join(", "),
          },
        ]
      : [];
  });
  return typed.startsWith("-") ? [...words, ...flags] : words;
}

function groupWords(group: string): Candidate[] {
  return commands
    .filter(({ name }) => name.startsWith(`${group} `))
    .map(({ name, summary }) => ({ value: name.slice(group.length + 1), about: summary }));
}

/** Candidates for the last of a command's words. */
async function argumentsOf(command: Command, words: readonly string[], around: Surroundings): Promise<Candidate[]> {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const known = [...command.flags, helpFlag, versionFlag];
  const [file] = read(before, known).positionals;
  const plan = file === undefined || !takesAgent(command) ? undefined : namedAgent(file, around);
  const own = command.inputs && plan !== undefined ? inputFlags(plan.input) : [];
  const flags = [...own, ...known];
  const { positionals, given, waiting, ended } = read(before, flags);
  const context = { ...around, plan, command: command.name, positionals };
  if (waiting !== undefined) return valuesOf(waiting, typed, context);
  if (ended || !typed.startsWith("-")) return valuesOf(position(command, positionals.length), typed, context);
  const { name, value } = splitFlag(typed);
  if (value === undefined) return flagNames(flags, given);
  const flag = flagOf({ name, value }, flags);
  const values = flag?.value === undefined ? [] : await valuesOf(flag, value, context);
  return values.map((one) => ({ ...one, value: `${name}=${one.value}` }));
}

function takesAgent({ positionals }: Command): boolean {
  return /^\[?FILE/.test(positionals);
}

/** A positional argument by what help calls it: `FILE`; the last name stands for all that follow. */
function position({ positionals, count }: Command, index: number): { position: string } {
  const names = positionals.split(" ");
  const name = index < count.max ? (names[index] ?? names.at(-1) ?? "") : "";
  return { position: name.replace(/[[\]…]/g, "") };
}

/** Words before the cursor, taken leniently: `waiting` is a flag whose value comes next. */
function read(
  words: readonly string[],
  flags: readonly Flag[],
): { positionals: string[]; given: Set<string>; waiting: Flag | undefined; ended: boolean } {
  const positionals: string[] = [];
  const given = new Set<string>();
  let waiting: Flag | undefined;
  let ended = false;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (ended || !word.startsWith("-") || word === "-") {
      positionals.push(word);
      continue;
    }
    if (word === "--") {
      ended = true;
      continue;
    }
    const typed = splitFlag(word);
    const flag = flagOf(typed, flags);
    if (flag !== undefined) given.add(flag.name);
    if (typed.value !== undefined) continue;
    if (flag === undefined) {
      if (positionals.length > 0 && words[index + 1]?.startsWith("-") === false) index++;
    } else if (flag.value !== undefined && flag.value.optional === undefined) {
      index++;
      if (index >= words.length) waiting = flag;
    }
  }
  return { positionals, given, waiting, ended };
}

function flagNames(flags: readonly Flag[], given: ReadonlySet<string>): Candidate[] {
  return flags
    .filter(({ name, many }) => many || !given.has(name))
    .flatMap(({ name, value, negatable, help }) => {
      const plain = { value: name, about: help };
      if (negatable) return [plain, { value: negation(name), about: help }];
      return value?.optional ? [plain, { value: `${name}=`, about: help }] : [plain];
    });
}

/** More than this is no hint any more, and fills the terminal. */
const longest = 80;

function short(text: string): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}
