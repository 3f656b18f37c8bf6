import type { InputSpec, InputType } from "../core/plan.ts";
import { flagOfInput } from "../file/input.ts";
import { helpFlag, versionFlag } from "./command-flags.ts";
import { commands } from "./commands.ts";
import type { Flag } from "./flags.ts";

/** The names of rein's own flags beside an agent file, each of which wins over an input's. */
export const ownFlags: ReadonlySet<string> = new Set(
  [...commands.filter(({ inputs }) => inputs), { flags: [helpFlag, versionFlag] }].flatMap(({ flags }) =>
    flags.map(({ name }) => name),
  ),
);

/** The flag of an input, `--max-items` for `max_items`; undefined where rein has a flag of that name. */
export function inputFlagName(input: string): string | undefined {
  const name = flagOfInput(input);
  return ownFlags.has(name) ? undefined : name;
}

/** The flags that an agent's inputs make. */
export function inputFlags(specs: Readonly<Record<string, InputSpec>>): Flag[] {
  return Object.entries(specs).flatMap(([input, spec]) => inputFlag(input, spec) ?? []);
}

export function inputFlag(input: string, spec: InputSpec): Flag | undefined {
  const name = inputFlagName(input);
  if (name === undefined) return undefined;
  const help = about(spec);
  if (spec.type === "boolean") return { name, value: { name: "true|false", optional: true }, negatable: true, help };
  const value = { name: spec.enum?.map(String).join("|") ?? valueNames[spec.type] };
  if (spec.type === "array") return { name, value, many: true, help };
  return { name, value: { ...value, ...(spec.type === "string" ? { empty: true } : {}) }, help };
}

/** What stands for the value of each type in help. */
export const valueNames: Record<InputType, string> = {
  string: "TEXT",
  number: "NUMBER",
  integer: "INTEGER",
  boolean: "true|false",
  array: "ITEM",
  object: "JSON",
};

/** What an input is, and what it is when it is not given. */
export function about({ description, default: preset, from }: InputSpec): string {
  const absent = preset === undefined ? "required" : `default: ${JSON.stringify(preset)}`;
  const notes = from === undefined ? absent : `from stdin, ${absent}`;
  return description === undefined ? `(${notes})` : `${description.trim()} (${notes})`;
}
