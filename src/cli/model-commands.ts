import { outputFlag } from "./command-flags.ts";
import type { Command } from "./command.ts";

/** Commands on local models. */
export const modelCommands: readonly Command[] = [
  {
    name: "models list",
    summary: "List the models in the models folder",
    positionals: "",
    count: { min: 0, max: 0 },
    flags: [outputFlag("text", "json")],
    examples: [{ command: "rein models list", does: "what can be named as local/NAME" }],
    load: async () => (await import("./models.ts")).listCommand,
  },
  {
    name: "models pull",
    summary: "Get a model of Hugging Face, or of a URL, into the models folder",
    positionals: "MODEL",
    count: { min: 1, max: 1 },
    flags: [
      { name: "--name", value: { name: "NAME" }, help: "Call it NAME there, to be used as local/NAME" },
      { name: "--sha256", value: { name: "DIGITS" }, help: "Take it only if this is its SHA-256" },
      outputFlag("text", "json"),
    ],
    examples: [
      { command: "rein models pull smollm2", does: "a small model that rein knows" },
      {
        command: "rein models pull bartowski/Qwen2.5-7B-Instruct-GGUF",
        does: "its best 4-bit file that fits the memory",
      },
      {
        command: "rein models pull bartowski/Qwen2.5-7B-Instruct-GGUF:Qwen2.5-7B-Instruct-Q8_0.gguf --name qwen",
        does: "one file of a repository, under a name of your own",
      },
      {
        command: "rein models pull https://example.com/model.gguf",
        does: "of a URL; again after an interruption: it goes on",
      },
    ],
    load: async () => (await import("./models-pull.ts")).pullCommand,
  },
  {
    name: "models rm",
    summary: "Remove models from the models folder, and what is there of interrupted downloads",
    positionals: "NAME…",
    count: { min: 1, max: Infinity },
    flags: [outputFlag("text", "json")],
    examples: [{ command: "rein models rm smollm2", does: "its file is deleted" }],
    load: async () => (await import("./models.ts")).removeCommand,
  },
  {
    name: "models info",
    summary: "Show what a GGUF file tells of itself, and the memory that it needs",
    positionals: "NAME|PATH",
    count: { min: 1, max: 1 },
    flags: [outputFlag("text", "json")],
    examples: [
      { command: "rein models info smollm2", does: "a model of the models folder" },
      { command: "rein models info ./model.gguf --output json", does: "any file, for a script" },
    ],
    load: async () => (await import("./models.ts")).infoCommand,
  },
  {
    name: "models bench",
    summary: "Measure a model: tokens per second, first token, memory",
    positionals: "MODEL",
    count: { min: 1, max: 1 },
    flags: [outputFlag("text", "json")],
    examples: [
      { command: "rein models bench local/smollm2", does: "on this machine" },
      {
        command: "rein models bench openai",
        does: "a service's: 4 requests of some 700 tokens, which cost what they cost",
      },
    ],
    load: async () => (await import("./models-bench.ts")).benchCommand,
  },
];
