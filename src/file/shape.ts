import * as v from "valibot";
import { nearest } from "../core/nearest.ts";
import { kindName, quote, toJson, type Node } from "./node.ts";
import type { Problem, Range } from "./source.ts";

/** What the walk cannot know by the schema alone. Paths are keys joined by '.', with `*` for a list's item or a map's free key. */
export type ShapeRules = {
  /** Keys that later versions will know, by the path of their map. */
  later: Record<string, readonly string[]>;
  /** Keys that people know from elsewhere and what to write instead, by the path of their map. */
  foreign: Record<string, Record<string, string>>;
  /** Says something better about a value than "Expected a list, found text"; undefined leaves it to the walk. */
  mistaken(path: string, node: Node): Omit<Problem, "at"> | undefined;
};

/** `rest`: what all other keys hold; without it there are none. */
type ObjectSchema = v.GenericSchema & { entries: Record<string, v.GenericSchema>; rest?: v.GenericSchema };
type ArraySchema = v.GenericSchema & { item: v.GenericSchema };
type RecordSchema = v.GenericSchema & { key: v.GenericSchema; value: v.GenericSchema };
type OptionalSchema = v.GenericSchema & { wrapped: v.GenericSchema };
type PicklistSchema = v.GenericSchema & { options: readonly string[] };

const isObject = (schema: v.GenericSchema): schema is ObjectSchema =>
  schema.type === "strict_object" || schema.type === "object_with_rest";
const isArray = (schema: v.GenericSchema): schema is ArraySchema => schema.type === "array";
const isRecord = (schema: v.GenericSchema): schema is RecordSchema => schema.type === "record";
type UnionSchema = v.GenericSchema & { options: readonly v.GenericSchema[] };

const isUnion = (schema: v.GenericSchema): schema is UnionSchema => schema.type === "union";
const isPicklist = (schema: v.GenericSchema): schema is PicklistSchema => schema.type === "picklist";
const isOptional = (schema: v.GenericSchema): schema is OptionalSchema =>
  schema.type === "optional" || schema.type === "exact_optional";

/** All that is wrong with the shape of a value. `owner` is where to point when a key is missing: the key the value belongs to. */
export function shapeProblems(schema: v.GenericSchema, root: Node, rules: ShapeRules): Problem[] {
  return new Walk(schema, rules).problems("", schema, root, root.at);
}

class Walk {
  readonly #whole: v.GenericSchema;
  readonly #rules: ShapeRules;

  constructor(whole: v.GenericSchema, rules: ShapeRules) {
    this.#whole = whole;
    this.#rules = rules;
  }

  problems(path: string, given: v.GenericSchema, node: Node, owner: Range): Problem[] {
    if (node.kind === "broken") return [];
    const schema = chosen(isOptional(given) ? given.wrapped : given, node);
    const mistaken = this.#rules.mistaken(path, node);
    if (mistaken !== undefined) return [{ ...mistaken, at: node.at }];
    const expected = expectedKind(schema);
    if (expected !== undefined && expected !== node.kind) return [wrongKind(schema, expected, node)];
    const inner = this.#inside(path, schema, node, owner);
    return inner.length > 0 ? inner : refused(schema, node);
  }

  #inside(path: string, schema: v.GenericSchema, node: Node, owner: Range): Problem[] {
    if (node.kind === "list" && isArray(schema)) {
      return node.items.flatMap((item) => this.problems(`${path}.*`, schema.item, item, item.at));
    }
    if (node.kind !== "map") return [];
    if (isRecord(schema)) {
      return [...node.entries].flatMap(([name, { key, value }]) => {
        const issue = v.safeParse(schema.key, name).issues?.[0];
        const wrongKey: Problem[] =
          issue === undefined
            ? []
            : [{ code: "wrong_value", at: key, message: issue.message, hint: nameHint(schema.key, name) }];
        return [...wrongKey, ...this.problems(dotted(path, "*"), schema.value, value, key)];
      });
    }
    if (!isObject(schema)) return [];
    const known = [...node.entries].flatMap(([name, { key, value }]) => {
      const entry = Object.hasOwn(schema.entries, name) ? schema.entries[name] : undefined;
      if (entry !== undefined) return this.problems(dotted(path, name), entry, value, key);
      return schema.rest === undefined
        ? [this.#unknownKey(path, schema, name, key)]
        : this.problems(dotted(path, "*"), schema.rest, value, key);
    });
    const hinted = new Set(known.map(({ hint }) => hint));
    const missing = Object.entries(schema.entries)
      .filter(([name, entry]) => !isOptional(entry) && !node.entries.has(name) && !hinted.has(didYouMean(name)))
      .map(([name]): Problem => ({ code: "missing_key", at: owner, message: `Key '${name}' is missing` }));
    return [...known, ...missing];
  }

  #unknownKey(path: string, schema: ObjectSchema, name: string, at: Range): Problem {
    if (this.#rules.later[path]?.includes(name) === true) {
      return { code: "later_key", at, message: `Key ${quote(name)} is not in this version` };
    }
    const foreign = this.#rules.foreign[path] ?? {};
    const close = Object.hasOwn(foreign, name) ? foreign[name] : nearest(name, Object.keys(schema.entries));
    const message = `Unknown key ${quote(name)}`;
    if (close !== undefined) return { code: "unknown_key", at, message, hint: didYouMean(close) };
    const homes = keyHomes(this.#whole, "", name);
    const [home] = homes;
    if (home === "")
      return { code: "unknown_key", at, message, hint: `it belongs to the top level: check the indentation` };
    if (home !== undefined) return { code: "unknown_key", at, message, hint: `it belongs in '${home}'` };
    return { code: "unknown_key", at, message, hint: `expected ${oneOf(Object.keys(schema.entries))}` };
  }
}

/**
 * Of alternatives the one of the node's kind, so that a message speaks of what was meant. Where there is none: itself, if it has a
 * title, or else the first.
 */
function chosen(schema: v.GenericSchema, node: Node): v.GenericSchema {
  if (!isUnion(schema)) return schema;
  const alike = schema.options.filter((option) => expectedKind(option) === node.kind);
  // A map with any of the keys that one alternative knows is meant as that one.
  const fitting = alike.find((option) => !isObject(option) || knows(option, node)) ?? alike[0];
  return fitting ?? (v.getTitle(schema) === undefined ? schema.options[0] : schema) ?? schema;
}

function knows({ entries, rest }: ObjectSchema, node: Node): boolean {
  if (rest !== undefined || node.kind !== "map") return true;
  return [...node.entries.keys()].some((key) => Object.hasOwn(entries, key));
}

function didYouMean(name: string): string {
  return `did you mean '${name}'?`;
}

/** The paths of the maps that know a key. */
function keyHomes(given: v.GenericSchema, path: string, name: string): string[] {
  const schema = isOptional(given) ? given.wrapped : given;
  if (isArray(schema)) return keyHomes(schema.item, path, name);
  if (isRecord(schema)) return keyHomes(schema.value, `${path}.NAME`, name);
  if (!isObject(schema)) return [];
  const below = Object.entries(schema.entries).flatMap(([key, entry]) => keyHomes(entry, dotted(path, key), name));
  if (schema.rest !== undefined) below.push(...keyHomes(schema.rest, `${path}.NAME`, name));
  return Object.hasOwn(schema.entries, name) ? [path, ...below] : below;
}

function dotted(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

function expectedKind(schema: v.GenericSchema): Node["kind"] | undefined {
  if (isObject(schema) || isRecord(schema)) return "map";
  if (isArray(schema)) return "list";
  if (isPicklist(schema) || schema.type === "string") return "text";
  if (schema.type === "number") return "number";
  if (schema.type === "boolean") return "boolean";
  return undefined;
}

function wrongKind(schema: v.GenericSchema, expected: Node["kind"], node: Node): Problem {
  const message = `Expected ${v.getTitle(schema) ?? expected}, found ${kindName(node)}`;
  return { code: "wrong_type", at: node.at, message, hint: kindHint(schema, node) };
}

/** What to write, when the value is right but for its kind. */
function kindHint(schema: v.GenericSchema, node: Node): string | undefined {
  if (node.kind === "nothing") return "give it a value, or remove it";
  if (node.kind === "text" && isArray(schema) && v.is(schema, [node.value])) return `write [${plain(node.value)}]`;
  if (node.kind === "text" && schema.type === "number" && /^\d+$/.test(node.value)) return "remove the quotes";
  if (node.kind !== "number" && node.kind !== "boolean") return undefined;
  return schema.type === "string" && v.is(schema, String(node.value)) ? `quote it: '${node.value}'` : undefined;
}

/** A text as it stands in a flow list: quoted where it must be. */
export function plain(text: string): string {
  const bare = /^[A-Za-z0-9_./~-]+$/.test(text) && Number.isNaN(Number(text)) && !/^(true|false|null|~|-)$/i.test(text);
  return bare ? text : `'${text.replaceAll("'", "''")}'`;
}

/** What the schema says against a value of the right kind, beyond what is wrong with its parts. */
function refused(schema: v.GenericSchema, node: Node): Problem[] {
  const issue = v.safeParse(schema, toJson(node)).issues?.find(({ path }) => path === undefined);
  if (issue === undefined) return [];
  const place = { code: issue.kind === "schema" ? "wrong_type" : "wrong_value", at: node.at } as const;
  if (isPicklist(schema)) {
    const close = nearest(String(issue.input), schema.options);
    const message = `Expected ${oneOf(schema.options)}, found ${quote(issue.input)}`;
    return [{ ...place, code: "wrong_value", message, hint: close === undefined ? undefined : didYouMean(close) }];
  }
  if (issue.kind === "schema") {
    return [{ ...place, message: `Expected ${v.getTitle(schema) ?? "another value"}, found ${kindName(node)}` }];
  }
  if (node.kind !== "text" && node.kind !== "number") return [{ ...place, message: issue.message }];
  return [{ ...place, message: `${issue.message}, found ${quote(node.value)}` }];
}

function nameHint(schema: v.GenericSchema, name: string): string | undefined {
  const better = name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, "_");
  return v.is(schema, better) ? `write '${better}'` : undefined;
}

/** 'a', 'b' or 'c' */
export function oneOf(names: readonly string[]): string {
  const quoted = names.map((name) => `'${name}'`);
  const last = quoted.pop() ?? "nothing";
  return quoted.length === 0 ? last : `${quoted.join(", ")} or ${last}`;
}
