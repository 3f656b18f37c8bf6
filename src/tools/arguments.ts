// The arguments of a call, by names that its schema has and of the type that it gives them: only whether they are there is open.

export function text<Name extends string>(
  input: { readonly [One in Name]?: string },
  name: Name,
  fallback = "",
): string {
  return input[name] ?? fallback;
}

export function number<Name extends string>(
  input: { readonly [One in Name]?: number },
  name: Name,
  fallback: number,
): number {
  return input[name] ?? fallback;
}

export function flag<Name extends string>(input: { readonly [One in Name]?: boolean }, name: Name): boolean {
  return input[name] === true;
}

/** The schema of a path. No file system takes a longer one. */
export function pathSchema(description: string) {
  return { type: "string" as const, minLength: 1, maxLength: 4096, description };
}

/** The schema of a URL. */
export function urlSchema(description: string) {
  return { type: "string" as const, minLength: 1, maxLength: 8192, description };
}

/** The schema of how long to wait for an answer, in seconds. */
export function waitSchema(description: string) {
  return { type: "integer" as const, minimum: 1, maximum: 300, description };
}
