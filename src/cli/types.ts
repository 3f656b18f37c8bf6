import type { Handler } from "./command.ts";

/** What editors know of the module `rein/tool`, which is in no folder. */
export const declarations = `/** Types of 'rein/tool': write them beside your tools with 'rein types > rein.d.ts'. */
declare module "rein/tool" {
  /** A JSON Schema, draft 2020-12. */
  export type JsonSchema = { readonly [keyword: string]: unknown };

  /** What a schema of valibot, or of any library of the Standard Schema, makes of its input. */
  type StandardSchema<Output> = { readonly "~standard": { readonly types?: { readonly output: Output } | undefined } };

  type Named<Type> = Type extends "string" ? string
    : Type extends "number" | "integer" ? number
    : Type extends "boolean" ? boolean
    : Type extends "null" ? null
    : unknown;

  type RequiredOf<Schema> = Schema extends { readonly required: readonly (infer Name)[] } ? Name : never;

  /** The value that a JSON Schema stands for, as far as types tell. */
  export type FromSchema<Schema> = Schema extends { readonly enum: readonly (infer Value)[] } ? Value
    : Schema extends { readonly type: "array"; readonly items: infer Item } ? FromSchema<Item>[]
    : Schema extends { readonly type: "array" } ? unknown[]
    : Schema extends { readonly type: "object"; readonly properties: infer Properties }
      ? { [Name in keyof Properties as Name extends RequiredOf<Schema> ? Name : never]: FromSchema<Properties[Name]> }
        & { [Name in keyof Properties as Name extends RequiredOf<Schema> ? never : Name]?: FromSchema<Properties[Name]> }
    : Schema extends { readonly type: infer Type } ? Named<Type>
    : unknown;

  export type Context = {
    /** Shows a piece of output while the tool runs. */
    output(text: string): void;
    /**
     * Aborts when the call was interrupted or took too long. Where it does not end within half a second then, its process is ended,
     * with the calls that are done there beside it.
     */
    signal: AbortSignal;
  };

  type Rest<Args> = {
    /** What the model calls it. */
    name: string;
    /** What it does and when to use it, for the model. */
    description: string;
    /** What a call does to the world. Default: "external". */
    effects?: "none" | "read" | "write" | "external";
    /** The most time of one call. Default: "2m". */
    timeout?: \`\${number}\${"ms" | "s" | "m" | "h"}\`;
    /** What it cannot work without. Its process gets these variables and no others; one that ends in \`?\` it can do without. */
    permissions?: { env?: readonly string[]; net?: readonly string[] };
    /** A text is the answer as it is, other values are JSON. What it throws is an error that the model reads. */
    run(args: Args, context: Context): unknown;
  };

  /** A tool of an agent, to be exported. \`input\` is a valibot schema or a JSON Schema. */
  export function tool<Output>(definition: { input: StandardSchema<Output> } & Rest<Output>): unknown;
  export function tool<const Schema extends JsonSchema>(definition: { input: Schema } & Rest<FromSchema<Schema>>): unknown;
  export function tool(definition: { input?: undefined } & Rest<Record<string, never>>): unknown;
}
`;

/** Prints the types of \`rein/tool\`. */
export const typesCommand: Handler = async (_args, io) => {
  await io.stdout.write(declarations);
  return 0;
};
