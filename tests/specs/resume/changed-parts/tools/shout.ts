import { tool } from "rein/tool";
import * as v from "valibot";

export const shout = tool({
  name: "shout",
  description: "Shouts",
  input: v.object({ text: v.string() }),
  run: ({ text }) => text.toUpperCase(),
});
