import type { Json, JsonObject, JsonSchema } from "../core/json.ts";
import { fits, validate } from "../core/json-schema.ts";
import type { Effects, Tool, ToolContext, ToolOutcome } from "../core/tool.ts";

/** The type of the values that fit a schema: its enums, types, properties and items; what says less is any JSON. */
export type FromSchema<S> = S extends { enum: ReadonlyArray<infer One> }
  ? One
  : S extends { type: "string" }
    ? string
    : S extends { type: "integer" | "number" }
      ? number
      : S extends { type: "boolean" }
        ? boolean
        : S extends { type: "array"; items: infer Item }
          ? Array<FromSchema<Item>>
          : S extends { type: "object" }
            ? FromObject<S>
            : Json;

type FromObject<S> = S extends { properties: infer Properties }
  ? {
      -readonly [Name in keyof Properties as Name extends RequiredOf<S> ? Name : never]: FromSchema<Properties[Name]>;
    } & {
      -readonly [Name in keyof Properties as Name extends RequiredOf<S> ? never : Name]?: FromSchema<Properties[Name]>;
    }
  : S extends { additionalProperties: infer Value extends JsonObject }
    ? { [name: string]: FromSchema<Value> }
    : JsonObject;

type RequiredOf<S> = S extends { required: ReadonlyArray<infer Name> } ? Name : never;

/** A schema as it is, with its type to the letter. */
export function schemaOf<const S extends JsonSchema>(schema: S): S {
  return schema;
}

/** A tool as `builtIn` takes it. */
export type BuiltIn<S extends JsonSchema> = Omit<Tool, "input" | "effects" | "run"> & {
  input: S;
  effects(input: FromSchema<S>): Effects;
  run(input: FromSchema<S>, context: ToolContext): Promise<ToolOutcome>;
};

/** A tool whose code knows its arguments by the type of its schema. Arguments that do not fit it are a bug of the caller: it throws. */
export function builtIn<const S extends JsonSchema>({ input: schema, effects, run, ...tool }: BuiltIn<S>): Tool {
  function typed(input: JsonObject): input is JsonObject & FromSchema<S> {
    return fits(schema, input);
  }

  function checked(input: JsonObject): FromSchema<S> {
    if (typed(input)) return input;
    throw new TypeError(`The arguments of '${tool.name}' do not fit: ${validate(schema, input).join("; ")}`);
  }

  return {
    ...tool,
    input: schema,
    effects: (input) => effects(checked(input)),
    run: async (input, context) => run(checked(input), context),
  };
}
