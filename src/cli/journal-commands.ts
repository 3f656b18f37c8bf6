import { outputFlag } from "./command-flags.ts";
import type { Command } from "./command.ts";

/** Commands on what runs have left in the journal. */
export const journalCommands: readonly Command[] = [
  {
    name: "sessions list",
    summary: "List the sessions, newest first",
    positionals: "",
    count: { min: 0, max: 0 },
    flags: [outputFlag("text", "json")],
    examples: [{ command: "rein sessions list --output json", does: "for a script" }],
    load: async () => (await import("./sessions.ts")).listCommand,
  },
  {
    name: "sessions show",
    summary: "Show the turns, calls and usage of a session or a run",
    positionals: "NAME",
    count: { min: 1, max: 1 },
    flags: [
      outputFlag("text", "json"),
      { name: "--whole", value: { name: "SHA256" }, help: "Print a result that was too long for the model, whole" },
    ],
    examples: [{ command: "rein sessions show review", does: "the whole conversation" }],
    load: async () => (await import("./sessions.ts")).showCommand,
  },
  {
    name: "cost",
    summary: "Show what model calls cost, or would have cost elsewhere",
    positionals: "",
    count: { min: 0, max: 0 },
    flags: [
      {
        name: "--by",
        value: { name: "WHAT", choices: ["model", "agent", "day", "session"] },
        help: "Put calls together by this (default: model); days are of UTC",
      },
      { name: "--since", value: { name: "WHEN" }, help: "Only calls since then: '12h', '7d', '2w' or '2026-11-01'" },
      {
        name: "--compare",
        value: { name: "cloud=MODEL,local=MODEL" },
        help: "Price the same calls as all made by one model, all by the other, and as they were, by month",
      },
      { name: "--watts", value: { name: "WATTS" }, help: "With --compare: what this machine draws while it answers" },
      { name: "--per-kwh", value: { name: "DOLLARS" }, help: "With --compare: the price of a kilowatt-hour" },
      {
        name: "--hardware",
        value: { name: "DOLLARS" },
        help: "With --compare: the price of the machine, and in how many months it is paid for",
      },
      outputFlag("text", "json", "csv"),
    ],
    examples: [
      { command: "rein cost", does: "by model, all that the journal has" },
      { command: "rein cost --by day --since 7d --output csv", does: "the last week, for a spreadsheet" },
      {
        command: "rein cost --compare cloud=anthropic/claude-sonnet-5-5,local=local/smollm2 --watts 350 --per-kwh 0.30",
        does: "what it would have been elsewhere",
      },
    ],
    load: async () => (await import("./cost.ts")).costCommand,
  },
];
