import { nearest } from "../core/nearest.ts";
import { entriesOf, find, quote, textsOf, type Node } from "./node.ts";
import { oneOf } from "./shape.ts";
import type { PathRule, Wrong } from "./template.ts";

// What the templates of a tool may name, by the place they stand in.

/** `args.NAME`, for what is always there: required, or with a default. `whole`: `args` alone too. */
export function argumentPaths(input: Node | undefined, whole = false): PathRule {
  return ([first = "", ...names]) => {
    if (first !== "args") return unknown(first, "args");
    if (names.length > 0) return wrongArgument(input, names);
    return whole ? undefined : { message: "'args' needs a name", hint: expected(input) };
  };
}

/** In headers variables too. */
export function headerPaths(input: Node | undefined): PathRule {
  const args = argumentPaths(input);
  return (path) => {
    if (path[0] !== "env") return args(path);
    return path.length === 2 ? undefined : { message: "'env' needs a name", hint: "write 'env.NAME'" };
  };
}

/** In words of a command the folder of the tool's file too. */
export function wordPaths(args: PathRule): PathRule {
  return (path) => (path.join(".") === "tool.folder" ? undefined : args(path));
}

/** Where no argument may be. */
export function noPaths(where: string): PathRule {
  return ([first = ""]) =>
    first === "args" ? { message: `An argument cannot be ${where}` } : unknown(first, "tool.folder");
}

function unknown(name: string, known: string): Wrong {
  return {
    message: `Unknown name ${quote(name)}`,
    hint: known === "args" ? "write 'args.NAME'" : `expected '${known}'`,
  };
}

function wrongArgument(input: Node | undefined, names: string[]): Wrong | undefined {
  let schema = input;
  for (const [index, name] of names.entries()) {
    const shown = names.slice(0, index + 1).join(".");
    const properties = schema && find(schema, "properties");
    const property = properties && find(properties, name);
    if (property === undefined) {
      const close = nearest(
        name,
        entriesOf(properties).map(([known]) => known),
      );
      const hint =
        close === undefined
          ? "declare it under 'input'"
          : `did you mean '${["args", ...names.slice(0, index), close].join(".")}'?`;
      return { message: `Unknown argument ${quote(shown)}`, hint };
    }
    const required = textsOf(schema && find(schema, "required")).some(({ value }) => value === name);
    if (!required && !(index === 0 && find(property, "default") !== undefined)) {
      return { message: `Argument ${quote(shown)} may be missing`, hint: "make it 'required', or give it a 'default'" };
    }
    schema = property;
  }
  return undefined;
}

function expected(input: Node | undefined): string {
  const names = entriesOf(input && find(input, "properties")).map(([name]) => `args.${name}`);
  return names.length === 0 ? "declare one under 'input'" : `expected ${oneOf(names)}`;
}
