import { nearest } from "../core/nearest.ts";
import type { Result } from "../core/result.ts";

/** One flag, as parser, help and completions read it. */
export type Flag = {
  /** With its dashes: `--output`. */
  name: string;
  /** With its dash: `-o`. */
  short?: string;
  /** Without it the flag is a switch. `optional` takes a value only as `--name=value`. */
  value?: { name: string; optional?: true; choices?: readonly string[] };
  /** May be given more than once. */
  many?: true;
  help: string;
};

/** What was typed: positional arguments and flags. */
export type Arguments = {
  positionals: string[];
  has(name: string): boolean;
  /** The flag's value; undefined when it was not given or has none. */
  one(name: string): string | undefined;
  /** All values of a flag; true stands for a flag given without its optional value. */
  all(name: string): Array<string | true>;
};

/** A mistake in what was typed. */
export type UsageProblem = { message: string; hint?: string };

/** Reads `argv` by a list of flags. Flags may stand anywhere before `--`; a single `-` is a positional argument. */
export function parseFlags(argv: readonly string[], flags: readonly Flag[]): Result<Arguments, UsageProblem> {
  const positionals: string[] = [];
  const given = new Map<string, Array<string | true>>();
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (word === "--") {
      positionals.push(...argv.slice(index + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      positionals.push(word);
      continue;
    }
    const typed = splitFlag(word);
    const flag = flags.find(({ name, short }) => name === typed.name || short === typed.name);
    if (flag === undefined) return unknownFlag(typed.name, flags);
    let value: string | true = typed.value ?? true;
    if (flag.value === undefined && value !== true) return problem(`'${flag.name}' takes no value`);
    if (flag.value !== undefined && flag.value.optional === undefined && value === true) {
      const next = argv[++index];
      if (next === undefined) return problem(`'${typed.name}' needs a value: ${shown(flag)}`);
      value = next;
    }
    if (value === "") return problem(`'${flag.name}' needs a value: ${shown(flag)}`);
    const choices = flag.value?.choices;
    if (choices !== undefined && value !== true && !choices.includes(value)) return wrongChoice(flag, value, choices);
    const values = given.get(flag.name) ?? [];
    if (values.length > 0 && flag.many === undefined) return problem(`'${flag.name}' was given twice`);
    given.set(flag.name, [...values, value]);
  }
  return {
    ok: true,
    value: {
      positionals,
      has: (name) => given.has(name),
      one(name) {
        const value = given.get(name)?.[0];
        return value === true ? undefined : value;
      },
      all: (name) => given.get(name) ?? [],
    },
  };
}

/** How a flag is written in help and messages: `-o, --output-file FILE`. */
export function shown({ name, short, value }: Flag): string {
  const names = short === undefined ? name : `${short}, ${name}`;
  if (value === undefined) return names;
  const word = value.choices?.join("|") ?? value.name;
  return value.optional === undefined ? `${names} ${word}` : `${names}[=${word}]`;
}

/** `--name=value`, `-nvalue` is not a thing: short flags take their value as the next word or after `=`. */
function splitFlag(word: string): { name: string; value?: string } {
  const equals = word.indexOf("=");
  if (equals < 0) return { name: word };
  return { name: word.slice(0, equals), value: word.slice(equals + 1) };
}

function problem(message: string, hint?: string): { ok: false; error: UsageProblem } {
  return { ok: false, error: hint === undefined ? { message } : { message, hint } };
}

function unknownFlag(name: string, flags: readonly Flag[]) {
  const guess = nearest(
    name,
    flags.map((flag) => flag.name),
  );
  return problem(`Unknown flag '${name}'`, guess === undefined ? undefined : `did you mean '${guess}'?`);
}

function wrongChoice(flag: Flag, value: string, choices: readonly string[]) {
  const guess = nearest(value, choices);
  return problem(
    `'${flag.name}' cannot be '${value}': expected ${choices.map((choice) => `'${choice}'`).join(", ")}`,
    guess === undefined ? undefined : `did you mean '${guess}'?`,
  );
}
