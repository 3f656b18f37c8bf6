import type { Json, JsonObject } from "../core/json.ts";
import type { Template } from "../core/plan.ts";
import type { Result } from "../core/result.ts";
import type { TemplateValue } from "../core/script.ts";

// What a model gives goes into one word, one part of a URL, one header or one JSON value, and is never read again as anything else.
// An error is for the model: it names the argument.

/** The values that holes stand for: `args` and, in headers, `env`. */
export type Values = JsonObject;

/** The words of a command. No value becomes an option where the author wrote none: only behind `--` may a word begin with its dash. */
export function fillWords(words: readonly Template[], values: Values): Result<string[], string> {
  const filled: string[] = [];
  for (const word of words) {
    const text = fillText(word, values);
    if (text.includes("\0")) return refuse(word, "holds a NUL character");
    const [first] = word;
    const dashed = first !== undefined && "path" in first && text.startsWith("-") && !filled.includes("--");
    if (dashed) return refuse(word, "begins with '-', which would be an option of the program");
    filled.push(text);
  }
  return { ok: true, value: filled };
}

/** A URL: each value is percent-encoded whole, so that it stays within its part of a path or query. */
export function fillUrl(template: Template, values: Values): Result<URL, string> {
  const write = (value: (path: string[]) => string) =>
    template.map((piece) => ("text" in piece ? piece.text : value(piece.path))).join("");
  const text = write((path) => encodeURIComponent(shown(lookUp(path, values)).toWellFormed()));
  const [path = ""] = text.replace(/^[^/]*\/\/[^/?#]*/, "").split(/[?#]/, 1);
  // `.` and `..` as a part of a path lead elsewhere.
  if (path.split("/").some((part) => /^(\.|%2e){1,2}$/i.test(part))) {
    return refuse(template, "is '.' or '..', which would lead to another path");
  }
  const url = URL.parse(text);
  if (url === null || url.origin !== URL.parse(write(() => "x"))?.origin) {
    return refuse(template, "makes a URL that cannot be read");
  }
  return { ok: true, value: url };
}

/** A header's value. */
export function fillHeader(template: Template, values: Values): Result<string, string> {
  const text = fillText(template, values);
  if (/[\r\n\0]/.test(text)) return refuse(template, "holds a line break, which a header cannot");
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text)
    ? { ok: true, value: text }
    : refuse(template, "holds a character that a header cannot");
}

/** A JSON value: a hole that is a whole text becomes the value itself, in a longer text it is text. */
export function fillJson(template: TemplateValue, values: Values): Json {
  switch (template.kind) {
    case "value":
      return template.value;
    case "list":
      return template.items.map((item) => fillJson(item, values));
    case "map":
      return Object.fromEntries(template.entries.map(([key, entry]) => [key, fillJson(entry, values)]));
    case "text": {
      const [first] = template.template;
      const whole = template.template.length === 1 && first !== undefined && "path" in first;
      return whole ? lookUp(first.path, values) : fillText(template.template, values);
    }
  }
}

function fillText(template: Template, values: Values): string {
  return template.map((piece) => ("text" in piece ? piece.text : shown(lookUp(piece.path, values)))).join("");
}

function shown(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What a path leads to. The check of the file has seen to it that it is there: what is not is null. */
function lookUp(path: readonly string[], values: Values): Json {
  let value: Json = values;
  for (const part of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, part)) return null;
    value = value[part] ?? null;
  }
  return value;
}

function refuse(template: Template, why: string): { ok: false; error: string } {
  const names = template.flatMap((piece) =>
    "path" in piece && piece.path[0] === "args" ? [piece.path.slice(1).join(".")] : [],
  );
  const told = [...new Set(names)].join("', '");
  return { ok: false, error: `${told === "" ? "A value" : `The argument '${told}'`} ${why}` };
}

/** The arguments with what the schema says of those that were not given. */
export function withDefaults(input: JsonObject, schema: JsonObject): JsonObject {
  const { properties } = schema;
  const filled = { ...input };
  if (typeof properties !== "object" || properties === null || Array.isArray(properties)) return filled;
  for (const [name, property] of Object.entries(properties)) {
    if (Object.hasOwn(filled, name) || typeof property !== "object" || property === null || Array.isArray(property))
      continue;
    if (property["default"] !== undefined) filled[name] = property["default"];
  }
  return filled;
}
