import { tool } from "rein/tool";

export default tool({
  name: "greet",
  description: "Greets somebody",
  input: {
    type: "object",
    required: ["name"],
    additionalProperties: false,
    properties: { name: { type: "string", maxLength: 1000 } },
  },
  effects: "none",
  run: ({ name }) => `Hello <${name}>`,
});
