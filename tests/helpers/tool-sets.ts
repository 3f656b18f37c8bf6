import type { JsonObject } from "../../src/core/json.ts";
import type { ToolSpec } from "../../src/core/model.ts";

function tool(name: string, properties: JsonObject, required: string[] = [], more: JsonObject = {}): ToolSpec {
  return { name, description: `Does ${name}`, input: { type: "object", properties, required, ...more } };
}

const text = { type: "string" };

/** Ten sets of tools, with what schemas of tools have in them. */
export const toolSets: ReadonlyArray<readonly ToolSpec[]> = [
  [tool("read", { path: text, line: { type: "integer", minimum: 1 } }, ["path"], { additionalProperties: false })],
  [
    tool("turn_on", { lamp: { enum: ["kitchen", "bath", "hall"] }, brightness: { type: "number" } }, ["lamp"]),
    tool("turn_off", { lamp: { enum: ["kitchen", "bath", "hall"] } }, ["lamp"]),
  ],
  [tool("send", { to: { type: "array", items: text, minItems: 1 }, subject: text, body: text }, ["to", "body"])],
  [
    tool(
      "book",
      {
        guest: {
          type: "object",
          properties: { name: text, age: { type: "integer", maximum: 120 } },
          required: ["name"],
        },
        nights: { type: "integer", minimum: 1, maximum: 30 },
        breakfast: { type: "boolean" },
      },
      ["guest", "nights"],
    ),
  ],
  [tool("ping", {}), tool("status", {}, [], { additionalProperties: false })],
  [tool("set", { key: { type: "string", pattern: "^[a-z_]{2,12}$" }, value: {} }, ["key", "value"])],
  [
    tool(
      "draw",
      {
        shape: {
          anyOf: [
            {
              type: "object",
              properties: { kind: { const: "circle" }, radius: { type: "number", minimum: 0 } },
              required: ["kind", "radius"],
            },
            {
              type: "object",
              properties: { kind: { const: "text" }, text: { type: "string", minLength: 1 } },
              required: ["kind", "text"],
            },
          ],
        },
      },
      ["shape"],
    ),
  ],
  [
    tool("add_node", { node: { $ref: "#/$defs/node" }, at: { type: ["integer", "null"] } }, ["node"], {
      $defs: {
        node: {
          type: "object",
          properties: { label: text, tags: { type: "array", items: { $ref: "#/$defs/tag" }, maxItems: 3 } },
          required: ["label"],
        },
        tag: { enum: ["a", "b", "c"] },
      },
    }),
    tool("remove_node", { id: { type: "integer", minimum: 0 } }, ["id"]),
  ],
  [
    tool(
      "run",
      {
        argv: { type: "array", items: text, minItems: 1, maxItems: 4 },
        env: { type: "object", additionalProperties: text },
      },
      ["argv"],
    ),
  ],
  [
    tool(
      "when",
      {
        day: { type: "string", format: "date" },
        id: { type: "string", format: "uuid" },
        size: { type: "integer", multipleOf: 5, minimum: 0, maximum: 100 },
      },
      ["day"],
    ),
    tool("pair", { point: { type: "array", prefixItems: [{ type: "number" }, { type: "number" }], minItems: 2 } }, [
      "point",
    ]),
  ],
];

export const requests = [
  "Do what is needed for file notes.txt",
  "Switch everything on, please! It is 5 o'clock and dark.",
  "Ann (31) stays for 3 nights with breakfast.",
  'Größe 世界 "quoted" \\ and {braces}',
  "",
];
