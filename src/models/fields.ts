import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";

// What a service sends is read without trust: a field that is not what it should be counts as absent.

export function textField(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/** More than any count of tokens can be; sums of many of these are still whole numbers to the journal. */
const mostCounted = 1e12;

/** A count of tokens. */
export function countField(value: Json | undefined): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0
    ? Math.min(Math.round(value), mostCounted)
    : 0;
}

export function objectField(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

export function listField(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}
