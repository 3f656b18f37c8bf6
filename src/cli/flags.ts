import { nearest } from "../core/nearest.ts";
import type { Result } from "../core/result.ts";

/** One flag, as parser, help and completions read it. */
export type Flag = {
  /** With its dashes: `--output`. */
  name: string;
  /** With its dash: `-o`. */
  short?: string;
  /** Without it the flag is a switch. `optional` takes a value only as `--name=value`; `empty` takes one of no characters. */
  value?: { name: string; optional?: true; empty?: true; choices?: readonly string[] };
  /** `--no-name` stands for `--name=false`. */
  negatable?: true;
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
  /** There where a flag was met that only the agent file can explain: reads all anew, by that file's own flags as well. */
  complete?(own: readonly Flag[]): Result<Arguments, UsageProblem>;
};

/** A mistake in what was typed. */
export type UsageProblem = { message: string; hint?: string };

/** Reads `argv` by a list of flags. Flags may stand anywhere before `--`; a single `-` is a positional argument. */
export function parseFlags(argv: readonly string[], flags: readonly Flag[]): Result<Arguments, UsageProblem> {
  return read(argv, flags, false);
}

/**
 * The same for a command whose first positional argument is a file with flags of its own, which are not known yet. What is unknown is
 * passed over, with the word that looks like its value: `complete` judges it. Before the file a flag of its own has its value
 * behind `=`, since which word is the file must not depend on what is in it.
 */
export function parseBesideFile(argv: readonly string[], flags: readonly Flag[]): Result<Arguments, UsageProblem> {
  return read(argv, flags, true);
}

function read(argv: readonly string[], flags: readonly Flag[], open: boolean): Result<Arguments, UsageProblem> {
  const positionals: string[] = [];
  const given = new Map<string, Array<string | true>>();
  let unknown: string | undefined;
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
    const flag = flagOf(typed, flags);
    if (flag === undefined) {
      const early = typed.value === undefined && positionals.length === 0;
      if (!open || early) return unknownFlag(typed.name, flags, open);
      unknown ??= typed.name;
      if (typed.value === undefined && argv[index + 1]?.startsWith("-") === false) index++;
      continue;
    }
    const value = valueOf(flag, typed, argv[index + 1], given.get(flag.name));
    // What seems wrong behind an unknown flag may be that flag's value.
    if (!value.ok && unknown === undefined) return value;
    if (!value.ok) continue;
    if (value.value.next) index++;
    given.set(flag.name, [...(given.get(flag.name) ?? []), value.value.value]);
  }
  if (unknown !== undefined && positionals.length === 0) return unknownFlag(unknown, flags, false);
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
      ...(unknown === undefined ? {} : { complete: (own) => read(argv, [...flags, ...own], false) }),
    },
  };
}

/** A word that begins with a dash, taken apart. */
export type Typed = { name: string; value?: string };

/** The flag that was typed; `--no-name` is one too where its flag says so, unless a flag has just that name. */
export function flagOf(typed: Typed, flags: readonly Flag[]): Flag | undefined {
  const flag = flags.find(({ name, short }) => name === typed.name || short === typed.name);
  return flag ?? flags.find(({ name, negatable }) => negatable && typed.name === negation(name));
}

/** How a flag is switched off: `--no-name`. */
export function negation(name: string): string {
  return name.replace(/^--/, "--no-");
}

/** A flag's value, and whether the next word is it. `earlier` is what was given of the same flag. */
function valueOf(
  flag: Flag,
  typed: Typed,
  following: string | undefined,
  earlier: readonly unknown[] | undefined,
): Result<{ value: string | true; next: boolean }, UsageProblem> {
  const off = flag.negatable === true && typed.name === negation(flag.name);
  if ((flag.value === undefined || off) && typed.value !== undefined) {
    return problem(`'${off ? typed.name : flag.name}' takes no value`);
  }
  const next = typed.value === undefined && flag.value !== undefined && flag.value.optional === undefined;
  const value = off ? "false" : next ? following : (typed.value ?? true);
  if (value === undefined) return problem(`'${typed.name}' needs a value: ${shown(flag)}`);
  if (value === "" && flag.value?.empty === undefined) {
    return problem(`'${flag.name}' needs a value: ${shown(flag)}`);
  }
  const choices = flag.value?.choices;
  if (choices !== undefined && value !== true && !choices.includes(value)) return wrongChoice(flag, value, choices);
  if (earlier !== undefined && flag.many === undefined) return problem(`'${flag.name}' was given twice`);
  return { ok: true, value: { value, next } };
}

/** How a flag is written in help and messages: `-o, --output-file FILE`. */
export function shown({ name, short, value, negatable }: Flag): string {
  if (negatable) return name.replace(/^--/, "--[no-]");
  const names = short === undefined ? name : `${short}, ${name}`;
  if (value === undefined) return names;
  const word = value.choices?.join("|") ?? value.name;
  return value.optional === undefined ? `${names} ${word}` : `${names}[=${word}]`;
}

/** `--name=value`, `-nvalue` is not a thing: short flags take their value as the next word or after `=`. */
export function splitFlag(word: string): Typed {
  const equals = word.indexOf("=");
  if (equals < 0) return { name: word };
  return { name: word.slice(0, equals), value: word.slice(equals + 1) };
}

function problem(message: string, hint?: string): { ok: false; error: UsageProblem } {
  return { ok: false, error: hint === undefined ? { message } : { message, hint } };
}

function unknownFlag(name: string, flags: readonly Flag[], early: boolean) {
  const names = flags.flatMap((flag) => (flag.negatable ? [flag.name, negation(flag.name)] : [flag.name]));
  const guess = nearest(name, names);
  if (guess !== undefined) return problem(`Unknown flag '${name}'`, `did you mean '${guess}'?`);
  return problem(`Unknown flag '${name}'`, early ? "the flags of an agent's inputs stand after its file" : undefined);
}

function wrongChoice(flag: Flag, value: string, choices: readonly string[]) {
  const guess = nearest(value, choices);
  return problem(
    `'${flag.name}' cannot be '${value}': expected ${choices.map((choice) => `'${choice}'`).join(", ")}`,
    guess === undefined ? undefined : `did you mean '${guess}'?`,
  );
}
