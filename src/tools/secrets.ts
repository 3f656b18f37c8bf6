import type { SecretDoor } from "../core/host.ts";
import type { Json } from "../core/json.ts";
import { ok, type Result } from "../core/result.ts";

/** How a model names a secret in a request. */
const placeholder = /\{\{\s*secret:([^{}]*?)\s*\}\}/g;

export function hasSecret(text: string): boolean {
  return text.search(placeholder) >= 0;
}

/** Puts secrets into texts of a request to one URL. `used`: it had any. */
export type Filled<T> = Result<{ value: T; used: boolean }>;

export async function fillText(text: string, url: URL, secrets: SecretDoor): Promise<Filled<string>> {
  const values = new Map<string, string>();
  for (const [, name = ""] of text.matchAll(placeholder)) {
    const value = await secrets.value(name, url);
    if (!value.ok) return value;
    values.set(name, value.value);
  }
  // A value is data: what looks like a secret in it stays as it is.
  const filled = text.replace(placeholder, (whole, name: string) => values.get(name) ?? whole);
  return ok({ value: filled, used: values.size > 0 });
}

/** As `fillText`, in all texts of a JSON value. */
export async function fillValue(value: Json, url: URL, secrets: SecretDoor): Promise<Filled<Json>> {
  if (typeof value === "string") return fillText(value, url, secrets);
  if (typeof value !== "object" || value === null) return ok({ value, used: false });
  let used = false;
  const filled: Array<[string, Json]> = [];
  for (const [key, one] of Object.entries(value)) {
    const result = await fillValue(one, url, secrets);
    if (!result.ok) return result;
    used ||= result.value.used;
    filled.push([key, result.value.value]);
  }
  return ok({ value: Array.isArray(value) ? filled.map(([, one]) => one) : Object.fromEntries(filled), used });
}
