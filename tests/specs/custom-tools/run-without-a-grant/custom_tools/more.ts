import { writeFileSync } from "node:fs";
import * as v from "valibot";
import { tool } from "rein/tool";

export default tool({
  name: "greet",
  description: "Greets somebody",
  input: v.object({ name: v.pipe(v.string(), v.minLength(1)), times: v.optional(v.number(), 1) }),
  effects: "none",
  run: ({ name, times }: { name: string; times: number }) => `Hello ${name}! `.repeat(times).trim(),
});

export const add = tool({
  name: "add",
  description: "Adds two numbers",
  input: { type: "object", required: ["a", "b"], properties: { a: { type: "number" }, b: { type: "number" } } },
  effects: "none",
  run({ a, b }) {
    if (a > 100) process.exit(9);
    return { sum: a + b };
  },
});

writeFileSync(`${import.meta.dir}/ran`, "");
