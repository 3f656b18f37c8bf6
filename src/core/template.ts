import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import type { Template } from "./plan.ts";
import { fail, ok, type Result } from "./result.ts";
import type { TemplateValue } from "./script.ts";

/**
 * Fills a template's holes: strings go in as they are, other values as JSON. What was put in is data and is never expanded
 * again. In a list a part of a path is an index or `last`.
 */
export function expand(template: Template, values: JsonObject): Result<string> {
  let text = "";
  for (const piece of template) {
    if ("text" in piece) {
      text += piece.text;
      continue;
    }
    const value = lookUp(piece.path, values);
    if (value === undefined) return fail("not_found", `Cannot fill '\${{ ${piece.path.join(".")} }}': no such value`);
    text += typeof value === "string" ? value : JSON.stringify(value);
  }
  return ok(text);
}

/** As `expandValue`; but a text that is one hole and nothing else becomes the value itself. */
export function expandTyped(template: TemplateValue, values: JsonObject): Result<Json> {
  const [only, ...others] = template.kind === "text" ? template.template : [];
  if (only === undefined || others.length > 0 || !("path" in only)) return expandValue(template, values);
  const value = lookUp(only.path, values);
  return value === undefined ? expandValue(template, values) : ok(value);
}

/** Fills the holes in all texts of a value. */
export function expandValue(template: TemplateValue, values: JsonObject): Result<Json> {
  if (template.kind === "text") return expand(template.template, values);
  if (template.kind === "value") return ok(template.value);
  if (template.kind === "list") {
    const items: Json[] = [];
    for (const item of template.items) {
      const expanded = expandValue(item, values);
      if (!expanded.ok) return expanded;
      items.push(expanded.value);
    }
    return ok(items);
  }
  const entries: Array<[string, Json]> = [];
  for (const [key, entry] of template.entries) {
    const expanded = expandValue(entry, values);
    if (!expanded.ok) return expanded;
    entries.push([key, expanded.value]);
  }
  return ok(Object.fromEntries(entries));
}

function lookUp(path: string[], values: JsonObject): Json | undefined {
  let value: Json | undefined = values;
  for (const part of path) {
    if (Array.isArray(value))
      value = part === "last" ? value.at(-1) : /^\d+$/.test(part) ? value[Number(part)] : undefined;
    else if (isJsonObject(value)) value = Object.hasOwn(value, part) ? value[part] : undefined;
    else return undefined;
  }
  return value;
}
