import { tool } from "rein/tool";

export default tool({
  name: "mismatch",
  description: "Takes what it does not know",
  input: { type: "object", properties: { channel: { type: "string" }, text: { type: "string" } } },
  run: ({ chanel, text = "" }) => chanel + text,
});
export const same = tool({ name: "same", description: "Has a name twice", run: () => 1 });
export const shadow = tool({ name: "bash_exec", description: "Has rein's name", run: () => 1 });
export const schema = tool({ name: "schema", description: "x", input: { type: "object", propertis: {} }, run: () => 1 });
export const parts = tool({ name: "no name", descripton: "x", effects: "lots" });
