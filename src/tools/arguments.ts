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
