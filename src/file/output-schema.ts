import { nearest } from "../core/nearest.ts";
import { entriesOf, find, itemsOf, kindName, quote, type Node } from "./node.ts";
import { oneOf } from "./shape.ts";
import type { Problem } from "./source.ts";

const typeNames = ["string", "number", "integer", "boolean", "object", "array", "null"] as const;

/** What the value of a keyword must be. */
type ValueKind =
  | "any"
  | "text"
  | "flag"
  | "number"
  | "count"
  | "names"
  | "named names"
  | "format"
  | "values"
  | "pattern"
  | "type"
  | "reference"
  | "schema"
  | "schemas"
  | "named schemas"
  | "patterned schemas";

/** The keywords of JSON Schema draft 2020-12 that are judged; others are errors, since an answer would pass them unseen. */
const keywords = new Map<string, ValueKind>([
  ["$schema", "text"],
  ["$comment", "text"],
  ["$defs", "named schemas"],
  ["$ref", "reference"],
  ["title", "text"],
  ["description", "text"],
  ["default", "any"],
  ["examples", "values"],
  ["deprecated", "flag"],
  ["readOnly", "flag"],
  ["writeOnly", "flag"],
  ["type", "type"],
  ["enum", "values"],
  ["const", "any"],
  ["format", "format"],
  ["minLength", "count"],
  ["maxLength", "count"],
  ["pattern", "pattern"],
  ["minimum", "number"],
  ["maximum", "number"],
  ["exclusiveMinimum", "number"],
  ["exclusiveMaximum", "number"],
  ["multipleOf", "number"],
  ["properties", "named schemas"],
  ["patternProperties", "patterned schemas"],
  ["additionalProperties", "schema"],
  ["unevaluatedProperties", "schema"],
  ["propertyNames", "schema"],
  ["required", "names"],
  ["minProperties", "count"],
  ["maxProperties", "count"],
  ["dependentRequired", "named names"],
  ["dependentSchemas", "named schemas"],
  ["items", "schema"],
  ["prefixItems", "schemas"],
  ["unevaluatedItems", "schema"],
  ["contains", "schema"],
  ["minContains", "count"],
  ["maxContains", "count"],
  ["minItems", "count"],
  ["maxItems", "count"],
  ["uniqueItems", "flag"],
  ["allOf", "schemas"],
  ["anyOf", "schemas"],
  ["oneOf", "schemas"],
  ["not", "schema"],
  ["if", "schema"],
  ["then", "schema"],
  ["else", "schema"],
]);

/** All that is wrong with a JSON Schema in a file: unknown keywords, values of the wrong kind, references that lead nowhere. */
export function jsonSchemaProblems(root: Node): Problem[] {
  return schemaProblems(root, root);
}

function schemaProblems(node: Node, root: Node): Problem[] {
  if (node.kind === "broken" || (node.kind === "boolean" && node !== root)) return [];
  if (node.kind !== "map") {
    const hint = node.kind === "text" && isTypeName(node.value) ? `write { type: ${node.value} }` : undefined;
    return [problem(node, `Expected a JSON Schema, found ${kindName(node)}`, hint)];
  }
  const problems = [...node.entries].flatMap(([keyword, { key, value }]) => {
    const kind = keywords.get(keyword);
    if (kind === undefined) return [unknownKeyword(keyword, key)];
    return value.kind === "broken" ? [] : keywordProblems(keyword, kind, value, root);
  });
  return [...problems, ...unknownRequired(node)];
}

function keywordProblems(keyword: string, kind: ValueKind, value: Node, root: Node): Problem[] {
  const expect = (what: string, hint?: string) => [
    problem(value, `Expected ${what} for '${keyword}', found ${shown(value)}`, hint),
  ];
  switch (kind) {
    case "any":
      return [];
    case "text":
      return value.kind === "text" ? [] : expect("text");
    case "flag":
      return value.kind === "boolean" ? [] : expect("true or false");
    case "number":
      if (value.kind !== "number") return expect("a number");
      return keyword === "multipleOf" && value.value <= 0 ? expect("a number above 0") : [];
    case "count":
      return value.kind === "number" && Number.isSafeInteger(value.value) && value.value >= 0
        ? []
        : expect("a whole number from 0 on");
    case "names":
      return namesProblems(value, expect);
    case "named names":
      if (value.kind !== "map") return expect("a map of names");
      return [...value.entries.values()].flatMap((entry) => keywordProblems(keyword, "names", entry.value, root));
    case "format":
      return formatProblems(value, expect);
    case "values":
      return value.kind === "list" && (value.items.length > 0 || keyword !== "enum") ? [] : expect("a list of values");
    case "pattern":
      if (value.kind !== "text") return expect("a regular expression");
      return isPattern(value.value) ? [] : [problem(value, `${quote(value.value)} is not a regular expression`)];
    case "type":
      return typeProblems(value, expect);
    case "reference":
      return referenceProblems(value, root, expect);
    case "schema":
      return schemaProblems(value, root);
    case "schemas":
      if (value.kind !== "list" || value.items.length === 0) return expect("a list of schemas");
      return value.items.flatMap((item) => schemaProblems(item, root));
    case "named schemas":
    case "patterned schemas":
      if (value.kind !== "map") return expect("a map of schemas");
      return entriesOf(value).flatMap(([name, entry]) => [
        ...(kind === "named schemas" || isPattern(name)
          ? []
          : [
              {
                code: "schema",
                at: entry.key,
                message: `${quote(name)} is not a regular expression`,
              } satisfies Problem,
            ]),
        ...schemaProblems(entry.value, root),
      ]);
  }
}

type Expect = (what: string, hint?: string) => Problem[];

function namesProblems(value: Node, expect: Expect): Problem[] {
  if (value.kind === "boolean")
    return expect("a list of names", "'required' stands beside 'properties' and lists their names");
  if (value.kind !== "list")
    return expect("a list of names", value.kind === "text" ? `write [${value.value}]` : undefined);
  return value.items.flatMap((item) =>
    item.kind === "text" || item.kind === "broken" ? [] : [problem(item, `Expected a name, found ${kindName(item)}`)],
  );
}

/** The formats that answers are judged by. */
const formats = [
  "date",
  "time",
  "date-time",
  "duration",
  "uri",
  "uri-reference",
  "uri-template",
  "url",
  "email",
  "hostname",
  "ipv4",
  "ipv6",
  "regex",
  "uuid",
  "json-pointer",
  "relative-json-pointer",
] as const;

function formatProblems(value: Node, expect: Expect): Problem[] {
  if (value.kind !== "text") return expect("a format");
  if (formats.some((name) => name === value.value)) return [];
  const close = nearest(value.value, formats);
  const hint = close === undefined ? `expected ${oneOf(formats)}` : `did you mean '${close}'?`;
  return [problem(value, `Unknown format ${quote(value.value)}`, hint)];
}

function typeProblems(value: Node, expect: Expect): Problem[] {
  const items = value.kind === "list" ? value.items : [value];
  if (items.length === 0) return expect("a type");
  return items.flatMap((item) => {
    if (item.kind === "broken" || (item.kind === "text" && isTypeName(item.value))) return [];
    if (item.kind === "nothing" && value.kind === "list")
      return [problem(item, "Expected the name of a type, found nothing", "write 'null' in quotes")];
    if (item.kind !== "text") return expect("the name of a type");
    const close = otherTypeNames.get(item.value) ?? nearest(item.value, typeNames);
    return [
      problem(
        item,
        `Unknown type ${quote(item.value)}: expected ${oneOf(typeNames)}`,
        close === undefined ? undefined : `did you mean '${close}'?`,
      ),
    ];
  });
}

/** What types are called in other languages. */
const otherTypeNames = new Map([
  ["str", "string"],
  ["text", "string"],
  ["int", "integer"],
  ["float", "number"],
  ["double", "number"],
  ["bool", "boolean"],
  ["list", "array"],
  ["map", "object"],
  ["dict", "object"],
]);

/** Only references into the same schema: nothing is ever fetched. */
function referenceProblems(value: Node, root: Node, expect: Expect): Problem[] {
  if (value.kind !== "text") return expect("a reference");
  if (value.value === "#") return [];
  if (!value.value.startsWith("#/"))
    return [problem(value, `Reference ${quote(value.value)} leads out of this schema`, "write '#/$defs/NAME'")];
  const path = value.value
    .slice(2)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  let target: Node | undefined = root;
  for (const step of path) target = target?.kind === "list" ? target.items[Number(step)] : target && find(target, step);
  if (target !== undefined) return [];
  const close = nearest(
    path.at(-1) ?? "",
    entriesOf(find(root, "$defs")).map(([name]) => name),
  );
  return [problem(value, `Reference ${quote(value.value)} leads nowhere`, close && `did you mean '#/$defs/${close}'?`)];
}

/** A required name that no property has is mostly a typo: a warning, since the schema is valid. */
function unknownRequired(node: Node): Problem[] {
  const properties = find(node, "properties");
  if (properties?.kind !== "map") return [];
  const names = [...properties.entries.keys()];
  return itemsOf(find(node, "required")).flatMap((item): Problem[] => {
    if (item.kind !== "text" || names.includes(item.value)) return [];
    const close = nearest(item.value, names);
    const message = `Required name ${quote(item.value)} is not in 'properties'`;
    return [{ code: "schema", severity: "warning", at: item.at, message, hint: close && `did you mean '${close}'?` }];
  });
}

function unknownKeyword(keyword: string, at: Problem["at"]): Problem {
  const close = nearest(keyword, keywords.keys());
  return {
    code: "schema",
    at,
    message: `JSON Schema keyword ${quote(keyword)} is not supported`,
    hint: close && `did you mean '${close}'?`,
  };
}

function problem(node: Node, message: string, hint?: string): Problem {
  return { code: "schema", at: node.at, message, hint };
}

function shown(node: Node): string {
  return node.kind === "number" ? quote(node.value) : kindName(node);
}

function isTypeName(text: string): boolean {
  return typeNames.some((name) => name === text);
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, "u").source !== "";
  } catch {
    return false;
  }
}
