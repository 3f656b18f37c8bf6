import type { JsonObject, JsonSchema } from "../core/json.ts";

// The arguments of a call, which have been validated against the tool's schema: only whether they are there is open.

export function text(input: JsonObject, name: string, fallback = ""): string {
  const value = input[name];
  return typeof value === "string" ? value : fallback;
}

export function number(input: JsonObject, name: string, fallback: number): number {
  const value = input[name];
  return typeof value === "number" ? value : fallback;
}

export function flag(input: JsonObject, name: string): boolean {
  return input[name] === true;
}

/** The schema of a path. No file system takes a longer one. */
export function pathSchema(description: string): JsonSchema {
  return { type: "string", minLength: 1, maxLength: 4096, description };
}
